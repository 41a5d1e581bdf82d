//! `./bench apply`: what a change, a first load, and a packet cost a gateway's node.

mod fleet;
mod node;
mod packets;

use std::path::PathBuf;

use nexavpn_bundle::{Change, Device};
use nexavpn_gateway::{
    engine::Engine,
    nft::{self, NftNames},
};
use nexavpn_netns::{ip, require_root};
use nix::sched::{CloneFlags, unshare};

use super::{
    Outcome,
    ground::Machine,
    report::{Times, TimesLine, micros},
};
use fleet::{Fleet, address, device, profile};
use node::{Node, apply, engine, in_force};
use packets::{Packet, Path, frames, stay_on_one_processor};

/// What is measured how often.
#[derive(Debug, Clone)]
pub struct Options {
    /// How often everything is loaded from nothing.
    pub rounds: usize,
    /// How many changes there are in each round.
    pub changes: usize,
    /// How often each device sends a packet.
    pub passes: usize,
    /// How many devices the gateway has.
    pub devices: usize,
    /// How many policies there are.
    pub policies: usize,
    /// Where the JSON goes; the standard output without it.
    pub json: Option<PathBuf>,
}

/// What is done to one device, one after the other.
const CHANGES: [&str; 4] =
    ["a device removed", "a device added", "another profile", "a new profile"];

/// Measures and prints, in a network namespace of this thread's own.
///
/// # Errors
/// What kept it from measuring.
pub fn run(options: &Options) -> Outcome<()> {
    require_root();
    unshare(CloneFlags::CLONE_NEWNET)?;
    ip(&["link", "set", "lo", "up"]);
    // As the agent runs.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let dir = tempfile::tempdir_in("/var/tmp")?;
    let machine = Machine::without_database(dir.path())?;
    eprintln!("{machine}");
    let Options { rounds, changes, passes, devices, policies, .. } = *options;
    let id = format!("{:06x}", rand::random::<u32>() & 0x00ff_ffff);
    let node = Node { interface: format!("nxb{id}") };

    let mut loads = Loads::default();
    let mut changed = Changed::default();
    for round in 1..=rounds {
        let mut fleet = Fleet::new(&node.interface, devices, policies)?;
        node.start_tunnel()?;
        let [script, request] = node.load_bare(&fleet.payload())?;
        loads.script.push(micros(script));
        loads.request.push(micros(request));
        loads.bare.push(micros(script + request));
        node.clear()?;

        node.start_tunnel()?;
        let state = dir.path().join(format!("state{round}"));
        let load = async {
            let mut engine = engine(&node, &fleet, &state).await?;
            let [taken, applied] = apply(&mut engine, &fleet.body()).await?;
            loads.taken.push(micros(taken));
            loads.applied.push(micros(applied));
            for n in 0..changes {
                change(n, &mut engine, &mut fleet, options, &mut changed).await?;
            }
            engine.stop(true).await;
            Outcome::Ok(())
        };
        runtime.block_on(load)?;
        node.clear()?;
        eprintln!("round {round} of {rounds}");
    }
    let mut lines = loads.lines();
    lines.extend(changed.lines());
    lines.extend(forwarding(&id, passes, devices, policies)?);

    let about = format!(
        "A gateway with {devices} devices under {policies} policies. `taken` is a bundle or delta \
         verified and kept on the disk, `in force` what the agent does then until nft and \
         WireGuard have it and the disk knows; {rounds} rounds, {changes} changes in each."
    );
    Times { name: "apply", machine, about, lines }.print(options.json.as_deref())
}

/// First loads.
#[derive(Default)]
struct Loads {
    script: Vec<u32>,
    request: Vec<u32>,
    bare: Vec<u32>,
    taken: Vec<u32>,
    applied: Vec<u32>,
}

impl Loads {
    fn lines(self) -> Vec<TimesLine> {
        let bare = TimesLine::new("first load, bare nft -f and UAPI", self.bare);
        let applied = TimesLine::new("first load, in force", self.applied).beside(&bare);
        vec![
            TimesLine::new("first load, bare nft -f", self.script),
            TimesLine::new("first load, bare UAPI", self.request),
            bare,
            TimesLine::new("first load, taken", self.taken),
            applied.goal("1.5"),
        ]
    }
}

/// Changes of one device, of each kind.
#[derive(Default)]
struct Changed {
    taken: Vec<u32>,
    applied: [Vec<u32>; CHANGES.len()],
    all: Vec<u32>,
}

impl Changed {
    fn lines(self) -> Vec<TimesLine> {
        let each = CHANGES.into_iter().zip(self.applied);
        let mut lines = vec![TimesLine::new("one device, taken", self.taken)];
        lines.extend(each.map(|(what, times)| TimesLine::new(format!("{what}, in force"), times)));
        lines.push(TimesLine::new("one device, in force", self.all).goal("50 ms"));
        lines
    }
}

/// Changes a device, and sees that the kernel has it.
async fn change(
    n: usize,
    engine: &mut Engine,
    fleet: &mut Fleet,
    Options { devices, policies, .. }: &Options,
    changed: &mut Changed,
) -> Outcome<()> {
    let kind = n % CHANGES.len();
    // The same one for all kinds in turn.
    let number = n / CHANGES.len() * 97 % devices;
    let payload = fleet.payload();
    let find = |id: &str| payload.devices.iter().find(|device| device.id == id).cloned();
    let id = format!("00000000-0000-4000-8000-{number:012x}");
    let held = find(&id);
    let mut made = Change::default();
    match (kind, held) {
        (0, Some(_)) => made.removed_devices.push(id),
        (1, None) => {
            let known = profile(number % policies, *policies).name()?;
            made.put_devices.push(device(number, known));
        }
        (2, Some(device)) => {
            let profile = profile((number + 1) % policies, *policies).name()?;
            made.put_devices.push(Device { profile, ..device });
        }
        (3, Some(device)) => {
            let mut new = profile(number % policies, *policies);
            new.v4.push(format!("10.250.{0}.0-10.250.{0}.255", n / CHANGES.len() % 250));
            let profile = new.name()?;
            made.put_profiles.insert(profile.clone(), new);
            made.put_devices.push(Device { profile, ..device });
        }
        (_, held) => return Err(format!("change {n} finds {held:?}").into()),
    }
    let wanted = made.put_devices.first().map(|device| device.profile.clone());
    let body = fleet.change(made)?;
    let [taken, applied] = apply(engine, &body).await?;
    changed.taken.push(micros(taken));
    changed.all.push(micros(applied));
    if let Some(times) = changed.applied.get_mut(kind) {
        times.push(micros(applied));
    }
    let found = in_force(&address(number))?;
    let is_right = match &wanted {
        Some(profile) => found.contains(profile),
        None => !found.contains("goto"),
    };
    if is_right { Ok(()) } else { Err(format!("instead of {wanted:?}: {found}").into()) }
}

/// What 1,000 packets cost: sent only, forwarded without rules, with connection tracking, and
/// with the rules of all devices and policies.
fn forwarding(id: &str, passes: usize, devices: usize, policies: usize) -> Outcome<Vec<TimesLine>> {
    stay_on_one_processor()?;
    let fleet = Fleet::new("wg0", devices, policies)?;
    let plain = Path::new(&format!("nxb{id}p"))?;
    let tracking = Path::new(&format!("nxb{id}t"))?;
    let ruled = Path::new(&format!("nxb{id}r"))?;
    let hook = "add chain inet t f { type filter hook forward priority 0; policy accept; }";
    tracking
        .gateway
        .nft(&format!("add table inet t\n{hook}\nadd rule inet t f ct state invalid drop\n"))?;
    ruled.gateway.nft(&nft::render_full(&fleet.payload(), &NftNames::default()))?;

    let packet = |n: usize| -> Outcome<Packet> {
        let policy = (n % policies + n / policies % 10) % policies;
        let to = format!("10.{policy}.0.{}", 1 + n % 250).parse()?;
        Ok(Packet { from: address(n).parse()?, to, port: 443 })
    };
    let allowed: Vec<Packet> = (0..devices).map(packet).collect::<Outcome<_>>()?;
    let denied: Vec<Packet> = allowed
        .iter()
        .map(|packet| Ok(Packet { to: "10.251.0.1".parse()?, ..*packet }))
        .collect::<Outcome<_>>()?;
    let (to_gateway, past) = (frames(&allowed, true), frames(&allowed, false));
    let refused = frames(&denied, true);

    let mut times: [Vec<f64>; 5] = Default::default();
    // The first pass makes the connections.
    for pass in 0..=passes {
        let before = [&plain, &tracking, &ruled].map(Path::forwarded);
        let took = [
            plain.time(&past)?,
            plain.time(&to_gateway)?,
            tracking.time(&to_gateway)?,
            ruled.time(&to_gateway)?,
            ruled.time(&refused)?,
        ];
        for (path, before) in [&plain, &tracking, &ruled].iter().zip(before) {
            let forwarded = path.forwarded()? - before?;
            if forwarded != devices as u64 {
                return Err(format!("{forwarded} of {devices} packets were forwarded").into());
            }
        }
        if pass > 0 {
            times.iter_mut().zip(took).for_each(|(times, took)| times.push(took));
        }
    }
    let [sent, plain, tracking, ruled, refused] = times;
    // Nanoseconds of one are microseconds of a thousand.
    let line = |what: &str, times: &[f64]| {
        let times = times.iter().map(|ns| *ns as u32).collect();
        TimesLine::new(format!("1,000 packets {what}"), times)
    };
    let net = |times: &[f64]| -> Vec<f64> {
        times.iter().zip(&sent).map(|(all, sent)| (all - sent).max(0.0)).collect()
    };
    let forwarded = line("forwarded, no rules", &net(&plain));
    let ruled_net = line("forwarded, rules", &net(&ruled)).beside(&forwarded).goal("1.6");
    Ok(vec![
        line("sent only", &sent),
        line("forwarded, connection tracking", &net(&tracking)).beside(&forwarded),
        line("denied, rules", &net(&refused)).beside(&forwarded),
        forwarded,
        ruled_net,
        line("sent and forwarded, rules", &ruled)
            .beside(&line("sent and forwarded, no rules", &plain)),
    ])
}
