//! `doctor` beside other people's firewalls: what it says of them, and what becomes of packets.

mod support;

use support::{SERVER, World, open, wait_for};

/// As iptables-nft writes it: the policy accepts, the last rule rejects.
const IPTABLES: &str = "
add table ip filter
add chain ip filter FORWARD { type filter hook forward priority 0; policy accept; }
add rule ip filter FORWARD ct state invalid counter drop
add rule ip filter FORWARD ct state related,established counter accept
add rule ip filter FORWARD iifname eth7 oifname eth1 counter accept
add rule ip filter FORWARD counter reject with icmp type host-prohibited
";

/// As firewalld writes it: a chain for each zone, which its dispatcher jumps to. The interface of
/// the zone `trusted` is the test's to name.
const FIREWALLD: &str = "
add table inet firewalld
add chain inet firewalld filter_FWD_public
add rule inet firewalld filter_FWD_public ip protocol icmp accept
add rule inet firewalld filter_FWD_public reject with icmpx type admin-prohibited
add chain inet firewalld filter_FWD_trusted
add rule inet firewalld filter_FWD_trusted accept
add chain inet firewalld filter_FORWARD_ZONES
add rule inet firewalld filter_FORWARD_ZONES iifname TRUSTED goto filter_FWD_trusted
add rule inet firewalld filter_FORWARD_ZONES goto filter_FWD_public
add chain inet firewalld filter_FORWARD { type filter hook forward priority 10; policy accept; }
add rule inet firewalld filter_FORWARD ct state vmap { established : accept, related : accept, invalid : drop }
add rule inet firewalld filter_FORWARD ip6 daddr { ::/96, 2002::/24 } reject with icmpv6 type addr-unreachable
add rule inet firewalld filter_FORWARD jump filter_FORWARD_ZONES
";

const INPUT: &str = "
add table inet host
add chain inet host services
add rule inet host services tcp dport { 22, 80 } accept
add rule inet host services udp dport PORT accept
add chain inet host input { type filter hook input priority 0; policy accept; }
add rule inet host input iifname vmap { lo : accept, TUNNEL : accept }
add rule inet host input meta l4proto vmap { icmp : accept, tcp : jump services, udp : jump services }
add rule inet host input counter drop
";

const POLICY: &str = "
add table ip filter
add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }
add rule ip filter FORWARD meta mark 0x8 drop
";

/// Stops one IP version of the devices.
const SHARED: &str = "
add table inet shared
add chain inet shared forward { type filter hook forward priority 0; policy accept; }
add rule inet shared forward ip saddr 100.64.0.0/10 drop
";

/// Lets each IP version of the devices through by a rule of its own.
const VERSIONS: &str = "
add table inet versions
add chain inet versions forward { type filter hook forward priority 0; policy drop; }
add rule inet versions forward ct state established,related accept
add rule inet versions forward ip saddr 100.96.0.0/16 accept
add rule inet versions forward ip6 saddr fd00::/64 accept
";

/// What a node may have without harm.
const HARMLESS: &str = "
add table inet ban
add set inet ban addresses { type ipv4_addr; }
add element inet ban addresses { 192.0.2.1 }
add chain inet ban input { type filter hook input priority -1; policy accept; }
add rule inet ban input tcp dport 22 ip saddr @addresses reject
add rule inet ban input ct state invalid drop
add rule inet ban input tcp dport vmap { 22 : accept, 51820 : drop }
add chain inet ban strangers
add rule inet ban strangers fib daddr type { local, broadcast, multicast } return
add rule inet ban strangers drop
add rule inet ban input jump strangers
add chain inet ban forward { type filter hook forward priority -1; policy accept; }
add rule inet ban forward ip daddr { 192.0.2.0/24, 198.51.100.7 } drop
add rule inet ban forward iifname eth7 oifname eth8 drop
add chain inet ban output { type filter hook output priority 0; policy accept; }
add rule inet ban output tcp dport 25 reject
add chain inet ban nobody
add rule inet ban nobody drop
add chain inet ban before { type filter hook prerouting priority -300; policy accept; }
add rule inet ban before ip saddr 192.0.2.1 drop
add table bridge other
add chain bridge other forward { type filter hook forward priority 0; policy drop; }
";

/// What `doctor` says of the tables, and whether that is a warning.
fn tables(world: &World) -> (bool, String) {
    let output = world.cli(&["doctor", "--json", "--tunnel", "userspace"]);
    let parsed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let checks = parsed["checks"].as_array().unwrap().iter();
    let checks: Vec<_> = checks.filter(|check| check["name"] == "tables").collect();
    let said = checks.iter().map(|check| format!("{}; {}", check["found"], check["advice"]));
    let warns = checks.iter().any(|check| check["verdict"] == "warning");
    (warns, said.collect::<Vec<_>>().join("\n"))
}

#[test]
fn a_firewall_that_stops_packets_is_named_until_it_lets_them_through() {
    let world = World::new(1);
    world.join();
    world.start(&[]);
    world.server.echo(443);
    world.publish(&world.payload(1, &open()));
    world.connect_clients();
    let device = &world.clients[0].namespace;
    wait_for("the first packet", || device.reaches(SERVER, 443));

    let tunnel = world.interface.as_str();
    let advised = |script: &str, before: &str, rules: &[&str]| {
        let own: String =
            rules.iter().map(|rule| format!("insert rule {before} {rule}\n")).collect();
        format!("{script}{own}")
    };
    let (from, to) = (format!("iifname {tunnel} accept"), format!("oifname {tunnel} accept"));
    let named = |script: &str, trusted: &str, port: &str| {
        script.replace("TRUSTED", trusted).replace("TUNNEL", trusted).replace("PORT", port)
    };
    // What is loaded, and what is named: the chain, the rule's chain, and what to let through.
    let cases: [(String, &[&str]); 12] = [
        (IPTABLES.into(), &["ip filter FORWARD", "by a rule of its own", "what comes from"]),
        (advised(IPTABLES, "ip filter FORWARD", &[&from]), &[]),
        (named(FIREWALLD, "eth7", ""), &["inet firewalld filter_FORWARD ", "filter_FWD_public"]),
        (named(FIREWALLD, tunnel, ""), &[]),
        (
            named(INPUT, tunnel, "53"),
            &["inet host input", "by a rule of its own", "UDP to port 51820"],
        ),
        (named(INPUT, tunnel, "51000-52000"), &[]),
        (POLICY.into(), &["ip filter FORWARD", "by its policy", "and what goes to"]),
        (advised(POLICY, "ip filter FORWARD", &[&from]), &["by its policy", "what goes to"]),
        (advised(POLICY, "ip filter FORWARD", &[&from, &to]), &[]),
        (SHARED.into(), &["inet shared forward", "by a rule of its own", "what comes from"]),
        (VERSIONS.into(), &[]),
        (HARMLESS.into(), &[]),
    ];
    for (script, named) in cases {
        world.gateway.nft(&script).unwrap();
        let (warns, said) = tables(&world);
        assert_eq!(warns, !named.is_empty(), "{script}\n{said}");
        for part in named {
            assert!(said.contains(part), "{part} is not in {said}");
        }
        assert_eq!(device.reaches(SERVER, 443), !warns, "{script}\n{said}");
        for line in script.lines().filter(|line| line.starts_with("add table")) {
            world.gateway.nft(&line.replace("add", "delete")).unwrap();
        }
        assert!(device.reaches(SERVER, 443), "after {script}");
    }
}
