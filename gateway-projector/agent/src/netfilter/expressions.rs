//! What rules are made of.

use super::batch::Attributes;

/// `NF_DROP`.
pub(super) const DROP: u32 = 0;
/// `NF_ACCEPT`.
pub(super) const ACCEPT: u32 = 1;
/// `NFT_REG_VERDICT`.
const VERDICT: u32 = 0;
/// `NFT_REG_1`, of 16 bytes.
pub(super) const REGISTER: u32 = 1;
/// `NFT_REG32_00`, the first 4 bytes of [`REGISTER`].
pub(super) const FIRST_WORD: u32 = 8;
/// `NFT_META_NFPROTO`.
const NFPROTO: u32 = 15;
/// `NFT_META_L4PROTO`.
pub(super) const L4PROTO: u32 = 16;
/// `NFT_PAYLOAD_NETWORK_HEADER`.
const NETWORK: u32 = 1;
/// `NFT_PAYLOAD_TRANSPORT_HEADER`.
pub(super) const TRANSPORT: u32 = 2;
/// `NFT_CT_PROTO_DST`, the port that the connection's first packet went to.
pub(super) const ORIGINAL_PORT: u32 = 12;
/// `NFT_CMP_EQ`.
pub(super) const EQUAL: u32 = 0;
/// `NFT_CMP_LTE`.
const AT_MOST: u32 = 3;
/// `NFT_CMP_GTE`.
const AT_LEAST: u32 = 5;

/// A key of an element, or a value to compare with.
pub(super) fn key(element: &mut Attributes<'_>, kind: u16, value: &[u8]) {
    element.nest(kind, |data| data.bytes(1, value));
}

pub(super) fn expression(
    rule: &mut Attributes<'_>,
    name: &str,
    fill: impl FnOnce(&mut Attributes<'_>),
) {
    rule.nest(1, |expression| {
        expression.text(1, name);
        expression.nest(2, fill);
    });
}

pub(super) fn verdict(rule: &mut Attributes<'_>, code: u32) {
    expression(rule, "immediate", |immediate| {
        immediate.number(1, VERDICT);
        immediate.nest(2, |data| data.nest(2, |verdict| verdict.number(1, code)));
    });
}

/// Compares the register.
pub(super) fn compare(rule: &mut Attributes<'_>, operator: u32, value: &[u8]) {
    expression(rule, "cmp", |cmp| {
        cmp.number(1, REGISTER);
        cmp.number(2, operator);
        key(cmp, 3, value);
    });
}

/// Compares the register with a range, in network order.
pub(super) fn between(rule: &mut Attributes<'_>, first: &[u8], last: &[u8]) {
    if first == last {
        compare(rule, EQUAL, first);
    } else {
        compare(rule, AT_LEAST, first);
        compare(rule, AT_MOST, last);
    }
}

pub(super) fn load(rule: &mut Attributes<'_>, what: u32, register: u32) {
    expression(rule, "meta", |meta| {
        meta.number(2, what);
        meta.number(1, register);
    });
}

pub(super) fn payload(
    rule: &mut Attributes<'_>,
    register: u32,
    base: u32,
    offset: u32,
    length: u32,
) {
    expression(rule, "payload", |payload| {
        payload.number(1, register);
        payload.number(2, base);
        payload.number(3, offset);
        payload.number(4, length);
    });
}

/// Loads what the connection's first packet had.
pub(super) fn original(rule: &mut Attributes<'_>, what: u32, register: u32) {
    expression(rule, "ct", |ct| {
        ct.number(2, what);
        ct.number(1, register);
        ct.bytes(3, &[0]);
    });
}

/// Leaves those bits of the register that the mask has.
pub(super) fn masked(rule: &mut Attributes<'_>, mask: &[u8]) {
    expression(rule, "bitwise", |bitwise| {
        bitwise.number(1, REGISTER);
        bitwise.number(2, REGISTER);
        bitwise.number(3, u32::try_from(mask.len()).unwrap_or(u32::MAX));
        key(bitwise, 4, mask);
        key(bitwise, 5, &vec![0; mask.len()]);
    });
}

pub(super) fn in_direction(rule: &mut Attributes<'_>, direction: u8) {
    // `NFT_CT_DIRECTION`.
    expression(rule, "ct", |ct| {
        ct.number(2, 1);
        ct.number(1, REGISTER);
    });
    compare(rule, EQUAL, &[direction]);
}

/// Loads an address of a packet of the family `NFPROTO_…`.
pub(super) fn address_of(rule: &mut Attributes<'_>, family: u8, offset: u32, length: u32) {
    load(rule, NFPROTO, REGISTER);
    compare(rule, EQUAL, &[family]);
    payload(rule, REGISTER, NETWORK, offset, length);
}

pub(super) fn lookup(rule: &mut Attributes<'_>, set: &str) {
    expression(rule, "lookup", |lookup| {
        lookup.number(2, REGISTER);
        lookup.text(1, set);
    });
}
