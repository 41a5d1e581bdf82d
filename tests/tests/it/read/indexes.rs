//! Lists read no more rows than they show, however many there are.

use nexavpn_projections::{
    ListQuery, Page, audit, devices, gateways, groups, policies, sessions, users,
};
use sqlx::{PgPool, postgres::PgPoolOptions};

use super::World;

/// Rows of each large table.
const MANY: i32 = 30_000;
/// What is counted at most, and a page.
const COUNTED: i64 = 10_000 + 400;
/// A page and what belongs to its rows.
const PAGE: i64 = 400;

/// Made by SQL: what is tested is the reading.
const ROWS: &str = "
    INSERT INTO read.users (id, username, display_name, email, role, enabled,
                            must_change_password, version, created_at, updated_at)
    SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'user' || n,
           'Name' || (n % 7) || ' Number' || n, 'u' || n || '@example.org',
           CASE WHEN n % 5000 = 0 THEN 'auditor' ELSE 'user' END, n % 5000 <> 1, false, 1,
           now() + n * interval '1 second', now()
    FROM generate_series(1, $1) n;
    INSERT INTO read.groups (id, name, description, member_count, version, created_at, updated_at)
    SELECT ('00000000-0000-4000-8001-' || lpad(n::text, 12, '0'))::uuid, 'group ' || n, '', 0, 1,
           now() + n * interval '1 second', now()
    FROM generate_series(1, $1) n;
    INSERT INTO read.group_members (group_id, user_id, added_at)
    SELECT ('00000000-0000-4000-8001-' || lpad((n % 1000 + 1)::text, 12, '0'))::uuid,
           ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, now()
    FROM generate_series(1, $1) n;
    INSERT INTO read.gateways (id, fields, joined_at, version, created_at, updated_at)
    SELECT ('00000000-0000-4000-8002-' || lpad(n::text, 12, '0'))::uuid,
           jsonb_build_object('name', 'gateway ' || n, 'endpoint', 'vpn.example.org:51820',
               'listen_port', 51820, 'pool', jsonb_build_object('v4', '10.0.0.0/16', 'v6', null),
               'dns_servers', '[]'::jsonb, 'dns_search', '[]'::jsonb, 'mtu', 1420,
               'persistent_keepalive', 25, 'masquerade_interfaces', '[]'::jsonb,
               'internal_networks', '[]'::jsonb),
           CASE WHEN n % 5000 = 0 THEN now() END, 1, now() + n * interval '1 second', now()
    FROM generate_series(1, $1) n;
    INSERT INTO read.devices (id, owner_id, name, platform, public_key, key_origin,
                              key_changed_at, gateway_id, slot, address_v4, enabled,
                              owner_enabled, expired, rotation_lapsed, revoked_at, expires_at,
                              version, created_at, updated_at)
    SELECT ('00000000-0000-4000-8003-' || lpad(n::text, 12, '0'))::uuid,
           ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'laptop Number' || n,
           CASE WHEN n % 5000 = 0 THEN 'bsd' ELSE 'linux' END,
           encode(sha256(n::text::bytea), 'base64'), 'client', now(),
           ('00000000-0000-4000-8002-' || lpad((n % 1000 + 1)::text, 12, '0'))::uuid, n,
           '10.0.0.0'::inet + n, n % 5000 <> 1, true, false, false,
           CASE WHEN n % 5000 = 2 THEN now() END,
           CASE WHEN n % 5000 = 3 THEN timestamptz '2030-01-01 00:00+00' END,
           1, now() + n * interval '1 second', now()
    FROM generate_series(1, $1) n;
    INSERT INTO peer_status (device_id, gateway_id, latest_handshake, rx_bytes, tx_bytes, reported_at)
    SELECT ('00000000-0000-4000-8003-' || lpad(n::text, 12, '0'))::uuid,
           '00000000-0000-4000-8002-000000000001',
           timestamptz '2025-01-01 00:00+00' + n % 5000 * interval '1 minute', 0, 0, now()
    FROM generate_series(1, $1) n;
    INSERT INTO read.policies (id, fields, activated, expired, created_idx, version, created_at,
                               updated_at)
    SELECT ('00000000-0000-4000-8004-' || lpad(n::text, 12, '0'))::uuid,
           jsonb_build_object('name', 'policy ' || n, 'description', '', 'priority', n,
               'effect', CASE WHEN n % 5000 = 0 THEN 'deny' ELSE 'allow' END,
               'full_tunnel', false, 'destinations', '[]'::jsonb, 'services', '[]'::jsonb,
               'targets', jsonb_build_array(jsonb_build_object('type', 'user', 'id',
                   '00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))),
               'enabled', n % 5000 <> 1, 'valid_from', null, 'valid_until', null),
           true, false, n, 1, now() + n * interval '1 second', now()
    FROM generate_series(1, $1) n;
    INSERT INTO read.sessions (id, user_id, method, ended_at, token_reused, version, created_at,
                               updated_at)
    SELECT ('00000000-0000-4000-8005-' || lpad(n::text, 12, '0'))::uuid,
           ('00000000-0000-4000-8000-' || lpad((n % 1000 + 1)::text, 12, '0'))::uuid, 'password',
           CASE WHEN n % 5000 = 0 THEN now() END, false, 1, now() + n * interval '1 second', now()
    FROM generate_series(1, $1) n;
    INSERT INTO read.audit_log (idx, time, event_type, entity_type, entity_id, actor_type,
                                actor_id, status, request_id, about, origin, network,
                                said)
    SELECT n, now(), CASE WHEN n % 5000 = 0 THEN 'user.disabled' ELSE 'user.created' END,
           CASE WHEN n % 5000 = 1 THEN 'gateway' ELSE 'user' END,
           '00000000-0000-4000-8000-' || lpad(n::text, 12, '0'), 'user',
           '00000000-0000-4000-8000-' || lpad((n % 1000 + 1)::text, 12, '0'),
           CASE WHEN n % 5000 = 2 THEN 'failure' ELSE 'success' END,
           '00000000-0000-4000-8006-' || lpad(n::text, 12, '0'),
           ('00000000-0000-4000-8000-' || lpad((n % 1000 + 1)::text, 12, '0'))::uuid,
           md5(n::text), CASE WHEN n % 5000 = 2 THEN '192.0.2.0/24'::cidr END, 'User number' || n || ' created'
    FROM generate_series(1, $1) n;
    UPDATE read.projection_checkpoint SET total = $1";

/// One connection, so that it can be told to publish what it has counted.
struct Counting {
    pool: PgPool,
}

impl Counting {
    async fn rows_read(&self) -> i64 {
        let flush = "SELECT pg_stat_force_next_flush()";
        sqlx::query(flush).execute(&self.pool).await.unwrap();
        let sql = "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint
                   FROM pg_stat_user_tables WHERE schemaname = 'read'";
        let tables: i64 = sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap();
        // Entries of indexes that lead to no row, too.
        let sql = "SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes
                   WHERE schemaname = 'read'";
        let indexes: i64 = sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap();
        tables + indexes
    }

    /// Runs a list and holds what it read to a bound.
    async fn list(&self, what: &str, query: &ListQuery) -> Option<String> {
        match what {
            "users" => next(users::list(&self.pool, query).await),
            "groups" => next(groups::list(&self.pool, query).await),
            "gateways" => next(gateways::list(&self.pool, query).await),
            "devices" => next(devices::list(&self.pool, query).await),
            "policies" => next(policies::list(&self.pool, query).await),
            "sessions" => next(sessions::list(&self.pool, query).await),
            other => panic!("no list {other}"),
        }
    }

    async fn reads_at_most(&self, bound: i64, what: &str, query: &ListQuery) -> Option<String> {
        let before = self.rows_read().await;
        let next = self.list(what, query).await;
        let read = self.rows_read().await - before;
        assert!(read <= bound, "{what} read {read} rows, not {bound}, for {query:?}");
        next
    }
}

/// A list with its orders, its filters that match few rows, and those that match most.
struct Listed<'a> {
    name: &'static str,
    sorts: &'static [&'static str],
    few: Vec<(&'static str, &'a str)>,
    most: &'static [(&'static str, &'static str)],
}

fn next<T, E: std::fmt::Debug>(page: Result<Page<T>, E>) -> Option<String> {
    page.unwrap().next
}

#[tokio::test]
async fn no_list_reads_what_it_does_not_show() {
    let world = World::new().await;
    drop(world.runner().await);
    for statement in ROWS.split_inclusive(';') {
        let insert = sqlx::query(statement.trim_end_matches(';')).bind(MANY);
        insert.execute(&world.db.owner_pool).await.unwrap();
    }
    sqlx::raw_sql("VACUUM ANALYZE").execute(&world.db.owner_pool).await.unwrap();
    let pool = PgPoolOptions::new().max_connections(1).connect(&world.db.server_url).await;
    let counting = Counting { pool: pool.unwrap() };
    let user = "00000000-0000-4000-8000-000000000007";
    let group = "00000000-0000-4000-8001-000000000007";
    let gateway = "00000000-0000-4000-8002-000000000007";
    let lists = [
        Listed {
            name: "users",
            sorts: &["username", "display_name", "created_at"],
            few: vec![("role", "auditor"), ("status", "disabled"), ("group", group)],
            most: &[("role", "user"), ("status", "active")],
        },
        Listed {
            name: "groups",
            sorts: &["name", "created_at"],
            few: vec![("member", user)],
            most: &[],
        },
        Listed {
            name: "gateways",
            sorts: &["name", "created_at"],
            few: vec![("joined", "true")],
            most: &[("joined", "false")],
        },
        Listed {
            name: "devices",
            sorts: &["name", "created_at", "due_at"],
            few: vec![
                ("status", "disabled"),
                ("revoked", "true"),
                ("platform", "bsd"),
                ("owner", user),
                ("gateway", gateway),
                ("due_before", "2030-01-01T00:00:00Z"),
                ("handshake_since", "2025-01-04T11:19:00Z"),
                ("seen_since", "2025-01-04T11:19:00Z"),
            ],
            most: &[("status", "active"), ("revoked", "false"), ("platform", "linux")],
        },
        Listed {
            name: "policies",
            sorts: &["priority", "name", "created_at"],
            few: vec![
                ("enabled", "false"),
                ("in_force", "false"),
                ("effect", "deny"),
                ("target", user),
            ],
            most: &[("enabled", "true"), ("in_force", "true"), ("effect", "allow")],
        },
        Listed {
            name: "sessions",
            sorts: &["created_at"],
            few: vec![("ended", "true"), ("user", user)],
            most: &[("ended", "false")],
        },
    ];
    for Listed { name: what, sorts, few, most } in &lists {
        for sort in sorts.iter().flat_map(|s| [(*s).to_owned(), format!("-{s}")]) {
            let all = ListQuery { sort: Some(sort), ..ListQuery::default() };
            // More often than a statement is planned for its values only.
            let mut after = None;
            for _ in 0..7 {
                let page = ListQuery { after: after.take(), ..all.clone() };
                after = counting.reads_at_most(PAGE, what, &page).await;
                assert!(after.is_some());
            }
            for (name, value) in few {
                counting.reads_at_most(PAGE, what, &all.clone().filter(name, value)).await;
            }
            for (name, value) in *most {
                // Read from the index and from the table.
                let bound = 2 * COUNTED;
                counting.reads_at_most(bound, what, &all.clone().filter(name, value)).await;
            }
            if *what != "sessions" {
                for q in ["29999", "number2999", "u29999@example.org", "nothing"] {
                    let query = ListQuery { q: Some(q.into()), ..all.clone() };
                    counting.reads_at_most(PAGE, what, &query).await;
                }
            }
        }
    }
    let log = world.store.log();
    let request = "00000000-0000-4000-8006-000000000007";
    let all = audit::AuditQuery::default;
    let cases = [
        (PAGE, all()),
        (PAGE, audit::AuditQuery { event_type: Some("user.disabled".into()), ..all() }),
        (PAGE, audit::AuditQuery { entity_type: Some("gateway".into()), ..all() }),
        (PAGE, audit::AuditQuery { status: Some("failure".into()), ..all() }),
        (PAGE, audit::AuditQuery { entity_id: Some(user.into()), ..all() }),
        (PAGE, audit::AuditQuery { actor_id: Some(user.into()), ..all() }),
        (PAGE, audit::AuditQuery { about: Some(user.parse().unwrap()), ..all() }),
        (PAGE, audit::AuditQuery { involves: Some(user.parse().unwrap()), ..all() }),
        (PAGE, audit::AuditQuery { request_id: Some(request.parse().unwrap()), ..all() }),
        (PAGE, audit::AuditQuery { address: Some("192.0.2.7".parse().unwrap()), ..all() }),
        (PAGE, audit::AuditQuery { q: Some("number2999".into()), ..all() }),
        (PAGE, audit::AuditQuery { q: Some("nothing".into()), ..all() }),
        (PAGE, audit::AuditQuery { from: Some(i64::from(MANY) - 10), ..all() }),
        (PAGE, audit::AuditQuery { oldest_first: true, ..all() }),
        (2 * COUNTED, audit::AuditQuery { status: Some("success".into()), ..all() }),
    ];
    for (bound, query) in cases {
        let before = counting.rows_read().await;
        audit::list(&counting.pool, &log, &query).await.unwrap();
        let read = counting.rows_read().await - before;
        assert!(read <= bound, "the audit log read {read} rows, not {bound}, for {query:?}");
    }
}
