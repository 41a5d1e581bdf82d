//! What an import has done, or would do, in words.

use std::net::IpAddr;

use nexavpn_commands::{Adopted, AdoptedDevice, Standing};
use nexavpn_domain::FieldError;

use super::Args;
use crate::cli::output::count;

/// What is said of an import.
pub(super) fn lines(
    args: &Args,
    version: &str,
    adopted: &Adopted,
    left_out: &[String],
) -> Vec<String> {
    let mut lines = vec![format!(
        "{} ({version}): {}",
        args.file.display(),
        count(adopted.devices.len() as u64, "client")
    )];
    lines.push(String::new());
    lines.extend(gateway(adopted));
    lines.push(String::new());
    lines.push(format!("Devices of {}:", args.owner));
    let width = |text: fn(&AdoptedDevice) -> String| {
        adopted.devices.iter().map(|device| text(device).chars().count()).max().unwrap_or(0)
    };
    let address = |device: &AdoptedDevice| device.addresses.v4.to_string();
    let (addresses, names) = (width(address), width(|device| device.name.clone()));
    for device in &adopted.devices {
        let line = format!(
            "  {:addresses$}  {:names$}  {}",
            address(device),
            device.name,
            said_of(device)
        );
        lines.push(line.trim_end().to_owned());
    }
    lines.push(String::new());
    lines.push("Not taken over:".to_owned());
    lines
        .push("  when clients were created: the history of a device begins with its import".into());
    if adopted.devices.iter().any(|device| device.lost_v6.is_some()) {
        lines.push(
            "  IPv6 addresses, where said above: both addresses of a device have one number. IPv6 \
             works again once such a client has its new profile"
                .to_owned(),
        );
    }
    lines.extend(left_out.iter().map(|what| format!("  {what}")));
    lines.push(String::new());
    lines.push(access(args, adopted));
    lines.push(String::new());
    lines.push(outcome(args, adopted).to_owned());
    if !args.dry_run && adopted.gateway_standing != Standing::Present {
        lines.extend(next(adopted));
    }
    lines
}

fn gateway(adopted: &Adopted) -> Vec<String> {
    let fields = &adopted.gateway;
    let standing = match adopted.gateway_standing {
        Standing::New => "new",
        Standing::Keyed => "there already, gets the server's key",
        Standing::Present | Standing::Gone => "there already, as it is",
    };
    let own = fields.pool.gateway_addresses();
    let pools: Vec<String> = fields.pool.networks().map(|network| network.to_string()).collect();
    let dns: Vec<String> = fields.dns_servers.iter().map(IpAddr::to_string).collect();
    let none = |list: String| if list.is_empty() { "none".to_owned() } else { list };
    let keepalive = match fields.persistent_keepalive {
        0 => "none".to_owned(),
        seconds => format!("{seconds} s"),
    };
    vec![
        format!("Gateway {:?}: {standing}", fields.name),
        format!("  endpoint    {}, listening on {}", fields.endpoint, fields.listen_port),
        format!("  pool        {}, the gateway itself {}", pools.join(" and "), own.v4),
        format!("  key         {}", adopted.public_key),
        format!("  DNS         {}", none(dns.join(", "))),
        format!("  MTU         {}, keepalive {keepalive}", fields.mtu),
        format!("  masquerades {}", none(fields.masquerade_interfaces.join(", "))),
    ]
}

fn said_of(device: &AdoptedDevice) -> String {
    let mut said = match device.standing {
        Standing::New => vec![],
        Standing::Keyed | Standing::Present => vec!["there already".to_owned()],
        Standing::Gone => vec!["revoked since, and stays so".to_owned()],
    };
    if device.standing == Standing::New {
        if device.name != device.former_name {
            said.push(format!("was {:?}", device.former_name));
        }
        if !device.enabled {
            said.push("disabled".to_owned());
        }
        said.extend(device.expires_at.map(|at| format!("expires {}", at.format("%F %T UTC"))));
        if !device.preshared {
            said.push("without preshared key".to_owned());
        }
        if !device.private_key_known {
            said.push("private key unknown".to_owned());
        }
        said.extend(device.lost_v6.map(|v6| format!("loses {v6}")));
    }
    said.join("; ")
}

fn access(args: &Args, adopted: &Adopted) -> String {
    let owner = &args.owner;
    match adopted.policy {
        Some(Standing::New | Standing::Keyed) => format!(
            "Access: a new policy lets all devices of {owner} reach everything, those to come too."
        ),
        Some(Standing::Present) => {
            "Access: the policy that lets them reach everything is there already.".to_owned()
        }
        Some(Standing::Gone) => "Access: the policy that let them reach everything was deleted \
                                 since, and is not made again."
            .to_owned(),
        None => "Access: none by this import. Devices reach only what policies allow them; \
                 --allow-all makes one that allows what wg-easy allows: everything."
            .to_owned(),
    }
}

fn outcome(args: &Args, adopted: &Adopted) -> &'static str {
    match (args.dry_run, adopted.anything_new()) {
        (_, false) => "All of it is there already: nothing is changed.",
        (true, true) => "This was a dry run: nothing was changed.",
        (false, true) => "Done.",
    }
}

fn next(adopted: &Adopted) -> [String; 4] {
    [
        "Next (docs/wg-easy.md, \"Moving over\"):".to_owned(),
        format!("  1. make a join token for the gateway {}", adopted.gateway_id),
        "  2. stop wg-easy on its node".to_owned(),
        "  3. there: nexavpn-gateway join <url> <token> --private-key-file /etc/wireguard/wg0.conf"
            .to_owned(),
    ]
}

/// How a problem's field is called on the command line.
pub(super) fn field(name: &str) -> &str {
    match name.split('[').next().unwrap_or(name) {
        "owner" => "--owner",
        "gateway" | "name" => "--gateway",
        "endpoint" => "--endpoint",
        "listen_port" => "--listen-port",
        "dns_servers" => "--dns",
        "mtu" => "--mtu",
        "persistent_keepalive" => "--persistent-keepalive",
        "masquerade_interfaces" => "--masquerade",
        "address_pool_v4" => "server's network",
        "address_pool_v6" => "server's IPv6 network (--no-ipv6 leaves it out)",
        _ => name,
    }
}

/// How many things stand in the way.
pub(super) fn things(problems: &[FieldError]) -> String {
    count(problems.len() as u64, "problem")
}
