//! The agent in numbers, for Prometheus. Nothing in here is secret, and nothing
//! names a device or a peer.

mod server;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nexavpn_bundle::{Applied, PeerStatus};

use crate::VERSION;

pub use server::serve;

/// Upper bounds of the buckets of an application's duration, in milliseconds.
const BUCKETS_MS: [u64; 8] = [10, 25, 50, 100, 250, 1000, 5000, 30_000];

/// WireGuard makes a new handshake after two minutes of traffic, and gives a
/// session up after three.
const SESSION_S: i64 = 180;

/// The numbers, shared by the loop that counts and the server that tells.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Arc<Mutex<Numbers>>);

#[derive(Debug, Default)]
struct Numbers {
    gateway_id: String,
    applied: Option<Applied>,
    held_revision: Option<i64>,
    /// Time since boot.
    last_contact: Duration,
    stale: bool,
    fetch_failures: u64,
    apply_failures: u64,
    rejected: BTreeMap<String, u64>,
    waiting_for_secrets: usize,
    durations: [u64; BUCKETS_MS.len()],
    applications: u64,
    applying: Duration,
    /// What each peer's counters last were.
    peers: HashMap<String, (u64, u64)>,
    /// Unix times of the peers' handshakes.
    handshakes: Vec<i64>,
    received: u64,
    sent: u64,
}

/// How the loop stands.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// The bundle in force.
    pub applied: Option<Applied>,
    /// The revision that the node goes by.
    pub held_revision: Option<i64>,
    /// Of the last authenticated answer, since boot.
    pub last_contact: Duration,
    /// Whether the control plane's silence has closed everything.
    pub stale: bool,
    /// Preshared keys that peers wait for.
    pub waiting_for_secrets: usize,
}

impl Metrics {
    /// For a gateway.
    #[must_use]
    pub fn new(gateway_id: String) -> Self {
        Self(Arc::new(Mutex::new(Numbers { gateway_id, ..Numbers::default() })))
    }

    fn numbers(&self) -> MutexGuard<'_, Numbers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes how the loop stands.
    pub fn stands(&self, standing: Standing) {
        let mut numbers = self.numbers();
        numbers.applied = standing.applied;
        numbers.held_revision = standing.held_revision;
        numbers.last_contact = standing.last_contact;
        numbers.stale = standing.stale;
        numbers.waiting_for_secrets = standing.waiting_for_secrets;
    }

    /// Counts a question that was not answered.
    pub fn fetch_failed(&self) {
        self.numbers().fetch_failures += 1;
    }

    /// Counts a refused bundle.
    pub fn rejected(&self, code: &str) {
        *self.numbers().rejected.entry(code.to_owned()).or_default() += 1;
    }

    /// Counts an application that failed.
    pub fn apply_failed(&self) {
        self.numbers().apply_failures += 1;
    }

    /// Counts an application that brought a bundle into force.
    pub fn took(&self, duration: Duration) {
        let mut numbers = self.numbers();
        numbers.applications += 1;
        numbers.applying += duration;
        for (bucket, bound) in numbers.durations.iter_mut().zip(BUCKETS_MS) {
            *bucket += u64::from(duration <= Duration::from_millis(bound));
        }
    }

    /// Notes what the tunnel says of its peers.
    pub fn saw(&self, peers: &[PeerStatus]) {
        let mut numbers = self.numbers();
        let mut seen = HashMap::with_capacity(peers.len());
        for peer in peers {
            let (rx, tx) = numbers.peers.get(&peer.public_key).copied().unwrap_or_default();
            // Smaller than before: the peer was made anew and counts from 0.
            let grown = |now: u64, before: u64| now.checked_sub(before).unwrap_or(now);
            numbers.received += grown(peer.rx_bytes, rx);
            numbers.sent += grown(peer.tx_bytes, tx);
            seen.insert(peer.public_key.clone(), (peer.rx_bytes, peer.tx_bytes));
        }
        numbers.peers = seen;
        numbers.handshakes = peers.iter().filter_map(|peer| peer.latest_handshake).collect();
    }

    /// Prometheus' text format. `since_boot` is the time since boot, `unix` the
    /// Unix time.
    #[must_use]
    pub fn render(&self, since_boot: Duration, unix: i64) -> String {
        let numbers = self.numbers();
        let mut page = Page::default();
        let gateway_id = &numbers.gateway_id;
        page.family("info", "gauge", "The agent.");
        page.value(&format!("info{{gateway_id=\"{gateway_id}\",version=\"{VERSION}\"}}"), 1);
        if let Some(Applied { epoch, revision, .. }) = &numbers.applied {
            page.one("applied_epoch", "gauge", "Epoch of the bundle in force.", epoch);
            page.one("applied_revision", "gauge", "Revision of the bundle in force.", revision);
        }
        if let Some(revision) = numbers.held_revision {
            let help = "Revision of the newest verified bundle, in force or being applied.";
            page.one("held_revision", "gauge", help, revision);
        }
        let silence = since_boot.saturating_sub(numbers.last_contact).as_secs_f64();
        let help = "Seconds since the control plane last answered.";
        page.one("last_contact_age_seconds", "gauge", help, format!("{silence:.3}"));
        let help = "1 while max_stale_s has closed all access.";
        page.one("stale", "gauge", help, u8::from(numbers.stale));
        let help = "Questions to the control plane that were not answered.";
        page.one("fetch_failures_total", "counter", help, numbers.fetch_failures);
        page.family("rejected_bundles_total", "counter", "Bundles that were refused, by reason.");
        for (code, count) in &numbers.rejected {
            page.value(&format!("rejected_bundles_total{{code=\"{code}\"}}"), count);
        }
        let help = "Attempts to apply a bundle that failed.";
        page.one("apply_failures_total", "counter", help, numbers.apply_failures);

        let name = "apply_duration_seconds";
        page.family(name, "histogram", "How long it took to bring a bundle into force.");
        for (bound, count) in BUCKETS_MS.iter().zip(numbers.durations) {
            let bound = Duration::from_millis(*bound).as_secs_f64();
            page.value(&format!("{name}_bucket{{le=\"{bound}\"}}"), count);
        }
        page.value(&format!("{name}_bucket{{le=\"+Inf\"}}"), numbers.applications);
        page.value(&format!("{name}_sum"), format!("{:.6}", numbers.applying.as_secs_f64()));
        page.value(&format!("{name}_count"), numbers.applications);

        page.one("peers", "gauge", "Peers of the tunnel.", numbers.peers.len());
        let help = "Preshared keys that peers wait for; they are not set up without.";
        page.one("missing_secrets", "gauge", help, numbers.waiting_for_secrets);
        let live = numbers.handshakes.iter().filter(|time| unix - **time <= SESSION_S).count();
        let help = "Peers with a handshake within the last 180 seconds.";
        page.one("peers_connected", "gauge", help, live);
        if let Some(latest) = numbers.handshakes.iter().max() {
            let help = "Unix time of the latest handshake of any peer.";
            page.one("latest_handshake_seconds", "gauge", help, latest);
        }
        let help = "Bytes received from peers since the agent's start, or the tunnel's.";
        page.one("received_bytes_total", "counter", help, numbers.received);
        let help = "Bytes sent to peers since the agent's start, or the tunnel's.";
        page.one("sent_bytes_total", "counter", help, numbers.sent);
        page.0
    }
}

/// A page under construction.
#[derive(Default)]
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP nexavpn_gateway_{name} {help}");
        let _ = writeln!(self.0, "# TYPE nexavpn_gateway_{name} {kind}");
    }

    fn value(&mut self, series: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.0, "nexavpn_gateway_{series} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.family(name, kind, help);
        self.value(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(key: &str, rx: u64, tx: u64, handshake: Option<i64>) -> PeerStatus {
        PeerStatus {
            public_key: key.into(),
            latest_handshake: handshake,
            rx_bytes: rx,
            tx_bytes: tx,
        }
    }

    fn has(page: &str, line: &str) -> bool {
        page.lines().any(|found| found == format!("nexavpn_gateway_{line}"))
    }

    #[test]
    fn transfer_only_grows_whatever_peers_come_and_go() {
        let metrics = Metrics::new("g".into());
        metrics.saw(&[peer("a", 100, 10, Some(1000)), peer("b", 1, 1, None)]);
        metrics.saw(&[peer("a", 150, 10, Some(1200))]);
        // Made anew, and another one beside it.
        metrics.saw(&[peer("a", 7, 3, None), peer("c", 5, 5, Some(900))]);
        let page = metrics.render(Duration::ZERO, 1080);
        assert!(has(&page, "received_bytes_total 163"), "{page}");
        assert!(has(&page, "sent_bytes_total 19"), "{page}");
        assert!(has(&page, "peers 2") && has(&page, "peers_connected 1"), "{page}");
        assert!(has(&metrics.render(Duration::ZERO, 1081), "peers_connected 0"));
    }

    #[test]
    fn the_histogram_is_cumulative_and_every_series_has_a_type() {
        let metrics = Metrics::new("g".into());
        metrics.took(Duration::from_millis(20));
        metrics.took(Duration::from_secs(60));
        metrics.rejected("bad_hash");
        metrics.stands(Standing { last_contact: Duration::from_secs(5), ..Standing::default() });
        let page = metrics.render(Duration::from_secs(9), 0);
        for line in [
            "apply_duration_seconds_bucket{le=\"0.01\"} 0",
            "apply_duration_seconds_bucket{le=\"0.025\"} 1",
            "apply_duration_seconds_bucket{le=\"30\"} 1",
            "apply_duration_seconds_bucket{le=\"+Inf\"} 2",
            "apply_duration_seconds_sum 60.020000",
            "rejected_bundles_total{code=\"bad_hash\"} 1",
            "last_contact_age_seconds 4.000",
        ] {
            assert!(has(&page, line), "{line} in {page}");
        }
        for line in page.lines().filter(|line| !line.starts_with('#')) {
            let name = line.split([' ', '{']).next().unwrap();
            let family =
                ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
            assert!(page.contains(&format!("# TYPE {} ", family.unwrap_or(name))), "{line}");
        }
    }
}
