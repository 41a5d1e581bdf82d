//! `nexavpn audit verify`: without the server and without its database.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Lines},
    path::{Path, PathBuf},
};

use clap::Args;
use nexavpn_proof::{
    Checkpoint, NoteVerifier,
    archive::{Check, Checked, Difference, Entry, Line, Standing},
};

use super::notes;
use crate::cli::{
    CliError,
    output::{count, out},
};

/// What to verify, and against what.
#[derive(Debug, Args)]
pub(in crate::cli) struct Verify {
    /// Archives, in any order; those that follow each other are verified as one history
    #[arg(required = true, value_name = "ARCHIVE")]
    archives: Vec<PathBuf>,
    /// The log's public key as `nexavpn audit key` printed it, or a file that holds it
    #[arg(long, env = "NEXAVPN_AUDIT_KEY", value_name = "KEY", hide_env_values = true)]
    key: String,
    /// A checkpoint that was kept: the archives must continue it. May be given several times
    #[arg(long, env = "NEXAVPN_AUDIT_CHECKPOINT", value_name = "FILE", hide_env_values = true)]
    checkpoint: Vec<PathBuf>,
}

pub(super) fn run(args: &Verify) -> Result<(), CliError> {
    let key = notes::verifier(&args.key)?;
    let kept = notes::kept(&key, &args.checkpoint)?;
    let mut archives =
        args.archives.iter().map(|path| Archive::open(path)).collect::<Result<Vec<_>, _>>()?;
    archives.sort_by_key(|archive| (archive.from, archive.to));
    // Those that were kept first, then those that the archives bring themselves.
    let mut checkpoints: Vec<Checkpoint> = kept.iter().map(|(_, kept)| kept.clone()).collect();
    checkpoints.extend(archives.iter().filter_map(|archive| key.open(&archive.checkpoint).ok()));
    let mut problems = 0;
    let mut all = Vec::new();
    for archive in &archives {
        let checked = archive.check(&key, &checkpoints)?;
        problems += tell(archive.path, &checked);
        all.push(checked);
    }
    problems += history(&archives, &all)?;
    problems += kept_ones(&kept, &checkpoints, &all);
    if problems == 0 {
        return Ok(());
    }
    out(&format!("{} found.", count(problems, "problem")));
    Err(CliError::Problems)
}

/// Says how an archive is; answers how many problems it has.
fn tell(path: &Path, checked: &Checked) -> u64 {
    let mark = if checked.wrong == 0 { "ok     " } else { "DIFFERS" };
    let (from, to) = (checked.header.from, checked.header.to);
    let size = checked.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.size);
    out(&format!(
        "{mark}  {}: events {from} to {to}, against the checkpoint of {size} events",
        path.display()
    ));
    for problem in &checked.problems {
        out(&format!("           {problem}"));
    }
    let untold = checked.wrong.saturating_sub(checked.problems.len() as u64);
    if untold > 0 {
        out(&format!("           and {untold} more"));
    }
    checked.wrong
}

/// Says how the archives go together; answers how many problems there are.
fn history(archives: &[Archive<'_>], all: &[Checked]) -> Result<u64, CliError> {
    let mut problems = 0;
    for (pair, checked) in archives.windows(2).zip(all.windows(2)) {
        let ([before, after], [first, second]) = (pair, checked) else { continue };
        let names = format!("{} and {}", before.path.display(), after.path.display());
        if after.from <= before.to {
            match difference(before, after)? {
                None => out(&format!("ok       {names} say the same of the events that both have")),
                Some(what) => {
                    out(&format!("DIFFERS  {names}: {what}"));
                    problems += 1;
                }
            }
        } else if after.from > before.to + 1 {
            let (from, to) = (before.to + 1, after.from - 1);
            out(&format!("note     events {from} to {to} are in none of the archives"));
        } else if first.after.is_some_and(|root| root != second.before) {
            out(&format!("DIFFERS  {names} are not of one history"));
            problems += 1;
        } else {
            out(&format!("ok       {names} follow each other"));
        }
    }
    Ok(problems)
}

/// Says how the archives stand to the checkpoints; answers how many problems there are.
fn kept_ones(kept: &[(&Path, Checkpoint)], all: &[Checkpoint], checked: &[Checked]) -> u64 {
    let mut problems = 0;
    for (n, checkpoint) in all.iter().enumerate() {
        let standings = checked.iter().filter_map(|checked| checked.standings.get(n));
        let is = |wanted: Standing| standings.clone().any(|standing| *standing == wanted);
        let (replaced, continues) = (is(Standing::Replaced), is(Standing::Continues));
        let size = checkpoint.size;
        match (kept.get(n), replaced, continues) {
            (Some((path, _)), true, _) => {
                out(&format!(
                    "DIFFERS  {}: the history was replaced: it does not continue this checkpoint \
                     of {size} events. Some event from 1 to {size} is not what it was",
                    path.display()
                ));
                problems += 1;
            }
            (Some((path, _)), false, true) => {
                out(&format!(
                    "ok       {}: the history continues this checkpoint of {size} events",
                    path.display()
                ));
            }
            (Some((path, _)), false, false) => {
                out(&format!(
                    "UNKNOWN  {}: the archives say nothing of this checkpoint of {size} events: \
                     export one with --checkpoint, or from event 1",
                    path.display()
                ));
                problems += 1;
            }
            (None, true, _) => {
                out(&format!(
                    "DIFFERS  the archives are of two histories: not all continue the checkpoint \
                     of {size} events that one of them brings"
                ));
                problems += 1;
            }
            (None, false, _) => {}
        }
    }
    problems
}

/// The first event that two archives say other things of.
fn difference(one: &Archive<'_>, other: &Archive<'_>) -> Result<Option<String>, CliError> {
    let (mut left, mut right) = (one.entries()?, other.entries()?);
    let from = one.from.max(other.from);
    let next = |entries: &mut Entries<'_>| -> Result<Option<Entry>, CliError> {
        loop {
            match entries.next()? {
                Some(entry) if entry.idx.is_none_or(|idx| idx < from) => {}
                entry => return Ok(entry),
            }
        }
    };
    loop {
        let (Some(a), Some(b)) = (next(&mut left)?, next(&mut right)?) else { return Ok(None) };
        let idx = a.idx.min(b.idx).unwrap_or_default();
        let what =
            if a.idx == b.idx { Difference::between(&a, &b) } else { Some(Difference::Missing) };
        if let Some(what) = what {
            let name = a.leaf.or(b.leaf).map(|leaf| format!(" ({leaf})")).unwrap_or_default();
            return Ok(Some(format!("event {idx}{name} {what}")));
        }
    }
}

/// An archive, by what its first line says.
struct Archive<'a> {
    path: &'a Path,
    from: u64,
    to: u64,
    checkpoint: String,
}

impl<'a> Archive<'a> {
    fn open(path: &'a Path) -> Result<Self, CliError> {
        let first = lines(path)?.next().transpose().map_err(|error| unreadable(path, &error))?;
        match first.as_deref().map(Line::parse) {
            Some(Ok(Line::Header(header))) => {
                Ok(Self { path, from: header.from, to: header.to, checkpoint: header.checkpoint })
            }
            _ => Err(unreadable(path, &"it does not begin as an archive does")),
        }
    }

    fn check(&self, key: &NoteVerifier, kept: &[Checkpoint]) -> Result<Checked, CliError> {
        let mut check = Check::new(key, kept);
        for line in lines(self.path)? {
            check.line(&line.map_err(|error| unreadable(self.path, &error))?);
        }
        check.finish().ok_or_else(|| unreadable(self.path, &"it has changed meanwhile"))
    }

    fn entries(&self) -> Result<Entries<'a>, CliError> {
        Ok(Entries { path: self.path, lines: lines(self.path)? })
    }
}

/// The events of an archive, one after another.
struct Entries<'a> {
    path: &'a Path,
    lines: Lines<BufReader<File>>,
}

impl Entries<'_> {
    fn next(&mut self) -> Result<Option<Entry>, CliError> {
        for line in self.lines.by_ref() {
            let line = line.map_err(|error| unreadable(self.path, &error))?;
            if let Ok(Line::Event(entry)) = Line::parse(&line) {
                return Ok(Some(*entry));
            }
        }
        Ok(None)
    }
}

fn lines(path: &Path) -> Result<Lines<BufReader<File>>, CliError> {
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    Ok(BufReader::new(file).lines())
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> CliError {
    CliError::Said(format!("the archive {}: {error}", path.display()))
}
