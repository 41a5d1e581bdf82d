//! Pauses between attempts.

use std::time::Duration;

use rand::{Rng, RngExt};

/// The longest pause, however often attempts have failed: this bounds how late
/// a revocation arrives after an outage.
const LONGEST: Duration = Duration::from_secs(30);

/// Doubled so often, every pause has reached [`LONGEST`].
const DOUBLINGS: u32 = 16;

/// Full jitter: the bound doubles with each failure, and the pause lies
/// anywhere below it, so that the gateways of a fleet do not come back all at
/// once. Answers are met again after the usual pause.
#[derive(Debug)]
pub struct Backoff {
    usual: Duration,
    failures: u32,
}

impl Backoff {
    /// With `usual` between two attempts that succeed.
    #[must_use]
    pub fn new(usual: Duration) -> Self {
        Self { usual, failures: 0 }
    }

    /// The pause after an attempt that succeeded.
    pub fn succeeded(&mut self) -> Duration {
        self.failures = 0;
        self.usual
    }

    /// The pause after an attempt that failed.
    pub fn failed(&mut self, random: &mut impl Rng) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let doubled = self.usual.saturating_mul(1 << self.failures.min(DOUBLINGS));
        let bound = doubled.min(LONGEST.max(self.usual));
        // Never none at all: a machine that fails at once would ask all the time.
        let shortest = self.usual.min(LONGEST) / 4;
        shortest.max(bound.mul_f64(random.random_range(0.0..1.0)))
    }

    /// The pause after an answer that was of no use. The other side is there,
    /// and the next answer may be better soon.
    pub fn refused(&mut self, random: &mut impl Rng) -> Duration {
        self.failures = 0;
        self.failed(random)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    const USUAL: Duration = Duration::from_secs(2);

    fn backoff(seed: u64) -> (Backoff, StdRng) {
        (Backoff::new(USUAL), StdRng::seed_from_u64(seed))
    }

    #[test]
    fn pauses_grow_up_to_a_bound_and_success_ends_them() {
        let mut longest = [Duration::ZERO; 40];
        for seed in 0..200 {
            let (mut backoff, mut random) = backoff(seed);
            for (attempt, longest) in longest.iter_mut().enumerate() {
                let pause = backoff.failed(&mut random);
                let bound = USUAL.saturating_mul(1 << (attempt + 1).min(16)).min(LONGEST);
                assert!(pause >= USUAL / 4 && pause < bound, "{pause:?} of {bound:?}");
                *longest = pause.max(*longest);
            }
            assert_eq!(backoff.succeeded(), USUAL);
            assert!(backoff.failed(&mut random) < USUAL * 2);
        }
        // The whole range is used.
        assert!(longest[0] > USUAL && longest[39] > LONGEST * 9 / 10, "{longest:?}");
    }

    #[test]
    fn two_gateways_do_not_keep_step() {
        let pauses = |seed| {
            let (mut backoff, mut random) = backoff(seed);
            (0..8).map(|_| backoff.failed(&mut random)).collect::<Vec<_>>()
        };
        assert_eq!(pauses(1), pauses(1));
        assert_ne!(pauses(1), pauses(2));
    }

    #[test]
    fn an_answer_of_no_use_does_not_lengthen_the_pause() {
        let (mut backoff, mut random) = backoff(3);
        for _ in 0..20 {
            assert!(backoff.refused(&mut random) < USUAL * 2);
        }
    }

    #[test]
    fn a_usual_pause_beyond_the_longest_is_respected() {
        let (mut backoff, mut random) = (Backoff::new(LONGEST * 4), StdRng::seed_from_u64(4));
        for _ in 0..20 {
            let pause = backoff.failed(&mut random);
            assert!(pause >= LONGEST / 4 && pause <= LONGEST * 4);
        }
    }
}
