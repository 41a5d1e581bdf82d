//! Fixed values that the tests share.

use chrono::{DateTime, TimeZone, Utc};
use nexavpn_domain::{
    ids::{DeviceId, GatewayId, GroupId, UserId},
    values::{Addresses, Pool, PublicKey},
};
use uuid::Uuid;

/// The id of the aggregate that a test is about.
pub const ID: Uuid = Uuid::from_u128(0x0192_aaaa_0000_7000_8000_0000_0000_0001);

pub fn alice() -> UserId {
    UserId(Uuid::from_u128(0x0192_aaaa_0000_7000_8000_0000_0000_00a1))
}

pub fn bob() -> UserId {
    UserId(Uuid::from_u128(0x0192_aaaa_0000_7000_8000_0000_0000_00b0))
}

pub fn staff() -> GroupId {
    GroupId(Uuid::from_u128(0x0192_aaaa_0000_7000_8000_0000_0000_0057))
}

pub fn laptop() -> DeviceId {
    DeviceId(Uuid::from_u128(0x0192_aaaa_0000_7000_8000_0000_0000_00d1))
}

pub fn gateway() -> GatewayId {
    GatewayId(Uuid::from_u128(0x0192_aaaa_0000_7000_8000_0000_0000_006a))
}

pub fn other_gateway() -> GatewayId {
    GatewayId(Uuid::from_u128(0x0192_aaaa_0000_7000_8000_0000_0000_006b))
}

/// The public keys of RFC 7748, section 6.1.
pub fn key() -> PublicKey {
    PublicKey::parse("hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=").unwrap()
}

pub fn other_key() -> PublicKey {
    PublicKey::parse("3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=").unwrap()
}

/// A moment: so many minutes after the beginning of the tests' time.
pub fn minute(n: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap() + chrono::Duration::minutes(n)
}

pub fn pool() -> Pool {
    Pool::new("100.96.0.0/16".parse().unwrap(), Some("fd00:96::/64".parse().unwrap())).unwrap()
}

pub fn addresses() -> Addresses {
    pool().addresses(10).unwrap()
}
