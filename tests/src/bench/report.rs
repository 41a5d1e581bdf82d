//! What was found.

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;
use serde_json::{Value, json};

use super::{Outcome, drive::Sample, ground::Machine};

/// A line of the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// The contender.
    pub(super) name: &'static str,
    /// Whom each column of ratios compares it with.
    pub(super) against: &'static [Option<&'static str>],
}

/// What a benchmark compares.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    /// The benchmark's name.
    pub(super) name: &'static str,
    /// What works at once: `writers`.
    pub(super) clients: &'static str,
    /// What is counted: `appends/s`.
    pub(super) rate: &'static str,
    /// The columns of ratios.
    pub(super) ratios: &'static [&'static str],
    /// The lines for each number of clients.
    pub(super) rows: &'static [Row],
}

/// The samples of all rounds, by clients and contender.
pub(super) struct Report {
    table: Table,
    machine: Machine,
    /// Said above the table.
    about: String,
    samples: BTreeMap<(usize, &'static str), Vec<Sample>>,
}

#[derive(Debug, Serialize)]
struct Line {
    clients: usize,
    contender: &'static str,
    /// The median of the rounds.
    per_second: f64,
    /// Medians of what each round found, so that both sides had the same machine.
    ratios: BTreeMap<&'static str, f64>,
    p50_ms: f64,
    p99_ms: f64,
    rounds: Vec<f64>,
}

impl Report {
    pub(super) fn new(table: Table, machine: &Machine, about: String) -> Self {
        Self { table, machine: machine.clone(), about, samples: BTreeMap::new() }
    }

    /// Takes one measurement down, and tells of it.
    pub(super) fn add(
        &mut self,
        round: usize,
        clients: usize,
        contender: &'static str,
        sample: Sample,
    ) {
        let (what, rate) = (self.table.clients, sample.per_second());
        eprintln!("round {round}, {clients:>2} {what}: {rate:>8.0}/s  {contender}");
        self.samples.entry((clients, contender)).or_default().push(sample);
    }

    /// The table, and the JSON: one line of the standard output where no file is named.
    pub(super) fn print(&self, json: Option<&Path>) -> Outcome<()> {
        let lines = self.lines();
        println!("\n{}\n{}\n", self.machine, self.about);
        println!("{}", self.head());
        for line in &lines {
            println!("{}", self.text(line));
        }
        let report = json!({
            "benchmark": self.table.name,
            "machine": self.machine,
            "about": self.about,
            "results": lines,
        });
        write_json(&report, json)
    }

    fn head(&self) -> String {
        let Table { clients, rate, ratios, .. } = self.table;
        let ratios: String = ratios.iter().map(|name| format!("  {name:>14}")).collect();
        format!("{clients:>7}  {:<34} {rate:>10}{ratios}  {:>8}  {:>8}", "", "p50 ms", "p99 ms")
    }

    fn text(&self, line: &Line) -> String {
        let ratio = |name: &&str| {
            let ratio = line.ratios.get(*name).map_or_else(String::new, |r| format!("{r:.2}"));
            format!("  {ratio:>14}")
        };
        let ratios: String = self.table.ratios.iter().map(ratio).collect();
        let Line { clients, contender, per_second, p50_ms, p99_ms, .. } = line;
        let rate = format!("{clients:>7}  {contender:<34} {per_second:>10.0}");
        format!("{rate}{ratios}  {p50_ms:>8.2}  {p99_ms:>8.2}")
    }

    fn lines(&self) -> Vec<Line> {
        let mut clients: Vec<usize> = self.samples.keys().map(|(clients, _)| *clients).collect();
        clients.dedup();
        let rows = self.table.rows;
        let measured = |n, row: &&Row| self.samples.contains_key(&(n, row.name));
        let lines =
            |n| rows.iter().filter(move |row| measured(n, row)).map(move |row| self.line(n, *row));
        clients.into_iter().flat_map(lines).collect()
    }

    fn line(&self, clients: usize, row: Row) -> Line {
        let rounds = self.rates(clients, row.name);
        let ratio = |(column, other): (&&'static str, &Option<&'static str>)| {
            Some((*column, median(&ratios(&rounds, &self.rates(clients, (*other)?)))))
        };
        let samples = self.samples.get(&(clients, row.name)).into_iter().flatten();
        let mut latencies: Vec<u32> = samples.flat_map(|s| &s.latencies).copied().collect();
        latencies.sort_unstable();
        Line {
            clients,
            contender: row.name,
            per_second: median(&rounds),
            ratios: self.table.ratios.iter().zip(row.against).filter_map(ratio).collect(),
            p50_ms: quantile(&latencies, 50),
            p99_ms: quantile(&latencies, 99),
            rounds,
        }
    }

    /// How often a contender did it in a second: the median of the rounds.
    pub(super) fn median(&self, clients: usize, contender: &'static str) -> f64 {
        median(&self.rates(clients, contender))
    }

    fn rates(&self, clients: usize, contender: &'static str) -> Vec<f64> {
        let samples = self.samples.get(&(clients, contender));
        samples.into_iter().flatten().map(Sample::per_second).collect()
    }
}

/// How long things took, one line for each.
pub(super) struct Times {
    /// The benchmark's name.
    pub(super) name: &'static str,
    pub(super) machine: Machine,
    /// Said above the table.
    pub(super) about: String,
    pub(super) lines: Vec<TimesLine>,
}

/// What one thing took.
#[derive(Debug, Clone, Serialize)]
pub(super) struct TimesLine {
    pub(super) what: String,
    pub(super) times: usize,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    /// Its median as a multiple of something else's.
    pub(super) ratio: Option<f64>,
    /// Of what.
    pub(super) of: Option<String>,
    /// What it was to be.
    pub(super) goal: Option<&'static str>,
}

impl TimesLine {
    /// Of times in microseconds.
    pub(super) fn new(what: impl Into<String>, mut times: Vec<u32>) -> Self {
        times.sort_unstable();
        Self {
            what: what.into(),
            times: times.len(),
            p50_ms: quantile(&times, 50),
            p99_ms: quantile(&times, 99),
            ratio: None,
            of: None,
            goal: None,
        }
    }

    /// Beside something else.
    pub(super) fn beside(mut self, other: &Self) -> Self {
        self.ratio = Some(self.p50_ms / other.p50_ms);
        self.of = Some(other.what.clone());
        self
    }

    pub(super) fn goal(mut self, goal: &'static str) -> Self {
        self.goal = Some(goal);
        self
    }
}

impl Times {
    /// The table, and the JSON: one line of the standard output where no file is named.
    pub(super) fn print(&self, json: Option<&Path>) -> Outcome<()> {
        println!("\n{}\n{}\n", self.machine, self.about);
        println!("{:<46} {:>7} {:>9} {:>9}  ratio", "", "times", "p50 ms", "p99 ms");
        for line in &self.lines {
            let TimesLine { what, times, p50_ms, p99_ms, ratio, of, goal } = line;
            print!("{what:<46} {times:>7} {p50_ms:>9.3} {p99_ms:>9.3}");
            if let (Some(ratio), Some(of)) = (ratio, of) {
                print!("  {ratio:.2} of {of}");
            }
            println!("{}", goal.map(|goal| format!("  (goal: {goal})")).unwrap_or_default());
        }
        let report = json!({
            "benchmark": self.name,
            "machine": self.machine,
            "about": self.about,
            "results": self.lines,
        });
        write_json(&report, json)
    }
}

/// In microseconds.
pub(super) fn micros(time: std::time::Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

fn write_json(report: &Value, file: Option<&Path>) -> Outcome<()> {
    match file {
        Some(path) => Ok(std::fs::write(path, format!("{report}\n"))?),
        None => {
            println!("\n{report}");
            Ok(())
        }
    }
}

fn ratios(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a / b).collect()
}

pub(super) fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.get(middle), middle.checked_sub(1).and_then(|m| values.get(m))) {
        (Some(a), Some(b)) if values.len().is_multiple_of(2) => f64::midpoint(*a, *b),
        (Some(a), _) => *a,
        (None, _) => f64::NAN,
    }
}

fn quantile(sorted: &[u32], percent: usize) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get(last * percent / 100).map_or(f64::NAN, |us| f64::from(*us) / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_quantiles() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
        let latencies: Vec<u32> = (0..=100).map(|n| n * 1000).collect();
        assert_eq!((quantile(&latencies, 50), quantile(&latencies, 99)), (50.0, 99.0));
    }
}
