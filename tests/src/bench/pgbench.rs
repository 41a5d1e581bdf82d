//! PostgreSQL's own measure: the same row into the same table, one commit for each.

use std::{path::PathBuf, process::Stdio, time::Duration};

use sqlx::postgres::PgConnectOptions;
use tokio::process::Command;

use super::{Outcome, drive::Sample, ground::Ground, ours::SampleRow};

// The values are parameters, so that PostgreSQL parses the JSON each time, as it has to for the
// others. The triggers and indexes are those of the migrations.
const SCRIPT: &str = "\
INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata) \
VALUES (:aggregate_type, gen_random_uuid()::text, 1, :event_type, :event_version, \
(:payload)::text::json, (:metadata)::text::json);
";

/// The program and what it is given.
pub(super) struct PgBench {
    program: PathBuf,
    dir: PathBuf,
    connect: PgConnectOptions,
    variables: Vec<String>,
}

impl PgBench {
    pub(super) async fn prepare(ground: &Ground, row: &SampleRow) -> Outcome<Self> {
        let program = PathBuf::from(&ground.machine.bin_dir).join("pgbench");
        if !program.is_file() {
            let program = program.display();
            return Err(format!("there is no {program}: install Debian's postgresql").into());
        }
        let dir = ground.server.scratch_dir().join("pgbench");
        std::fs::create_dir(&dir)?;
        std::fs::write(dir.join("insert.sql"), SCRIPT)?;
        let connect = ground.database("bench_pgbench").await?;
        let variables = [
            ("aggregate_type", &row.aggregate_type),
            ("event_type", &row.event_type),
            ("event_version", &row.event_version),
            ("payload", &row.payload),
            ("metadata", &row.metadata),
        ];
        let variables = variables.map(|(name, value)| format!("{name}={value}")).to_vec();
        Ok(Self { program, dir, connect, variables })
    }

    pub(super) async fn run(&self, writers: usize, time: Duration) -> Outcome<Sample> {
        let socket = self.connect.get_socket().ok_or("the cluster has no socket")?;
        let seconds = time.as_secs().max(1);
        let mut command = Command::new(&self.program);
        command.current_dir(&self.dir).env("LC_ALL", "C").stdin(Stdio::null());
        command.arg("-h").arg(socket).args(["-U", self.connect.get_username()]);
        command.args(["-n", "-M", "prepared", "-f", "insert.sql", "-j", "2"]);
        command.args(["-c", &writers.to_string(), "-T", &seconds.to_string()]);
        command.args(["-l", "--log-prefix", "latency"]);
        command.args(self.variables.iter().flat_map(|variable| ["-D", variable]));
        command.arg(self.connect.get_database().unwrap_or_default());
        let output = command.output().await?;
        let text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            return Err(format!("pgbench: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        // As for the others, opening connections is not counted.
        let rate = text.lines().find_map(|l| l.strip_prefix("tps = ")?.split(' ').next());
        let rate: f64 = rate.ok_or("pgbench told no rate")?.parse()?;
        let latencies = self.take_latencies()?;
        let elapsed = Duration::from_secs_f64(latencies.len() as f64 / rate);
        Ok(Sample { latencies, elapsed })
    }

    /// Reads and removes the logs: client, number, microseconds, and so on.
    fn take_latencies(&self) -> Outcome<Vec<u32>> {
        let mut latencies = Vec::new();
        for entry in std::fs::read_dir(&self.dir)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if !name.starts_with("latency.") {
                continue;
            }
            for line in std::fs::read_to_string(&path)?.lines() {
                let time = line.split(' ').nth(2).ok_or("a line of pgbench's log is short")?;
                latencies.push(time.parse()?);
            }
            std::fs::remove_file(&path)?;
        }
        Ok(latencies)
    }
}
