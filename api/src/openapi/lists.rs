//! What each list takes: read from the read models, so that the document cannot drift from them.

use nexavpn_projections::{
    FilterValue, ListOptions, ListQuery, MAX_PAGE_SIZE, audit, devices, gateways, groups, policies,
    users, webhooks,
};
use serde_json::{Value, json};

/// What a filter asks for, where its name does not say it.
const FILTERS: &[(&str, &str)] = &[
    ("actor_id", "Who acted."),
    ("actor_type", "What kind of actor it was."),
    ("address", "The address that the request came from. Of failures only the network is known."),
    (
        "due_before",
        "Only devices that expire, or whose deadline for a new key comes, until this time.",
    ),
    ("effect", "What the policy does."),
    ("enabled", "Whether it is enabled."),
    ("ended", "Whether the session is over."),
    ("entity_id", "To which one it happened."),
    ("entity_type", "To what kind of thing it happened: `user`, `device`, …"),
    ("event_type", "What happened: `device.enrolled`, …"),
    ("from", "The first entry, by its number or its time."),
    ("gateway", "The id of the gateway."),
    ("group", "The id of a group that the user is a member of."),
    ("handshake_since", "Only devices whose gateway saw a handshake at this time or later."),
    ("in_force", "Whether the policy counts: enabled, begun and not over."),
    ("joined", "Whether a node has joined as the gateway."),
    (
        "lacks_gateway_key",
        "A key of a gateway: only devices whose clients have not fetched a profile with it.",
    ),
    ("member", "The id of a user who is a member."),
    ("platform", "The platform, as the client names it."),
    ("revoked", "Whether the device is revoked."),
    ("request_id", "The request that caused it."),
    ("role", "The role."),
    ("seen_since", "Only devices that made a handshake or sent a heartbeat at this time or later."),
    ("status", "The status."),
    ("target", "The id of a user, group or device that the policy targets."),
    ("to", "The last entry, by its number or its time."),
    ("user", "The id of the user."),
];

/// The lists that can be about the past.
const OF_THE_PAST: &[&str] =
    &["/admin/users", "/admin/groups", "/admin/devices", "/admin/policies", "/admin/gateways"];

/// The options of the list at a path; filters by the names that requests use.
fn options(path: &str) -> Option<ListOptions> {
    let options = match path {
        "/admin/users" => users::list_options(),
        "/admin/groups" => groups::list_options(),
        "/admin/groups/{id}/members" => without(users::list_options(), "group"),
        "/admin/devices" => renamed(devices::list_options(), "owner", "user"),
        "/admin/gateways/{id}/key-rotation/devices" => {
            let devices = renamed(devices::list_options(), "owner", "user");
            ["gateway", "revoked", "lacks_gateway_key"].into_iter().fold(devices, without)
        }
        "/admin/policies" => policies::list_options(),
        "/admin/gateways" => gateways::list_options(),
        "/admin/audit-logs" => audit::list_options(),
        "/me/activity" => audit::activity_options(),
        "/me/devices" => without(without(devices::list_options(), "owner"), "revoked"),
        "/admin/webhooks" => webhooks::list_options(),
        _ => return None,
    };
    Some(options)
}

fn renamed(mut options: ListOptions, from: &str, to: &'static str) -> ListOptions {
    for (name, _) in &mut options.filters {
        if *name == from {
            *name = to;
        }
    }
    options
}

fn without(mut options: ListOptions, filter: &str) -> ListOptions {
    options.filters.retain(|(name, _)| *name != filter);
    options
}

/// The query parameters of the list at a path; none where there is no list.
pub(super) fn parameters(path: &str) -> Vec<Value> {
    let Some(options) = options(path) else { return vec![] };
    let default = ListQuery::default();
    let mut all = vec![
        query(
            "page",
            "The page, from 1. Pages past 10,000 rows are reached with `after` only.",
            json!({ "type": "integer", "format": "int32", "minimum": 1, "default": default.page }),
        ),
        query(
            "page_size",
            "How many rows a page has.",
            json!({
                "type": "integer", "format": "int32", "minimum": 1, "maximum": MAX_PAGE_SIZE,
                "default": default.page_size,
            }),
        ),
        query(
            "format",
            "`csv` or `ndjson` for all pages as a file, as `Accept: text/csv` and `Accept: \
             application/x-ndjson` do.",
            json!({ "type": "string", "enum": ["json", "csv", "ndjson"], "default": "json" }),
        ),
        query("after", "The `next` of the page before.", json!({ "type": "string" })),
    ];
    if !options.sorts.is_empty() {
        let both = options.sorts.iter().flat_map(|s| [(*s).to_owned(), format!("-{s}")]);
        let words: Vec<String> = both.collect();
        let schema = json!({ "type": "string", "enum": words, "default": options.default_sort });
        all.push(query("sort", "The order; with `-` the reverse.", schema));
    }
    if OF_THE_PAST.contains(&path) {
        let text = "The moment that is asked about: a time, or the number of an event. Then there \
                    is one order only, and no search; filters are of that moment.";
        all.push(query("at", text, json!({ "type": "string" })));
    }
    if options.searchable {
        all.push(query("q", "What to search for; see above.", json!({ "type": "string" })));
    }
    for (name, value) in options.filters {
        let text = FILTERS.iter().find(|(n, _)| *n == name).map_or("Only these.", |(_, t)| t);
        let schema = match value {
            FilterValue::Id => json!({ "type": "string", "format": "uuid" }),
            FilterValue::Flag => json!({ "type": "boolean" }),
            FilterValue::Word(words) => json!({ "type": "string", "enum": words }),
            FilterValue::Time => json!({ "type": "string", "format": "date-time" }),
            FilterValue::Text => json!({ "type": "string" }),
        };
        all.push(query(name, text, schema));
    }
    all
}

fn query(name: &str, description: &str, schema: Value) -> Value {
    json!({ "name": name, "in": "query", "description": description, "schema": schema })
}
