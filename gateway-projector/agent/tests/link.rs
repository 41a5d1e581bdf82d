//! The interface's addresses, in network namespaces.

mod support;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use nexavpn_bundle::Interface;
use nexavpn_gateway::link;
use support::net::Namespace;
use support::{empty_payload, namespace};

/// An address that nobody else uses.
const BEGIN: &str = "127.7.6.1/32";

/// What happens to addresses in a namespace, in its order.
struct Monitor<'a> {
    namespace: &'a Namespace,
    child: Child,
    lines: BufReader<ChildStdout>,
    marks: u8,
}

impl<'a> Monitor<'a> {
    /// Listens from now on.
    fn new(namespace: &'a Namespace) -> Self {
        let mut command: Command = namespace.command("ip");
        command.args(["-o", "monitor", "address"]).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut monitor = Self { namespace, child, lines, marks: 0 };
        // It takes a moment until it hears of anything.
        let (heard, done) = std::sync::mpsc::channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                while done.recv_timeout(Duration::from_millis(20)) == Err(RecvTimeoutError::Timeout)
                {
                    namespace.quietly(&["addr", "add", BEGIN, "dev", "lo"]);
                    namespace.quietly(&["addr", "del", BEGIN, "dev", "lo"]);
                }
            });
            monitor.until(BEGIN);
            drop(heard);
        });
        monitor
    }

    /// Everything since the last time: up to an address that is made for this.
    fn events(&mut self) -> Vec<(bool, String)> {
        self.marks += 1;
        let mark = format!("127.7.7.{}/32", self.marks);
        self.namespace.ip(&["addr", "add", &mark, "dev", "lo"]);
        self.until(&mark)
    }

    fn until(&mut self, mark: &str) -> Vec<(bool, String)> {
        let mut events = Vec::new();
        loop {
            let mut line = String::new();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "ip has ended");
            let words: Vec<&str> = line.split_whitespace().collect();
            let at = words.iter().position(|word| word.starts_with("inet")).unwrap();
            if words[at + 1] == mark {
                return events;
            }
            if line.contains("nx0") && line.contains("scope global") {
                events.push((!line.starts_with("Deleted"), words[at + 1].to_owned()));
            }
        }
    }
}

impl Drop for Monitor<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn apply(namespace: &Namespace, addresses: &[&str]) {
    let addresses = addresses.iter().map(|text| (*text).to_owned()).collect();
    let wanted = Interface { addresses, ..empty_payload().interface };
    namespace.inside(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(link::apply("nx0", &wanted)).unwrap();
    });
}

#[test]
fn a_new_address_comes_before_the_old_one_goes() {
    let namespace = namespace("nxl");
    namespace.ip(&["link", "add", "nx0", "type", "veth", "peer", "name", "nx1"]);
    // As it is where nobody has said otherwise.
    namespace
        .inside(|| std::fs::write("/proc/sys/net/ipv4/conf/nx0/promote_secondaries", "0"))
        .unwrap();
    apply(&namespace, &["100.96.0.1/16", "fd00::1/64"]);
    let mut monitor = Monitor::new(&namespace);
    let mut changed = |to: &[&str]| {
        apply(&namespace, to);
        let events = monitor.events();
        let text = namespace.ip(&["-o", "addr", "show", "dev", "nx0", "scope", "global"]);
        let words = text.split_whitespace().filter(|word| word.contains('/'));
        let mut found: Vec<&str> = words.collect();
        found.sort_unstable();
        assert_eq!(found, to, "{events:?}");
        events
    };
    let event = |new, text: &str| (new, text.to_owned());

    // Another network; the other family stays.
    let events = changed(&["100.97.0.1/16", "fd00::1/64"]);
    assert_eq!(events, [event(true, "100.97.0.1/16"), event(false, "100.96.0.1/16")]);
    // The same network: the first one of it must not take the new one along.
    let events = changed(&["100.97.0.2/16", "fd00::1/64"]);
    let (first, old) = (&events[0], event(false, "100.97.0.1/16"));
    assert_eq!(*first, event(true, "100.97.0.2/16"));
    assert!(
        events.contains(&old) && !events.contains(&event(false, "100.97.0.2/16")),
        "{events:?}"
    );
    // The same address in another network, which IPv6 knows once.
    let events = changed(&["100.97.0.2/24", "fd00::1/64"]);
    assert_eq!(events, [event(true, "100.97.0.2/24"), event(false, "100.97.0.2/16")]);
    changed(&["100.97.0.2/24", "fd00::1/112"]);
    let events = changed(&["100.97.0.2/24", "fd01::1/64"]);
    assert_eq!(events, [event(true, "fd01::1/64"), event(false, "fd00::1/112")]);
    assert_eq!(changed(&["100.97.0.2/24", "fd01::1/64"]), []);
}
