//! Random changes: each is previewed, then really done, and what was said is held against what
//! came of it, device by device and gateway by gateway. So is what was said of later moments: the
//! clock is turned to each of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use nexavpn_commands::Clock as _;
use nexavpn_domain::{
    access::Packet,
    fleet::{DeviceState, Fleet},
    ids::{DeviceId, GatewayId},
    values::Protocol,
};
use nexavpn_gateway_projector::render;
use nexavpn_tests::harness::{PASSWORD, WIDE, poll_until};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use sqlx::Row as _;

use super::*;
use crate::api_client::TurnableClock;

const NETS: [&str; 6] =
    ["10.1.0.0/16", "10.1.2.0/24", "10.1.2.3/32", "10.2.0.0/16", "0.0.0.0/0", "fd00:1::/64"];
const HOSTS: [&str; 8] = [
    "10.1.0.1",
    "10.1.2.1",
    "10.1.2.3",
    "10.2.0.1",
    "8.8.8.8",
    "100.96.0.1",
    "10.20.0.53",
    "fd00:1::1",
];
const SERVICES: [(u8, u16); 5] = [(6, 443), (6, 53), (17, 53), (17, 500), (1, 0)];

struct World {
    plane: Plane,
    clock: TurnableClock,
    rng: StdRng,
    users: Vec<String>,
    devices: Vec<String>,
    groups: Vec<String>,
    policies: Vec<String>,
}

impl World {
    async fn start(seed: u64) -> Self {
        let (db, clock) = (TestDb::new().await, TurnableClock::default());
        let turned = clock.clone();
        let server = TestServer::start_with(&db.server_url, |o| o.clock = Arc::new(turned)).await;
        let plane = Plane { admin: server.admin().await, server, db };
        for n in 0..2 {
            let more = json!({
                "public_key": key(), "dns_servers": ["10.20.0.53"],
                "address_pool_v6": format!("fd96:{n}::/64"),
            });
            let body = with(gateway(&format!("gw{n}"), &format!("100.{}.0.0/24", 96 + n)), more);
            plane.create("gateways", body).await;
        }
        let mut world = Self {
            plane,
            clock,
            rng: StdRng::seed_from_u64(seed),
            users: vec![],
            devices: vec![],
            groups: vec![],
            policies: vec![],
        };
        world.users.push(world.plane.admin.user_id().to_owned());
        for n in 0..3 {
            let user = world.plane.user(&format!("user{n}")).await;
            world.users.push(user);
        }
        for user in world.users.clone() {
            for name in ["one", "two"] {
                let device = world.plane.device(&user, name).await;
                world.devices.push(device);
            }
        }
        for name in ["g", "h"] {
            let group = id(&world.plane.create("groups", json!({ "name": name })).await);
            world.groups.push(group);
        }
        world
    }

    fn pick(&mut self, list: &[String]) -> String {
        list.choose(&mut self.rng).cloned().unwrap_or_else(|| NOBODY.to_owned())
    }

    fn fields(&mut self) -> Value {
        let (users, groups, devices) =
            (self.users.clone(), self.groups.clone(), self.devices.clone());
        let target = match self.rng.random_range(0..5) {
            0 => json!({ "type": "user", "id": self.pick(&users) }),
            1 => json!({ "type": "device", "id": self.pick(&devices) }),
            2 | 3 => json!({ "type": "group", "id": self.pick(&groups) }),
            _ => everyone(),
        };
        let nets: BTreeSet<&str> =
            (0..2).filter_map(|_| NETS.choose(&mut self.rng).copied()).collect();
        let services = match self.rng.random_range(0..3) {
            0 => json!([{ "protocol": "tcp", "ports": ["443"] }, { "protocol": "udp" }]),
            _ => json!([]),
        };
        let effect = ["allow", "allow", "deny"].choose(&mut self.rng);
        json!({
            "destinations": nets, "targets": [target], "services": services,
            "priority": self.rng.random_range(0..3),
            "effect": effect,
            "enabled": self.rng.random_bool(0.9),
            "valid_from": self.time(),
            "valid_until": self.time(),
        })
    }

    /// Mostly none; some of them are the same. That one may be before the other is refused.
    fn time(&mut self) -> Option<DateTime<Utc>> {
        let now = self.clock.now().duration_trunc(TimeDelta::minutes(1)).unwrap();
        let minutes = self.rng.random_range(-2..5);
        self.rng.random_bool(0.4).then(|| now + TimeDelta::minutes(10 * minutes))
    }

    /// Makes something ready that the clock will do something to, and says how.
    async fn prepared(&mut self) -> (Method, String, Option<Value>) {
        let soon = self.clock.now().duration_trunc(TimeDelta::minutes(1)).unwrap();
        let soon = soon + TimeDelta::minutes(10 * self.rng.random_range(1..5));
        let device = self.devices.clone();
        let device = format!("/admin/devices/{}", self.pick(&device));
        let admin = &self.plane.admin;
        match self.rng.random_range(0..3) {
            0 => {
                let until = json!({ "enabled": false, "expires_at": soon });
                assert_eq!(admin.patch(&device, until).await.0, 200);
                (Method::POST, format!("{device}/enable"), None)
            }
            1 => {
                let until = json!({ "enabled": true, "expires_at": soon });
                assert_eq!(admin.patch(&device, until).await.0, 200);
                let then = self.plane.server.app.fleet.idx();
                let off = json!({ "enabled": false, "expires_at": null });
                assert_eq!(admin.patch(&device, off).await.0, 200);
                (Method::POST, format!("{device}/restore"), Some(json!({ "at": then })))
            }
            _ => {
                let mut ids = vec![];
                for name in ["some", "more"] {
                    let off = json!({ "name": name, "enabled": false, "valid_from": soon });
                    let fields = with(self.fields(), off);
                    let fields = with(fields, json!({ "valid_until": null }));
                    ids.push(id(&self.plane.create("policies", fields).await));
                }
                self.policies.extend(ids.clone());
                let body = json!({ "action": "enable", "ids": ids });
                (Method::POST, "/admin/policies/bulk".into(), Some(body))
            }
        }
    }

    /// Turns the clock to this moment, until everything has happened that is due by then.
    async fn turn_to(&mut self, at: DateTime<Utc>) {
        self.clock.forward(at - self.clock.now() + TimeDelta::seconds(2));
        let pool = &self.plane.db.owner_pool;
        let sql = "SELECT NOT EXISTS (SELECT FROM due WHERE at <= $1) AND NOT EXISTS (
                       SELECT FROM events LEFT JOIN log_index i USING (gen, tx, pos)
                       WHERE i.idx IS NULL OR i.idx > $2)";
        poll_until(WIDE, || async {
            let known = self.plane.server.app.fleet.idx();
            let done = sqlx::query_scalar(sql).bind(self.clock.now()).bind(known);
            done.fetch_one(pool).await.unwrap()
        })
        .await;
        // Access tokens from before are over.
        let admin = self.plane.server.client().login("admin", PASSWORD).await;
        self.plane.admin = admin;
    }

    /// Holds what was said of later moments against what they bring, and what else the clock does
    /// against its bringing nothing.
    async fn check_later(&mut self, told: &Value) {
        let devices = self.devices.clone();
        let list = &told["later"];
        assert_eq!(list["truncated"], false, "{told}");
        for moment in list["items"].as_array().unwrap() {
            let at = moment["at"].as_str().unwrap().parse().unwrap();
            let before = self.fleet();
            self.turn_to(at).await;
            check(moment, &before, &self.fleet(), &devices);
        }
        let pool = &self.plane.db.owner_pool;
        let last = sqlx::query_scalar("SELECT max(at) FROM due").fetch_one(pool);
        if let Some(last) = last.await.unwrap() {
            let before = self.fleet();
            self.turn_to(last).await;
            let none = json!({ "items": [] });
            let nothing = json!({ "changes": none, "devices": { "total": 0 }, "gateways": none });
            check(&nothing, &before, &self.fleet(), &devices);
        }
    }

    /// A request that an admin may well send.
    fn request(&mut self) -> (Method, String, Option<Value>) {
        let (users, groups) = (self.users.clone(), self.groups.clone());
        let (policies, devices) = (self.policies.clone(), self.devices.clone());
        let member = |world: &mut Self| {
            let (group, user) = (world.pick(&groups), world.pick(&users));
            format!("/admin/groups/{group}/members/{user}")
        };
        let policy = format!("/admin/policies/{}", self.pick(&policies));
        match self.rng.random_range(0..20) {
            17..=19 => {
                let (kind, all, actions): (_, &[String], &[&str]) = [
                    ("policies", &*policies, &["enable", "disable"] as &[_]),
                    ("devices", &*devices, &["enable", "disable"]),
                    (
                        "users",
                        &users[1..],
                        &["enable", "disable", "add_to_group", "remove_from_group"],
                    ),
                ]
                .choose(&mut self.rng)
                .copied()
                .unwrap();
                let action = actions.choose(&mut self.rng).copied().unwrap();
                // Some may be named twice, and some may be gone.
                let ids: Vec<String> = (0..3).map(|_| self.pick(all)).collect();
                let group = action.ends_with("group").then(|| self.pick(&groups));
                let mut body = json!({ "action": action, "ids": ids });
                if let Some(group) = group {
                    body["group_id"] = json!(group);
                }
                (Method::POST, format!("/admin/{kind}/bulk"), Some(body))
            }
            // Not all of them were there then, and it may be that nothing has changed since.
            14..=16 => {
                let (kind, ids) =
                    [("policies", &policies), ("groups", &groups), ("devices", &devices)]
                        .choose(&mut self.rng)
                        .copied()
                        .unwrap();
                let at = self.rng.random_range(0..=self.plane.server.app.fleet.idx());
                let path = format!("/admin/{kind}/{}/restore", self.pick(ids));
                (Method::POST, path, Some(json!({ "at": at })))
            }
            0..=2 => {
                let named = with(self.fields(), json!({ "name": "made" }));
                (Method::POST, "/admin/policies".into(), Some(named))
            }
            3..=5 => (Method::PATCH, policy, Some(self.fields())),
            6 => (Method::DELETE, policy, None),
            7 | 8 => (Method::PUT, member(self), None),
            9 => (Method::DELETE, member(self), None),
            10 => {
                let members: BTreeSet<String> = (0..2).map(|_| self.pick(&users)).collect();
                let path = format!("/admin/groups/{}", self.pick(&groups));
                (Method::PATCH, path, Some(json!({ "members": members })))
            }
            11 => {
                let how = ["disable", "enable", "enable"].choose(&mut self.rng).copied().unwrap();
                (Method::POST, format!("/admin/users/{}/{how}", self.pick(&users[1..])), None)
            }
            12 => {
                let how = ["disable", "enable"].choose(&mut self.rng).copied().unwrap();
                (Method::POST, format!("/admin/devices/{}/{how}", self.pick(&devices)), None)
            }
            _ => (Method::DELETE, format!("/admin/groups/{}", self.pick(&groups)), None),
        }
    }

    fn fleet(&self) -> Fleet {
        self.plane.server.app.fleet.read(Clone::clone)
    }

    /// How many events there are since, other than of refused requests.
    async fn changes_since(&self, before: &Fleet) -> i64 {
        let sql = "SELECT count(*) FROM log_index i JOIN events e USING (gen, tx, pos)
                   WHERE i.idx > $1 AND e.aggregate_type <> 'security'";
        let pool = &self.plane.db.owner_pool;
        sqlx::query_scalar(sql).bind(before.idx()).fetch_one(pool).await.unwrap()
    }

    /// Every table, as it is, but for what follows the log by itself and may be behind it.
    async fn tables(&self) -> BTreeMap<String, String> {
        let pool = &self.plane.db.owner_pool;
        let names = sqlx::query(
            "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
             WHERE schemaname IN ('public', 'read') AND tablename NOT IN ('log_tile', 'log_tree')",
        );
        let mut tables = BTreeMap::new();
        for row in names.fetch_all(pool).await.unwrap() {
            let name: String = row.get("name");
            let sql = format!(
                "SELECT count(*) || ' ' || md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), ''))
                 FROM {name} t"
            );
            tables.insert(name, sqlx::query_scalar(&sql).fetch_one(pool).await.unwrap());
        }
        tables
    }
}

/// The tables that are not what they were.
fn changed<'a>(
    before: &'a BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
) -> Vec<&'a String> {
    before.iter().filter(|(name, rows)| now.get(*name) != Some(rows)).map(|(n, _)| n).collect()
}

fn bundles(fleet: &Fleet) -> BTreeMap<GatewayId, String> {
    let payload = |id| serde_json::to_string(&render(fleet, id, 1).unwrap().unwrap()).unwrap();
    fleet.gateways().map(|(id, _)| (id, payload(id))).collect()
}

fn reaches(device: Option<&DeviceState>, packet: &Packet) -> bool {
    let peer = device.and_then(DeviceState::peer);
    peer.is_some_and(|peer| peer.compiled.profile().contains(packet))
}

/// Whether one of the destinations of a preview contains a packet.
fn lists(list: &Value, packet: &Packet) -> bool {
    let ports = |text: &str| -> (u16, u16) {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        (first.parse().unwrap(), last.parse().unwrap())
    };
    let serves = |service: &Value| {
        let protocol = service["protocol"].as_str().unwrap();
        let (first, last) = protocol.split_once('-').unwrap_or((protocol, protocol));
        let number = |text: &str| Protocol::parse(text).unwrap().0;
        let listed = service["ports"].as_array().unwrap();
        let port = packet.port.unwrap_or_default();
        (number(first)..=number(last)).contains(&packet.protocol.0)
            && (listed.is_empty()
                || listed.iter().any(|text| {
                    let (first, last) = ports(text.as_str().unwrap());
                    (first..=last).contains(&port)
                }))
    };
    assert_eq!(list["truncated"], false);
    list["items"].as_array().unwrap().iter().any(|one| {
        let network: ipnetwork::IpNetwork = one["network"].as_str().unwrap().parse().unwrap();
        let services = one["services"].as_array().unwrap();
        network.contains(packet.dst) && (services.is_empty() || services.iter().any(serves))
    })
}

fn probes() -> Vec<Packet> {
    let packet = |host: &str, (number, port): (u8, u16)| Packet {
        dst: host.parse().unwrap(),
        protocol: Protocol(number),
        port: Protocol(number).has_ports().then_some(port),
    };
    HOSTS.iter().flat_map(|host| SERVICES.map(|service| packet(host, service))).collect()
}

/// Holds a preview against what came of it.
fn check(told: &Value, before: &Fleet, after: &Fleet, devices: &[String]) {
    let groups = told["changes"]["items"].as_array().unwrap();
    let mut shown = 0;
    for text in devices {
        let id: DeviceId = text.parse().unwrap();
        let (was, is) = (before.device(id), after.device(id));
        let group = groups.iter().find_map(|group| {
            let listed = group["devices"]["items"].as_array().unwrap().iter();
            Some((group, listed.into_iter().find(|device| device["device_id"] == **text)?))
        });
        let revision = |device: Option<&DeviceState>| device.map(|d| d.profile_revision);
        let status = |device: Option<&DeviceState>| device.map(|d| d.status().as_str());
        let Some((group, device)) = group else {
            assert_eq!(revision(was), revision(is), "{text}: {told}");
            assert_eq!(status(was), status(is), "{text}: {told}");
            assert_eq!(
                was.and_then(DeviceState::peer),
                is.and_then(DeviceState::peer),
                "{text}: {told}"
            );
            continue;
        };
        shown += 1;
        assert_eq!(device["profile_revision_before"], json!(revision(was)), "{told}");
        assert_eq!(device["profile_revision_after"], json!(revision(is)), "{told}");
        assert_eq!(device["status_after"], json!(status(is)), "{told}");
        for packet in probes() {
            let (was, is) = (reaches(was, &packet), reaches(is, &packet));
            let said = (lists(&group["gained"], &packet), lists(&group["lost"], &packet));
            assert_eq!(said, (is && !was, was && !is), "{packet:?} of {text}: {told}");
        }
    }
    assert_eq!(told["devices"]["total"], shown, "{told}");
    let (was, is) = (bundles(before), bundles(after));
    let revised: BTreeSet<String> = is
        .iter()
        .filter(|(id, bundle)| was.get(id) != Some(bundle))
        .map(|(id, _)| id.to_string())
        .collect();
    let said = told["gateways"]["items"].as_array().unwrap().iter();
    let said: BTreeSet<String> =
        said.map(|gateway| gateway["gateway_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(said, revised, "{told}");
}

/// What became of one of many, without the id of the request.
fn without_request(item: &Value) -> Value {
    let mut item = item.clone();
    item["error"]["request_id"] = Value::Null;
    item
}

#[tokio::test]
async fn what_is_previewed_is_what_happens() {
    let seed = rand::random();
    println!("the seed of the changes: {seed}");
    let mut world = World::start(seed).await;
    let (mut happened, mut waited) = (0, 0);
    for _ in 0..60 {
        let (method, path, body) = match world.rng.random_range(0..5) {
            0 => world.prepared().await,
            _ => world.request(),
        };
        let mut tries = 0;
        let (before, told) = loop {
            let tables = world.tables().await;
            let before = world.fleet();
            let told = preview_as(&world.plane.admin, &method, &path, body.clone()).await;
            // Saying so has done nothing: no row, no event, no other bundle. That a request before
            // was refused may be recorded meanwhile: then it is looked at again.
            tries += 1;
            let (now, idx) = (world.tables().await, world.fleet().idx());
            if (&now, idx) == (&tables, before.idx()) {
                break (before, told);
            }
            assert!(tries < 20, "{method} {path}: {:?}", changed(&tables, &now));
        };
        let real = world.plane.admin.send(method.clone(), &path, &[], body).await;
        if !(200..300).contains(&real.status) {
            assert_eq!(told.status, real.status, "{method} {path}: {}", real.body);
            continue;
        }
        assert_eq!(told.status, 200, "{method} {path}: {}", told.body);
        let (after, devices) = (world.fleet(), world.devices.clone());
        let many = path.ends_with("/bulk");
        if many {
            let results = real.body["results"].as_array().unwrap().iter();
            let failed: Vec<_> =
                results.filter(|r| !r["error"].is_null()).map(without_request).collect();
            let refused = told.body["refused"].as_array().unwrap().iter();
            assert_eq!(refused.map(without_request).collect::<Vec<_>>(), failed, "{path}");
        }
        let said = if many { &told.body["preview"] } else { &told.body };
        check(said, &before, &after, &devices);
        let events: i64 =
            said["events"].as_array().unwrap().iter().map(|e| e["count"].as_i64().unwrap()).sum();
        let stored = world.changes_since(&before).await;
        assert_eq!(stored, events, "{method} {path}: {}", told.body);
        happened += 1;
        waited += said["later"]["items"].as_array().unwrap().len();
        world.check_later(said).await;
        if path == "/admin/policies" {
            world.policies.push(id(&real.body));
        }
        if method == Method::DELETE
            && path.starts_with("/admin/groups/")
            && !path.contains("members")
        {
            world.groups.retain(|group| !path.ends_with(group.as_str()));
            let name = format!("again {happened}");
            world.groups.push(id(&world.plane.create("groups", json!({ "name": name })).await));
        }
    }
    assert!(happened > 20, "only {happened} changes happened");
    assert!(waited > 5, "only {waited} later moments");
}
