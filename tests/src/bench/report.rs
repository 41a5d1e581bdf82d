//! What was found.

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;
use serde_json::json;

use super::{
    Outcome,
    append::{CONTENDERS, Options, PGBENCH, STOCK},
    drive::Sample,
    ground::Machine,
    ours::SampleRow,
};

/// The samples of all rounds, by writers and contender.
pub(super) struct Report {
    machine: Machine,
    row: SampleRow,
    options: Options,
    samples: BTreeMap<(usize, &'static str), Vec<Sample>>,
}

/// One line of the table.
#[derive(Debug, Serialize)]
struct Line {
    writers: usize,
    contender: &'static str,
    /// The median of the rounds.
    appends_per_second: f64,
    /// Medians of what each round found, so that both sides had the same machine.
    of_pgbench: f64,
    of_stock: f64,
    p50_ms: f64,
    p99_ms: f64,
    rounds: Vec<f64>,
}

impl Report {
    pub(super) fn new(machine: &Machine, row: &SampleRow, options: &Options) -> Self {
        Self {
            machine: machine.clone(),
            row: row.clone(),
            options: options.clone(),
            samples: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, writers: usize, contender: &'static str, sample: Sample) {
        self.samples.entry((writers, contender)).or_default().push(sample);
    }

    /// The table, and the JSON: one line of the standard output where no file is named.
    pub(super) fn print(&self, json: Option<&Path>) -> Outcome<()> {
        let lines = self.lines();
        println!("\n{}", self.machine);
        println!(
            "One event with {} bytes of payload and {} of metadata to a new aggregate; medians of \
             {} rounds of {:?}.\n",
            self.row.payload.len(),
            self.row.metadata.len(),
            self.options.rounds,
            self.options.time,
        );
        println!(
            "{:>7}  {:<24} {:>9}  {:>10}  {:>14}  {:>8}  {:>8}",
            "writers", "", "appends/s", "of pgbench", "of postgres-es", "p50 ms", "p99 ms"
        );
        for l in &lines {
            println!(
                "{:>7}  {:<24} {:>9.0}  {:>10.2}  {:>14.2}  {:>8.2}  {:>8.2}",
                l.writers,
                l.contender,
                l.appends_per_second,
                l.of_pgbench,
                l.of_stock,
                l.p50_ms,
                l.p99_ms
            );
        }
        let report = json!({
            "benchmark": "append",
            "machine": self.machine,
            "payload_bytes": self.row.payload.len(),
            "metadata_bytes": self.row.metadata.len(),
            "seconds": self.options.time.as_secs_f64(),
            "results": lines,
        });
        match json {
            Some(path) => Ok(std::fs::write(path, format!("{report}\n"))?),
            None => {
                println!("\n{report}");
                Ok(())
            }
        }
    }

    fn lines(&self) -> Vec<Line> {
        let writers = self.options.writers.iter();
        writers.flat_map(|w| CONTENDERS.map(|name| self.line(*w, name))).collect()
    }

    fn line(&self, writers: usize, contender: &'static str) -> Line {
        let rounds = self.rates(writers, contender);
        let of = |other| median(&ratios(&rounds, &self.rates(writers, other)));
        let samples = self.samples.get(&(writers, contender));
        let samples = samples.into_iter().flatten();
        let mut latencies: Vec<u32> = samples.flat_map(|s| &s.latencies).copied().collect();
        latencies.sort_unstable();
        Line {
            writers,
            contender,
            appends_per_second: median(&rounds),
            of_pgbench: of(PGBENCH),
            of_stock: of(STOCK),
            p50_ms: quantile(&latencies, 50),
            p99_ms: quantile(&latencies, 99),
            rounds,
        }
    }

    fn rates(&self, writers: usize, contender: &'static str) -> Vec<f64> {
        let samples = self.samples.get(&(writers, contender));
        samples.into_iter().flatten().map(Sample::per_second).collect()
    }
}

fn ratios(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a / b).collect()
}

fn median(values: &[f64]) -> f64 {
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
