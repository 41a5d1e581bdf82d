//! What the machine brings along.

use std::fs;
use std::path::Path;

use nix::unistd::{AccessFlags, access};

use super::Check;
use crate::command::{CommandError, run};
use crate::tunnel::Kind;

/// Older ones were never tried with these rulesets.
const OLDEST_NFT: (u32, u32, u32) = (1, 0, 6);

/// `CAP_NET_ADMIN`, see capability.h.
const NET_ADMIN: u32 = 12;

/// The switch for IPv4.
pub(super) const FORWARD_V4: &str = "/proc/sys/net/ipv4/ip_forward";
/// The switch for IPv6.
pub(super) const FORWARD_V6: &str = "/proc/sys/net/ipv6/conf/all/forwarding";

pub(super) fn privileges() -> Check {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let name = "privileges";
    if has_net_admin(&status) {
        Check::ok(name, "CAP_NET_ADMIN")
    } else {
        Check::failure(name, "no CAP_NET_ADMIN", "run as root, or by the systemd unit")
    }
}

fn has_net_admin(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let mask = mask.and_then(|text| u64::from_str_radix(text.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << NET_ADMIN) != 0)
}

pub(super) async fn nft() -> Check {
    let name = "nft";
    match run("nft", &["--version"], None).await {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output).trim().to_owned();
            match version(&text) {
                Some(found) if found >= OLDEST_NFT => Check::ok(name, text),
                Some(_) => Check::warning(
                    name,
                    text,
                    "older than 1.0.6, which is the oldest that is tested: upgrade nftables",
                ),
                None => Check::warning(
                    name,
                    text,
                    "the version cannot be read: expected 1.0.6 or newer",
                ),
            }
        }
        Err(error) => Check::failure(name, error.to_string(), "install the package nftables"),
    }
}

/// Reads `nftables v1.0.6 (Lester Gooch #5)`.
fn version(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.split_whitespace().find_map(|word| word.strip_prefix('v'))?.split('.');
    let mut next = || parts.next().and_then(|part| part.parse().ok());
    Some((next()?, next()?, next().unwrap_or(0)))
}

pub(super) async fn ip() -> Check {
    match run("ip", &["-V"], None).await {
        Ok(output) => Check::ok("ip", String::from_utf8_lossy(&output).trim().to_owned()),
        Err(error) => Check::failure("ip", error.to_string(), "install the package iproute2"),
    }
}

pub(super) async fn wireguard(kind: Kind) -> Check {
    let name = "wireguard";
    let kernel = if Path::new("/sys/module/wireguard").exists() {
        Some("in the kernel")
    } else {
        // Also answers for a module that is built in. Loads nothing.
        let found = run("modprobe", &["--dry-run", "--quiet", "wireguard"], None).await.is_ok();
        found.then_some("a module of the kernel, loaded when it is needed")
    };
    let userspace = userspace().await;
    match (kind, kernel, userspace) {
        (Kind::Auto | Kind::Kernel, Some(kernel), _) => Check::ok(name, kernel),
        (Kind::Kernel, None, _) => Check::failure(
            name,
            "not in this kernel",
            "use a kernel with the module wireguard, or run with --tunnel auto",
        ),
        (Kind::Userspace, _, Ok(())) => Check::ok(name, "wireguard-go, as chosen"),
        (Kind::Auto, None, Ok(())) => Check::warning(
            name,
            "not in this kernel, wireguard-go is used",
            "it works, at some times the CPU a packet; use a kernel with the module wireguard",
        ),
        (Kind::Userspace | Kind::Auto, _, Err(why)) => Check::failure(
            name,
            why,
            "use a kernel with the module wireguard, or install the package wireguard-go",
        ),
    }
}

async fn userspace() -> Result<(), String> {
    match run("wireguard-go", &["--version"], None).await {
        Err(error @ CommandError::Start { .. }) => Err(error.to_string()),
        _ if !Path::new("/dev/net/tun").exists() => {
            Err("wireguard-go is there, but not /dev/net/tun".to_owned())
        }
        _ => Ok(()),
    }
}

/// Whether the node forwards, or can be made to by the agent.
pub(super) fn forwarding(name: &'static str, switch: &str, needed: bool) -> Check {
    let path = Path::new(switch);
    let on = fs::read_to_string(path).is_ok_and(|text| text.trim() == "1");
    let key = switch.trim_start_matches("/proc/sys/").replace('/', ".");
    if on {
        Check::ok(name, "on")
    } else if !needed {
        Check::ok(name, "off, and not needed")
    } else if access(path, AccessFlags::W_OK).is_ok() {
        Check::warning(
            name,
            "off; the agent turns it on with the first bundle",
            format!("write `{key} = 1` to /etc/sysctl.d/ so that it stays on"),
        )
    } else {
        Check::failure(name, "off, and not to be changed from here", format!("sysctl -w {key}=1"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(version("nftables v1.0.6 (Lester Gooch #5)"), Some((1, 0, 6)));
        assert_eq!(version("nftables v1.1 (X)"), Some((1, 1, 0)));
        assert!(version("nftables v1.0.10 (X)") > Some(OLDEST_NFT));
        assert!(version("nftables v0.9.8 (X)") < Some(OLDEST_NFT));
        assert_eq!(version("something else"), None);
    }

    #[test]
    fn the_one_capability_counts() {
        assert!(has_net_admin("Name:\tx\nCapEff:\t0000000000001000\n"));
        assert!(has_net_admin("CapEff:\t000001ffffffffff\n"));
        assert!(!has_net_admin("CapEff:\t000001ffffffefff\n"));
        assert!(!has_net_admin("CapPrm:\t000001ffffffffff\n"));
    }

    #[test]
    fn forwarding_that_cannot_be_turned_on_fails() {
        let directory = tempfile::tempdir().unwrap();
        let switch = directory.path().join("switch");
        let path = switch.to_string_lossy().into_owned();
        let verdict = |needed| forwarding("x", &path, needed).verdict;
        assert_eq!(verdict(true), Verdict::Failure);
        assert_eq!(verdict(false), Verdict::Ok);
        fs::write(&switch, "0\n").unwrap();
        assert_eq!(verdict(true), Verdict::Warning);
        fs::write(&switch, "1\n").unwrap();
        assert_eq!(verdict(true), Verdict::Ok);
    }
}
