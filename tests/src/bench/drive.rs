//! Clients at work.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use tokio::task::JoinSet;

use super::Outcome;

/// Something that is measured.
#[async_trait]
pub(super) trait Contender: Send + Sync {
    /// Does it once, and returns when it is done.
    async fn act(&self) -> Outcome<()>;
}

/// What one measurement found.
#[derive(Debug, Clone, Default)]
pub(super) struct Sample {
    /// Of each time, in microseconds.
    pub(super) latencies: Vec<u32>,
    pub(super) elapsed: Duration,
}

impl Sample {
    pub(super) fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

/// Lets this many clients act, each again and again, for this long.
pub(super) async fn drive(
    contender: &Arc<dyn Contender>,
    clients: usize,
    time: Duration,
) -> Outcome<Sample> {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        let contender = Arc::clone(contender);
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            let mut begun = Instant::now();
            while start.elapsed() < time {
                contender.act().await?;
                let done = Instant::now();
                let took = done.duration_since(begun).as_micros();
                latencies.push(u32::try_from(took).unwrap_or(u32::MAX));
                begun = done;
            }
            Outcome::Ok(latencies)
        });
    }
    let mut sample = Sample::default();
    while let Some(latencies) = tasks.join_next().await {
        sample.latencies.extend(latencies??);
    }
    sample.elapsed = start.elapsed();
    Ok(sample)
}
