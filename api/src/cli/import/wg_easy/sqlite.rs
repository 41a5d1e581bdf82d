//! Version 15's `wg-easy.db`.

use std::{collections::BTreeSet, path::Path};

use ipnetwork::{Ipv4Network, Ipv6Network};
use nexavpn_commands::{AdoptedClient, Secret};
use rusqlite::{Connection, OpenFlags, Row, types::FromSql};

use super::{Client, Exported, Server, present, time};

/// What the interface's key is until wg-easy was set up.
const NO_KEY: &str = "---default---";

/// Reads the database; otherwise says what is not as expected.
pub(super) fn read(path: &Path) -> Result<Exported, String> {
    let connection = open(path).map_err(said)?;
    // All of it as it was at one moment, beside a wg-easy that writes.
    let connection = connection.unchecked_transaction().map_err(said)?;
    let mut left_out = BTreeSet::new();
    let (interface, server) = read_server(&connection)?;
    let defaults = Defaults {
        allowed_ips: text_of(&connection, &interface, "default_allowed_ips")?,
        dns: text_of(&connection, &interface, "default_dns")?,
        mtu: number_of(&connection, &interface, "default_mtu")?,
        keepalive: number_of(&connection, &interface, "default_persistent_keepalive")?,
    };
    let clients = read_clients(&connection, &interface, &defaults, &mut left_out)?;
    left_out.insert(
        "wg-easy's hooks (PostUp, …), users, one-time links and sign-ins: users and policies are \
         NexaVPN's"
            .to_owned(),
    );
    let left_out = left_out.into_iter().collect();
    Ok(Exported { version: "wg-easy 15", server, clients, left_out })
}

/// Without a write-ahead log beside it nothing but the file is touched; with one, what is only
/// there yet is read as well.
fn open(path: &Path) -> rusqlite::Result<Connection> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let empty = std::fs::metadata(&log).is_ok_and(|log| log.len() == 0);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if Path::new(&log).exists() && !empty {
        return Connection::open_with_flags(path, flags);
    }
    let escaped: String = url::form_urlencoded::byte_serialize(path.as_os_str().as_encoded_bytes())
        .map(|part| part.replace('+', "%20"))
        .collect();
    let uri = format!("file:{escaped}?immutable=1");
    Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)
}

fn read_server(connection: &Connection) -> Result<(String, Server), String> {
    // The private key is beside it, and stays there.
    let sql = "SELECT name, device, public_key, ipv4_cidr, ipv6_cidr, mtu FROM interfaces_table";
    let mut statement = connection.prepare(sql).map_err(said)?;
    let rows = statement.query_map([], |row| {
        let name: String = row.get(0)?;
        let cidrs: (String, String) = (row.get(3)?, row.get(4)?);
        let server = Server {
            device: present(row.get(1)?),
            public_key: row.get(2)?,
            mtu: row.get(5)?,
            ..Server::default()
        };
        Ok((name, cidrs, server))
    });
    let rows: Vec<_> = rows.map_err(said)?.collect::<Result<_, _>>().map_err(said)?;
    let count = rows.len();
    let Ok([(name, (v4, v6), mut server)]) = <[_; 1]>::try_from(rows) else {
        return Err(format!("it has {count} interfaces, and one is expected"));
    };
    if server.public_key == NO_KEY {
        return Err("its set-up was never finished: there is no key yet".to_owned());
    }
    let v4: Ipv4Network = v4.trim().parse().map_err(|_| "ipv4_cidr is no network")?;
    server.pool_v4 = format!("{}/{}", v4.network(), v4.prefix());
    if let Some(v6) = present(Some(v6)) {
        let v6: Ipv6Network = v6.trim().parse().map_err(|_| "ipv6_cidr is no network")?;
        server.pool_v6 = Some(format!("{}/{}", v6.network(), v6.prefix()));
    }
    server.host = present(text_of(connection, &name, "host")?);
    server.port = number_of(connection, &name, "port")?;
    server.dns = text_of(connection, &name, "default_dns")?.map(|text| list(&text)).transpose()?;
    server.persistent_keepalive = number_of(connection, &name, "default_persistent_keepalive")?;
    Ok((name, server))
}

/// What the interface's clients have where nothing else is said of one.
struct Defaults {
    allowed_ips: Option<String>,
    dns: Option<String>,
    mtu: Option<u16>,
    keepalive: Option<u16>,
}

fn read_clients(
    connection: &Connection,
    interface: &str,
    defaults: &Defaults,
    left_out: &mut BTreeSet<String>,
) -> Result<Vec<Client>, String> {
    // Versions differ in what they have: later ones tell the interface, and firewalls.
    let columns = columns(connection, "clients_table")?;
    let of_interface =
        if columns.contains("interface_id") { "WHERE interface_id = ?1" } else { "" };
    let sql = format!("SELECT * FROM clients_table {of_interface} ORDER BY id");
    let mut statement = connection.prepare(&sql).map_err(said)?;
    let parameters: &[&dyn rusqlite::ToSql] =
        if of_interface.is_empty() { &[] } else { &[&interface] };
    let mut rows = statement.query(parameters).map_err(said)?;
    let mut clients = Vec::new();
    while let Some(row) = rows.next().map_err(said)? {
        let get = |column| field::<Option<String>>(row, &columns, column).map(Option::flatten);
        let name = get("name")?.unwrap_or_default();
        let expires_at = match present(get("expires_at")?) {
            None => None,
            Some(text) => Some(time(&text).ok_or("expires_at of a client is no time")?),
        };
        note_left_out(row, &columns, &name, defaults, left_out)?;
        let enabled: Option<i64> = field(row, &columns, "enabled")?;
        let adopted = AdoptedClient {
            address_v4: get("ipv4_address")?.unwrap_or_default(),
            address_v6: present(get("ipv6_address")?),
            public_key: get("public_key")?.unwrap_or_default(),
            private_key: present(get("private_key")?).map(Secret::new),
            preshared_key: present(get("pre_shared_key")?).map(Secret::new),
            enabled: enabled.is_some_and(|on| on != 0),
            expires_at,
            name,
        };
        let created_at = get("created_at")?.as_deref().and_then(time);
        clients.push(Client { adopted, created_at });
    }
    Ok(clients)
}

/// Settings of single clients that NexaVPN has for the gateway as a whole, in policies or not.
fn note_left_out(
    row: &Row<'_>,
    columns: &BTreeSet<String>,
    name: &str,
    defaults: &Defaults,
    left_out: &mut BTreeSet<String>,
) -> Result<(), String> {
    let get = |column| field::<Option<String>>(row, columns, column).map(Option::flatten);
    let lists = |column| Ok::<_, String>(get(column)?.filter(|list| list != "[]"));
    let number = |column| field::<Option<u16>>(row, columns, column).map(Option::flatten);
    let mut note = |what: &str| left_out.insert(format!("of {name:?}: {what}"));
    if lists("server_allowed_ips")?.is_some() {
        note("the networks behind it (server allowed IPs): a device has its own addresses only");
    }
    if get("allowed_ips")?.is_some_and(|ips| Some(ips) != defaults.allowed_ips) {
        note("its own allowed IPs: a new profile says what policies allow");
    }
    if lists("firewall_ips")?.is_some() {
        note("its firewall's destinations: make a policy of them");
    }
    if get("dns")?.is_some_and(|dns| Some(dns) != defaults.dns) {
        note("its own DNS servers: a new profile has the gateway's");
    }
    let differs = |own: Option<u16>, default| own.is_some() && own != default;
    if differs(number("mtu")?, defaults.mtu)
        || differs(number("persistent_keepalive")?, defaults.keepalive)
    {
        note("its own MTU or keepalive: a new profile has the gateway's");
    }
    for column in ["pre_up", "post_up", "pre_down", "post_down", "server_endpoint"] {
        if present(get(column)?).is_some() {
            note(&format!("its {column}"));
        }
    }
    Ok(())
}

fn columns(connection: &Connection, table: &str) -> Result<BTreeSet<String>, String> {
    let mut statement =
        connection.prepare("SELECT name FROM pragma_table_info(?1)").map_err(said)?;
    let names = statement.query_map([table], |row| row.get(0)).map_err(said)?;
    names.collect::<Result<_, _>>().map_err(said)
}

/// A column that not every version has.
fn field<T: FromSql>(
    row: &Row<'_>,
    columns: &BTreeSet<String>,
    column: &str,
) -> Result<Option<T>, String> {
    columns.contains(column).then(|| row.get(column).map_err(said)).transpose()
}

/// A setting of the interface's clients.
fn text_of(
    connection: &Connection,
    interface: &str,
    column: &'static str,
) -> Result<Option<String>, String> {
    setting(connection, interface, column)
}

fn number_of(
    connection: &Connection,
    interface: &str,
    column: &'static str,
) -> Result<Option<u16>, String> {
    setting(connection, interface, column)
}

fn setting<T: FromSql>(
    connection: &Connection,
    interface: &str,
    column: &'static str,
) -> Result<Option<T>, String> {
    let sql = format!("SELECT {column} FROM user_configs_table WHERE id = ?1");
    let mut statement = connection.prepare(&sql).map_err(said)?;
    let mut rows = statement.query([interface]).map_err(said)?;
    match rows.next().map_err(said)? {
        None => Ok(None),
        Some(row) => row.get(0).map_err(said),
    }
}

/// A list as drizzle stores it.
fn list(json: &str) -> Result<Vec<String>, String> {
    serde_json::from_str(json).map_err(|_| "default_dns is no list".to_owned())
}

/// SQLite's words name tables and columns; a value of the wrong kind is not repeated.
fn said(error: rusqlite::Error) -> String {
    match error {
        rusqlite::Error::InvalidColumnType(_, column, _)
        | rusqlite::Error::InvalidColumnName(column) => format!("unexpected column {column}"),
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..) => {
            "a value has an unexpected type".to_owned()
        }
        other => other.to_string(),
    }
}
