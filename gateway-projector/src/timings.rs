//! How long publishing takes.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Counts durations by how long they were at most. Cheap to add to from anywhere.
#[derive(Debug, Default)]
pub struct Histogram {
    counts: [AtomicU64; Self::BOUNDS.len()],
    all: AtomicU64,
    micros: AtomicU64,
}

/// A histogram as it was at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct HistogramReading {
    /// For each bound of [`Histogram::BOUNDS`] how many were no longer.
    pub up_to: Vec<u64>,
    /// How many there were.
    pub count: u64,
    /// How long they took together, in seconds.
    pub sum: f64,
}

impl Histogram {
    /// The upper bounds, in seconds.
    pub const BOUNDS: [f64; 12] =
        [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

    /// One more.
    pub fn add(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        for (count, bound) in self.counts.iter().zip(Self::BOUNDS) {
            if seconds <= bound {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.all.fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// What was counted so far.
    #[must_use]
    pub fn read(&self) -> HistogramReading {
        let up_to = self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let sum = Duration::from_micros(self.micros.load(Ordering::Relaxed)).as_secs_f64();
        HistogramReading { up_to, count: self.all.load(Ordering::Relaxed), sum }
    }
}

/// What publishing bundles takes in this process.
#[derive(Debug, Default)]
pub struct Timings {
    /// From the event to the bundle on record, where somebody waited for it.
    pub published: Histogram,
    /// Rendering, hashing and signing alone.
    pub rendered: Histogram,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_in_all_bounds_that_hold_it() {
        let histogram = Histogram::default();
        for millis in [1, 3, 400, 60_000] {
            histogram.add(Duration::from_millis(millis));
        }
        let reading = histogram.read();
        assert_eq!(reading.up_to, [1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3]);
        assert_eq!((reading.count, reading.sum), (4, 60.404));
    }
}
