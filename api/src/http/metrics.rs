//! `GET /metrics`, in Prometheus' text format
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
//!
//! The labels `gateway` and `webhook` hold ids; no other label has more than a dozen values.

use std::{
    collections::HashMap,
    fmt::{Display, Write as _},
    net::SocketAddr,
};

use axum::{
    Router,
    extract::{ConnectInfo, Extension, State},
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use chrono::{DateTime, TimeDelta, Utc};
use nexavpn_domain::ids::GatewayId;
use nexavpn_gateway_projector::{
    Convergence, GatewayReport, Histogram, HistogramReading, ReportError, reports::ReportCounts,
};
use nexavpn_projections::audit;

use crate::{App, auth::Origin, error::ApiError, webhooks::Standing};

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) fn routes() -> Router<App> {
    Router::new().route("/metrics", get(show))
}

async fn show(
    State(app): State<App>,
    Extension(origin): Extension<Origin>,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let peer = peer.map(|Extension(ConnectInfo(peer))| peer);
    if !may_see(&app, &origin, peer, &headers) {
        let message = "metrics are shown to this machine and to --metrics-networks only";
        return Err(ApiError::forbidden(message));
    }
    let now = app.commands.now();
    let gateways = match app.reports.all_gateways(now).await {
        Ok(gateways) => Some(gateways),
        Err(ReportError::NotLive) => None,
        Err(error) => return Err(error.into()),
    };
    let mut text = Text(String::new());
    render(&mut text, gateways.as_ref(), &app.reports.counts(), now);
    stream(&mut text, &app, now).await;
    webhooks(&mut text, &app, now).await;
    let timings = app.publisher.timings();
    let name = "nexavpn_bundle_publish_seconds";
    let help = "Time from an event to the bundle on record, where a gateway waited for it.";
    text.histogram(name, help, &timings.published.read());
    let help = "Time to render, hash and sign a bundle.";
    text.histogram("nexavpn_bundle_render_seconds", help, &timings.rendered.read());
    let text = text.0;
    Ok(([(header::CONTENT_TYPE, TEXT)], text).into_response())
}

/// A proxy that we do not know speaks for anybody: what it forwards is not from this machine.
fn may_see(app: &App, origin: &Origin, peer: Option<SocketAddr>, headers: &HeaderMap) -> bool {
    let known = |peer: SocketAddr| app.http.trusted_proxies.iter().any(|n| n.contains(peer.ip()));
    let forwarded = ["forwarded", "x-forwarded-for"].iter().any(|name| headers.contains_key(*name));
    if forwarded && !peer.is_some_and(known) {
        return false;
    }
    origin.address.is_some_and(|address| {
        address.is_loopback() || app.http.metrics_networks.iter().any(|n| n.contains(address))
    })
}

/// The text, family by family. Without the gateways' states while the fleet is not live.
fn render(
    text: &mut Text,
    gateways: Option<&HashMap<GatewayId, GatewayReport>>,
    counts: &ReportCounts,
    now: DateTime<Utc>,
) {
    text.family("nexavpn_fleet_live", "gauge", "Whether the event stream is being followed.");
    text.sample("nexavpn_fleet_live", &[], u8::from(gateways.is_some()));
    if let Some(gateways) = gateways {
        let mut gateways: Vec<_> = gateways.iter().collect();
        gateways.sort_unstable_by_key(|(id, _)| **id);
        states(text, &gateways, now);
    }
    let name = "nexavpn_gateway_rejections_total";
    text.family(name, "counter", "Bundles that a gateway newly said to have refused.");
    let mut rejections: Vec<_> = counts.rejections.iter().collect();
    rejections.sort_unstable();
    for (id, count) in rejections {
        text.sample(name, &[("gateway", id)], count);
    }
    let name = "nexavpn_gateway_reports_total";
    text.family(name, "counter", "Reports of gateways, by what became of them.");
    for (outcome, count) in [
        ("accepted", counts.accepted),
        ("history_lost", counts.history_lost),
        ("invalid", counts.invalid),
        ("failed", counts.failed),
    ] {
        text.sample(name, &[("outcome", &outcome)], count);
    }
}

/// The event stream: what waits, and what holds it back.
async fn stream(text: &mut Text, app: &App, now: DateTime<Utc>) {
    let store = app.commands.store();
    let name = "nexavpn_append_queue";
    text.family(name, "gauge", "Appends that wait for a commit.");
    text.sample(name, &[], store.queued());
    let name = "nexavpn_fleet_behind_events";
    text.family(name, "gauge", "Events in order that the fleet has not folded.");
    let head = store.head().borrow().idx;
    text.sample(name, &[], (head - app.fleet.idx()).max(0));
    if let Ok(behind) = store.log_tree().behind().await {
        let name = "nexavpn_log_tree_behind_events";
        text.family(name, "gauge", "Events in order that are not in the transparency log.");
        text.sample(name, &[], behind);
    }
    // Left out while the database is away: everything else is worth the more then.
    if let Ok(oldest) = nexavpn_store::horizon(store.pool()).await {
        let name = "nexavpn_horizon_age_seconds";
        let help = "Age of the oldest open transaction, behind which no event is seen.";
        text.family(name, "gauge", help);
        let age = oldest.and_then(|oldest| oldest.since).map_or(0.0, |since| seconds(now - since));
        text.sample(name, &[], age);
    }
}

/// Where events are sent to. Left out while the database is away.
async fn webhooks(text: &mut Text, app: &App, now: DateTime<Utc>) {
    let Ok(all) = app.commands.deliveries(None).await else { return };
    let name = "nexavpn_webhooks";
    text.family(
        name,
        "gauge",
        "Webhooks by how their endpoints stand; `dead`: failing for an hour.",
    );
    for state in Standing::ALL {
        let count = all.iter().filter(|d| Standing::of(d, now) == state).count();
        text.sample(name, &[("state", &state.as_str())], count);
    }
    let name = "nexavpn_webhook_failing_seconds";
    text.family(
        name,
        "gauge",
        "For how long a webhook's endpoint has taken nothing of what it is sent.",
    );
    for webhook in all.iter().filter(|d| d.enabled) {
        let failing = webhook.failing_since.map_or(0.0, |since| seconds(now - since));
        text.sample(name, &[("webhook", &webhook.webhook_id)], failing);
    }
    let name = "nexavpn_webhook_behind_events";
    text.family(name, "gauge", "Events after the last one that a webhook has come past.");
    let end = app.projections.folded(audit::NAME);
    for webhook in all.iter().filter(|d| d.enabled) {
        let behind = (end - webhook.cursor).max(0);
        text.sample(name, &[("webhook", &webhook.webhook_id)], behind);
    }
}

fn states(text: &mut Text, gateways: &[(&GatewayId, &GatewayReport)], now: DateTime<Utc>) {
    let name = "nexavpn_gateways";
    text.family(name, "gauge", "Gateways by how they stand to their newest bundle.");
    for state in Convergence::NAMES {
        let count = gateways.iter().filter(|(_, g)| g.convergence.as_str() == state).count();
        text.sample(name, &[("state", &state)], count);
    }
    let name = "nexavpn_gateway_state";
    text.family(name, "gauge", "Whether a gateway stands to its newest bundle in this way.");
    for (id, gateway) in gateways {
        for state in Convergence::NAMES {
            let present = u8::from(gateway.convergence.as_str() == state);
            text.sample(name, &[("gateway", id), ("state", &state)], present);
        }
    }
    let name = "nexavpn_gateway_in_sync";
    text.family(name, "gauge", "Whether a gateway has applied its newest bundle.");
    for (id, gateway) in gateways {
        let in_sync = u8::from(gateway.convergence == Convergence::InSync);
        text.sample(name, &[("gateway", id)], in_sync);
    }
    let name = "nexavpn_gateway_behind_seconds";
    text.family(name, "gauge", "For how long a gateway has lacked a revision that it should have.");
    for (id, gateway) in gateways {
        let seconds = gateway.lag.map_or(0.0, |lag| seconds(now - lag.since));
        text.sample(name, &[("gateway", id)], seconds);
    }
    let name = "nexavpn_gateway_report_age_seconds";
    text.family(name, "gauge", "Time since a gateway's last report.");
    for (id, gateway) in gateways {
        if let Some(at) = gateway.last_report_at {
            text.sample(name, &[("gateway", id)], seconds(now - at));
        }
    }
}

fn seconds(time: TimeDelta) -> f64 {
    time.as_seconds_f64().max(0.0)
}

struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn histogram(&mut self, name: &str, help: &str, reading: &HistogramReading) {
        self.family(name, "histogram", help);
        let bucket = format!("{name}_bucket");
        for (bound, count) in Histogram::BOUNDS.iter().zip(&reading.up_to) {
            self.sample(&bucket, &[("le", bound)], count);
        }
        self.sample(&bucket, &[("le", &"+Inf")], reading.count);
        self.sample(&format!("{name}_sum"), &[], reading.sum);
        self.sample(&format!("{name}_count"), &[], reading.count);
    }

    /// The labels' values are ids and words of ours: nothing in them has to be escaped.
    fn sample(&mut self, name: &str, labels: &[(&str, &dyn Display)], value: impl Display) {
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let labels =
            if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }
}
