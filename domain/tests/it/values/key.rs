use base64::{Engine, engine::general_purpose::STANDARD};
use nexavpn_domain::values::PublicKey;
use proptest::prelude::*;

fn field(low: u8, rest: u8) -> [u8; 32] {
    let mut bytes = [rest; 32];
    bytes[0] = low;
    bytes[31] = if rest == 0xff { 0x7f } else { rest };
    bytes
}

fn hex(text: &str) -> [u8; 32] {
    let byte = |i: usize| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap();
    std::array::from_fn(byte)
}

/// Every encoding of a point whose order divides the cofactor, on the curve and on its twist
/// (p = 2^255 - 19), that X25519 as WireGuard does it (highest bit ignored) maps to zero.
fn low_order() -> Vec<[u8; 32]> {
    let canonical = [
        field(0x00, 0x00), // 0, order 4
        field(0x01, 0x00), // 1, order 1
        hex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"), // order 8
        hex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"), // order 8
        field(0xec, 0xff), // p - 1
    ];
    let not_canonical = [field(0xed, 0xff), field(0xee, 0xff)]; // p = 0, p + 1 = 1
    canonical.into_iter().chain(not_canonical).collect()
}

#[test]
fn every_low_order_point_is_refused_with_and_without_the_ignored_bit() {
    for bytes in low_order() {
        for high in [0x00, 0x80] {
            let mut bytes = bytes;
            bytes[31] |= high;
            let text = STANDARD.encode(bytes);
            let error = PublicKey::parse(&text).unwrap_err();
            assert!(error.contains("not a usable key"), "{error}");
            assert!(PublicKey::from_bytes(bytes).is_err());
        }
    }
}

#[test]
fn every_encoding_that_is_not_reduced_is_refused() {
    for low in 0xed..=0xff {
        assert!(PublicKey::from_bytes(field(low, 0xff)).is_err(), "{low:x}");
    }
    assert!(PublicKey::from_bytes(field(0xeb, 0xff)).is_ok(), "p - 2 is reduced");
}

#[test]
fn a_key_is_44_characters_of_base64_for_32_bytes() {
    let good = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";
    assert_eq!(PublicKey::parse(good).unwrap().to_string(), good);
    assert_eq!(PublicKey::parse(&format!(" {good}\n")).unwrap().to_string(), good);
    let url_safe = good.replace('/', "_");
    let last = good.replace("mo=", "mp="); // bits beyond the last byte
    for bad in ["", "=", good.trim_end_matches('='), &url_safe, &last, "äöü", "\0"] {
        assert!(PublicKey::parse(bad).is_err(), "{bad:?}");
    }
    let error = PublicKey::parse(&STANDARD.encode([1; 31])).unwrap_err();
    assert!(error.contains("31"), "{error}");
    assert!(PublicKey::parse(&STANDARD.encode([1; 33])).is_err());
}

/// A private key pasted by mistake must not come back in an error or a log.
#[test]
fn errors_do_not_repeat_the_key() {
    let texts = low_order().into_iter().map(|b| STANDARD.encode(b));
    for text in texts.chain([STANDARD.encode([7; 31]), "c2VjcmV0IGtleQ==!".into()]) {
        let error = PublicKey::parse(&text).unwrap_err();
        assert!(!error.contains(&text), "{error}");
        let error = serde_json::from_value::<PublicKey>(text.clone().into()).unwrap_err();
        assert!(!error.to_string().contains(&text), "{error}");
    }
}

proptest! {
    #[test]
    fn a_key_has_one_text(bytes: [u8; 32]) {
        let Ok(key) = PublicKey::from_bytes(bytes) else { return Ok(()) };
        let mut other = bytes;
        other[31] ^= 0x80;
        prop_assert_eq!(PublicKey::from_bytes(other).unwrap().to_string(), key.to_string());
        prop_assert_eq!(&PublicKey::parse(&key.to_string()).unwrap(), &key);
        let json = serde_json::to_value(&key).unwrap();
        prop_assert_eq!(&json, &serde_json::Value::from(key.to_string()));
        prop_assert_eq!(serde_json::from_value::<PublicKey>(json).unwrap(), key);
    }

    #[test]
    fn parsing_never_panics(text: String) {
        let _ = PublicKey::parse(&text);
    }
}
