//! How the node's host is: CPU, memory, disk, network, uptime, OS.
//!
//! From /proc (proc(5)), os-release(5) and statvfs(3). What cannot be read is left out as a whole:
//! a report matters more than its section about the host.

use std::{fs, path::Path};

use nexavpn_bundle::{HostCpu, HostInterface, HostMetrics};
use nix::sys::statvfs::statvfs;

/// The control plane takes no more than so many interfaces.
const MAX_INTERFACES: usize = 64;
/// /proc/stat counts hundredths of a second (`USER_HZ`, which is 100 on every Linux of today).
const TICK_MS: u64 = 10;

/// How the host is; `state` is where the agent keeps its own. `None` where it cannot be read.
#[must_use]
pub fn read(state: &Path) -> Option<HostMetrics> {
    let text = |path: &str| fs::read_to_string(path).ok();
    let (cpus, cpu) = cpu(&text("/proc/stat")?)?;
    let (memory_total, memory_available) = memory(&text("/proc/meminfo")?)?;
    let (disk_total, disk_free) = disk(state)?;
    let release = text("/etc/os-release").or_else(|| text("/usr/lib/os-release"));
    let release = release.unwrap_or_default();
    Some(HostMetrics {
        os_name: release_field(&release, "NAME").unwrap_or("Linux").to_owned(),
        os_version: release_field(&release, "VERSION_ID").unwrap_or_default().to_owned(),
        kernel: text("/proc/sys/kernel/osrelease")?.trim().to_owned(),
        uptime_s: uptime(&text("/proc/uptime")?)?,
        cpus,
        cpu,
        memory_total,
        memory_available,
        disk_total,
        disk_free,
        interfaces: interfaces(&text("/proc/net/dev")?),
    })
}

/// The number of CPUs, and what they have done together.
fn cpu(stat: &str) -> Option<(u64, HostCpu)> {
    let mut all = None;
    let mut count = 0;
    for line in stat.lines() {
        let mut words = line.split_ascii_whitespace();
        let Some(name) = words.next().filter(|name| name.starts_with("cpu")) else { continue };
        if name == "cpu" {
            all = Some(words.map_while(|word| word.parse().ok()).collect::<Vec<u64>>());
        } else {
            count += 1;
        }
    }
    let all = all?;
    let ms = |fields: &[usize]| {
        let ticks = fields.iter().filter_map(|field| all.get(*field)).sum::<u64>();
        ticks.saturating_mul(TICK_MS)
    };
    // user nice system idle iowait irq softirq steal; guests are in user and nice already.
    let cpu = HostCpu {
        user_ms: ms(&[0, 1]),
        system_ms: ms(&[2, 5, 6]),
        iowait_ms: ms(&[4]),
        steal_ms: ms(&[7]),
        idle_ms: ms(&[3]),
    };
    (all.len() >= 4).then_some((count, cpu))
}

/// Total and available, in bytes.
fn memory(meminfo: &str) -> Option<(u64, u64)> {
    let field = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        kib.checked_mul(1024)
    };
    Some((field("MemTotal")?, field("MemAvailable")?))
}

/// Total and free to others than root, in bytes.
fn disk(path: &Path) -> Option<(u64, u64)> {
    let stat = statvfs(path).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.fragment_size());
    Some((bytes(stat.blocks()), bytes(stat.blocks_available())))
}

fn uptime(uptime: &str) -> Option<u64> {
    uptime.split(['.', ' ']).next()?.parse().ok()
}

fn interfaces(dev: &str) -> Vec<HostInterface> {
    dev.lines().filter_map(interface).filter(|i| i.name != "lo").take(MAX_INTERFACES).collect()
}

fn interface(line: &str) -> Option<HostInterface> {
    let (name, counters) = line.split_once(':')?;
    let counters: Vec<u64> =
        counters.split_ascii_whitespace().map_while(|word| word.parse().ok()).collect();
    let &[rx_bytes, rx_packets, rx_errors, _, _, _, _, _, tx_bytes, tx_packets, tx_errors, ..] =
        counters.as_slice()
    else {
        return None;
    };
    Some(HostInterface {
        name: name.trim().to_owned(),
        rx_bytes,
        tx_bytes,
        rx_packets,
        tx_packets,
        rx_errors,
        tx_errors,
    })
}

fn release_field<'a>(release: &'a str, name: &str) -> Option<&'a str> {
    let line = release.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
    Some(line.trim().trim_matches(['"', '\'']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_proc_says() {
        let stat = "cpu  100 20 30 4000 50 6 7 8 9 10\ncpu0 1 2 3 4\ncpu1 1 2 3 4\nintr 5\n";
        let (cpus, cpu) = cpu(stat).unwrap();
        assert_eq!(cpus, 2);
        let wanted = HostCpu {
            user_ms: 1200,
            system_ms: 430,
            iowait_ms: 500,
            steal_ms: 80,
            idle_ms: 40_000,
        };
        assert_eq!(cpu, wanted);
        let meminfo = "MemTotal:  2048 kB\nMemFree: 1 kB\nMemAvailable:   1024 kB\n";
        assert_eq!(memory(meminfo), Some((2 << 20, 1 << 20)));
        assert_eq!(uptime("12345.67 99.9\n"), Some(12345));
        let dev = "Inter-| Receive | Transmit\n face |bytes packets\n    lo: 1 1 0 0 0 0 0 0 1 1 0 0\n  \
                   eth0:10 2 3 0 0 0 0 0 40 5 6 0 0 0 0 0\n";
        let [eth0] = <[HostInterface; 1]>::try_from(interfaces(dev)).unwrap();
        assert_eq!((eth0.name.as_str(), eth0.rx_bytes, eth0.tx_bytes), ("eth0", 10, 40));
        assert_eq!((eth0.rx_packets, eth0.tx_packets), (2, 5));
        assert_eq!((eth0.rx_errors, eth0.tx_errors), (3, 6));
        assert_eq!(release_field("ID=x\nNAME=\"A B\"\n", "NAME"), Some("A B"));
    }

    #[test]
    fn reads_this_host() {
        let host = read(Path::new("/")).unwrap();
        assert!(host.cpus > 0 && host.memory_total > host.memory_available, "{host:?}");
        assert!(host.disk_total >= host.disk_free && host.uptime_s > 0, "{host:?}");
    }

    #[test]
    fn what_is_cut_off_is_no_host() {
        assert_eq!(cpu("cpu 1 2\n"), None);
        assert_eq!(memory("MemTotal: 1 kB\n"), None);
        assert_eq!(interfaces("eth0: 1 2 3\n"), []);
    }
}
