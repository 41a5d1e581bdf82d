//! Verifies an archive, line by line, with nothing but the log's public key.

use std::{collections::BTreeMap, fmt};

use tlog_tiles::Hash;

use super::{Entry, FORMAT, Header, Line, Trailer};
use crate::{
    Checkpoint, Comparison, Frontier, Misfit, NoteError, NoteVerifier, canonical,
    tree::is_consistent,
};

/// How many problems are told; the others are only counted.
const TOLD: usize = 20;

/// What is wrong with an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// A line, from 1, is none of an archive, or not at its place.
    Line(u64, &'static str),
    /// The checkpoint of the header is not to be believed.
    Checkpoint(NoteError),
    /// An event's payload is not the one that its leaf names.
    Payload(u64, String),
    /// An event's metadata is not that which its leaf names.
    Metadata(u64, String),
    /// An event is not what the log has recorded.
    Event(u64, Option<String>, Misfit),
    /// An event without a number stands after this one.
    Unnumbered(u64, String),
    /// An event does not stand where its number says.
    OutOfOrder(u64),
    /// The recorded hashes do not lead to the archive's own checkpoint.
    Unproven,
}

impl Problem {
    /// The number of the event in question.
    #[must_use]
    pub const fn idx(&self) -> Option<u64> {
        match self {
            Self::Payload(idx, _)
            | Self::Metadata(idx, _)
            | Self::Event(idx, ..)
            | Self::Unnumbered(idx, _)
            | Self::OutOfOrder(idx) => Some(*idx),
            Self::Line(..) | Self::Checkpoint(_) | Self::Unproven => None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line, why) => write!(f, "line {line}: {why}"),
            Self::Checkpoint(error) => write!(f, "{error}"),
            Self::Payload(idx, what) => write!(f, "event {idx} ({what}): its payload was changed"),
            Self::Metadata(idx, what) => {
                write!(f, "event {idx} ({what}): its metadata was changed")
            }
            Self::Event(idx, Some(what), misfit) => write!(f, "event {idx} ({what}) {misfit}"),
            Self::Event(idx, None, misfit) => write!(f, "event {idx} {misfit}"),
            Self::Unnumbered(after, what) => {
                write!(f, "after event {after} ({what}) was inserted: the log has no number for it")
            }
            Self::OutOfOrder(idx) => write!(f, "event {idx} is not at its place in the order"),
            Self::Unproven => write!(
                f,
                "the recorded hashes do not lead to the archive's checkpoint: events were changed \
                 together with their hashes"
            ),
        }
    }
}

/// How an archive stands to a checkpoint that somebody kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It continues the log as it was then.
    Continues,
    /// It does not: the history was replaced.
    Replaced,
    /// The archive says nothing of it.
    Unknown,
}

/// What came out.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The header.
    pub header: Header,
    /// Its checkpoint, where that is believed.
    pub checkpoint: Option<Checkpoint>,
    /// How many events were read.
    pub events: u64,
    /// The root of the tree over the events before the first.
    pub before: Hash,
    /// The root of the tree up to the last event; none where some are missing.
    pub after: Option<Hash>,
    /// How it stands to each checkpoint that was given, in their order.
    pub standings: Vec<Standing>,
    /// What is wrong, by event; the first twenty.
    pub problems: Vec<Problem>,
    /// How many things are wrong.
    pub wrong: u64,
}

/// Takes an archive's lines.
#[derive(Debug)]
pub struct Check<'a> {
    key: &'a NoteVerifier,
    kept: &'a [Checkpoint],
    line: u64,
    header: Option<Header>,
    trailer: Option<Trailer>,
    checkpoint: Option<Checkpoint>,
    before: Hash,
    tree: Frontier,
    /// Of the sizes of kept checkpoints.
    roots: BTreeMap<u64, Hash>,
    /// The number that the next event should have.
    next: u64,
    events: u64,
    /// Whether every recorded hash was there.
    whole: bool,
    /// The first number that was left out, and whether it came later.
    gap: Option<(u64, bool)>,
    comparison: Comparison,
    /// What the first event that differs says it is.
    differing: Option<String>,
    problems: Vec<Problem>,
    wrong: u64,
}

impl<'a> Check<'a> {
    /// Begins. `kept` are checkpoints that were kept and are believed.
    #[must_use]
    pub fn new(key: &'a NoteVerifier, kept: &'a [Checkpoint]) -> Self {
        Self {
            key,
            kept,
            line: 0,
            header: None,
            trailer: None,
            checkpoint: None,
            before: tlog_tiles::EMPTY_HASH,
            tree: Frontier::default(),
            roots: BTreeMap::new(),
            next: 1,
            events: 0,
            whole: true,
            gap: None,
            comparison: Comparison::default(),
            differing: None,
            problems: vec![],
            wrong: 0,
        }
    }

    /// Takes the next line.
    pub fn line(&mut self, text: &str) {
        self.line += 1;
        let line = Line::parse(text);
        match (line, self.header.is_some(), self.trailer.is_some()) {
            (Ok(Line::Header(header)), false, _) => self.header(header),
            (Ok(Line::Event(entry)), true, false) => self.event(&entry),
            (Ok(Line::Trailer(trailer)), true, false) => self.trailer = Some(trailer),
            (Ok(_), ..) => self.problem(Problem::Line(self.line, "is not at its place")),
            (Err(_), ..) => self.problem(Problem::Line(self.line, "is no line of an archive")),
        }
    }

    fn header(&mut self, header: Header) {
        let range = 1 <= header.from && header.from <= header.to;
        let tree = Frontier::from(header.from.saturating_sub(1), header.before.clone());
        match tree {
            Some(tree) if range && header.format == FORMAT => self.tree = tree,
            _ => {
                self.whole = false;
                self.problem(Problem::Line(self.line, "is not a header that is known here"));
            }
        }
        match self.key.open(&header.checkpoint) {
            Ok(checkpoint) if checkpoint.size < header.to => {
                self.problem(Problem::Line(self.line, "the checkpoint is older than the range"));
            }
            Ok(checkpoint) => self.checkpoint = Some(checkpoint),
            Err(error) => self.problem(Problem::Checkpoint(error)),
        }
        self.before = self.tree.root();
        self.next = header.from;
        self.header = Some(header);
        self.note_root();
    }

    fn note_root(&mut self) {
        let size = self.tree.size();
        if self.whole && self.kept.iter().any(|kept| kept.size == size) {
            self.roots.insert(size, self.tree.root());
        }
    }

    fn event(&mut self, entry: &Entry) {
        self.events += 1;
        let what = entry.leaf.as_ref().map(ToString::to_string);
        let Some(idx) = entry.idx else {
            let what = what.unwrap_or_else(|| "an event".to_owned());
            return self.problem(Problem::Unnumbered(self.next.saturating_sub(1), what));
        };
        if idx < self.next {
            return match &mut self.gap {
                Some((first, came)) if *first == idx => *came = true,
                Some(_) => {}
                None => self.problem(Problem::Event(idx, what, Misfit::Inserted)),
            };
        }
        if idx > self.next {
            self.whole = false;
            self.gap.get_or_insert((self.next, false));
        }
        self.next = idx.saturating_add(1);
        let found = entry.leaf.as_ref().and_then(|leaf| leaf.hash().ok());
        if !self.comparison.see(idx, found, entry.recorded) && self.comparison.first() == Some(idx)
        {
            self.differing.clone_from(&what);
        }
        match entry.recorded {
            Some(recorded) if self.whole => {
                self.tree.push(recorded);
                self.note_root();
            }
            _ => self.whole = false,
        }
        let Some(leaf) = &entry.leaf else { return };
        let what = what.unwrap_or_default();
        let names = |value: &Option<serde_json::Value>, sha256: &str| {
            let hash = value.as_ref().and_then(|value| canonical::sha256(value).ok());
            hash.is_some_and(|hash| hash == sha256)
        };
        if !names(&entry.payload, &leaf.payload_sha256) {
            self.problem(Problem::Payload(idx, what.clone()));
        }
        if !names(&entry.metadata, &leaf.metadata_sha256) {
            self.problem(Problem::Metadata(idx, what));
        }
    }

    /// Ends. None where there was not even a header.
    #[must_use]
    pub fn finish(mut self) -> Option<Checked> {
        let header = self.header.take()?;
        if let Some((first, misfit)) = self.comparison.first().zip(self.comparison.misfit()) {
            let what = self.differing.take();
            self.wrong += self.comparison.differing() - 1;
            self.problem(Problem::Event(first, what, misfit));
        }
        match self.gap {
            Some((first, true)) => self.problem(Problem::OutOfOrder(first)),
            Some((first, false)) => self.problem(Problem::Event(first, None, Misfit::Missing)),
            None => {}
        }
        if self.next <= header.to {
            self.whole = false;
            self.problem(Problem::Event(self.next, None, Misfit::Missing));
        } else if self.next > header.to.saturating_add(1) {
            self.whole = false;
            self.problem(Problem::Event(header.to + 1, None, Misfit::Inserted));
        }
        let counted = self.trailer.as_ref().map(|trailer| trailer.events);
        if counted.is_none_or(|counted| counted != self.events) {
            self.problem(Problem::Line(self.line, "the archive is cut short or was lengthened"));
        }
        let after = self.whole.then(|| self.tree.root());
        if let (Some(after), Some(checkpoint)) = (after, &self.checkpoint)
            && self.continues((header.to, after), checkpoint) != Standing::Continues
        {
            self.problem(Problem::Unproven);
        }
        let standings = self.kept.iter().map(|kept| self.standing(kept)).collect();
        self.sort_problems();
        Some(Checked {
            header,
            checkpoint: self.checkpoint,
            events: self.events,
            before: self.before,
            after,
            standings,
            problems: self.problems,
            wrong: self.wrong,
        })
    }

    fn standing(&self, kept: &Checkpoint) -> Standing {
        // Where the recorded hashes are at hand there is nothing to believe.
        if let Some(root) = self.roots.get(&kept.size) {
            return if *root == kept.root { Standing::Continues } else { Standing::Replaced };
        }
        match &self.checkpoint {
            Some(checkpoint) => self.continues((kept.size, kept.root), checkpoint),
            None => Standing::Unknown,
        }
    }

    /// Whether the archive shows that its checkpoint begins with this older tree.
    fn continues(&self, older: (u64, Hash), checkpoint: &Checkpoint) -> Standing {
        let newer = (checkpoint.size, checkpoint.root);
        let none = vec![];
        let hashes = if older.0 == newer.0 {
            Some(&none)
        } else {
            let proofs = self.trailer.iter().flat_map(|trailer| &trailer.proofs);
            let mut proofs = proofs.filter(|proof| proof.size == older.0);
            proofs.next().map(|proof| &proof.hashes)
        };
        match hashes {
            Some(hashes) if is_consistent(hashes, older, newer) => Standing::Continues,
            Some(_) => Standing::Replaced,
            None => Standing::Unknown,
        }
    }

    fn problem(&mut self, problem: Problem) {
        self.wrong += 1;
        self.problems.push(problem);
        if self.problems.len() > 2 * TOLD {
            self.sort_problems();
        }
    }

    /// The first events first, then what is about the whole.
    fn sort_problems(&mut self) {
        self.problems.sort_by_key(|problem| problem.idx().unwrap_or(u64::MAX));
        self.problems.truncate(TOLD);
    }
}
