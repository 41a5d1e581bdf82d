//! Checkpoints as they are written and read elsewhere.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use ed25519_dalek::SigningKey;
use nexavpn_proof::{Checkpoint, Hash, NoteError, NoteKey, NoteVerifier};

fn key(n: u8) -> NoteKey {
    NoteKey::new("log.example.org/nexavpn", SigningKey::from_bytes(&[n; 32])).unwrap()
}

#[test]
fn a_signed_checkpoint_is_read_again() {
    let (key, other) = (key(1), key(2));
    let note = key.sign(12, Hash([9; 32]));
    assert!(note.starts_with("log.example.org/nexavpn\n12\nCQkJ"), "{note}");
    let read = key.verifier().open(&note).unwrap();
    let origin = "log.example.org/nexavpn".to_owned();
    assert_eq!(read, Checkpoint { origin: origin.clone(), size: 12, root: Hash([9; 32]) });
    let refused = other.verifier().open(&note).unwrap_err();
    assert_eq!(refused, NoteError::NotSigned(origin));

    // Somebody else's signature besides does no harm; a witness may have made it.
    let line = note.lines().last().unwrap();
    let witnessed = note.replace(line, &format!("— witness.example.org AAAA\n{line}"));
    assert_eq!(key.verifier().open(&witnessed).unwrap(), read);
    let strange = note.replace(line, &format!("\0\n{line}"));
    assert!(matches!(key.verifier().open(&strange), Err(NoteError::Malformed(_))));
    let theirs = other.sign(12, Hash([9; 32]));
    let both = format!("{note}{}\n", theirs.lines().last().unwrap());
    assert_eq!(other.verifier().open(&both).unwrap(), read);
}

#[test]
fn no_byte_of_a_checkpoint_may_change() {
    let key = key(1);
    let note = key.sign(300, Hash([7; 32]));
    let verifier = key.verifier();
    for at in 0..note.len() {
        for bit in 0..8 {
            let mut bytes = note.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            assert!(verifier.open(&changed).is_err(), "{changed}");
        }
        if note.is_char_boundary(at) {
            assert!(verifier.open(&note[..at]).is_err());
        }
    }
}

#[test]
fn a_verifier_key_is_read_as_it_is_written() {
    let verifier = key(1).verifier();
    let text = verifier.to_string();
    assert_eq!(NoteVerifier::parse(&text).unwrap(), verifier);
    // An example of <https://pkg.go.dev/golang.org/x/mod/sumdb/note>.
    let published = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    assert_eq!(NoteVerifier::parse(published).unwrap().to_string(), published);
    let note = "If you think cryptography is the answer to your problem,\n\
                then you don't know what your problem is.\n\n\
                — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    let opened = NoteVerifier::parse(published).unwrap().open(note);
    // Signed, but no checkpoint.
    assert!(matches!(opened, Err(NoteError::Malformed(_))), "{opened:?}");
    let [name, hash, key] = text.split('+').collect::<Vec<_>>()[..] else { panic!("{text}") };
    for wrong in [
        format!("other+{hash}+{key}"),
        format!("{name}+00000000+{key}"),
        format!("{name}+{hash}+AA{}", &key[2..]),
        format!("{name}+{hash}"),
        format!(" +{hash}+{key}"),
    ] {
        assert_eq!(NoteVerifier::parse(&wrong), Err(NoteError::NoKey), "{wrong}");
    }
    assert!(NoteKey::new("two words", SigningKey::from_bytes(&[1; 32])).is_err());
}

/// Taken apart as <https://c2sp.org/signed-note> says, and verified by `aws-lc-rs`, which shares no
/// code with what signs.
#[test]
fn another_implementation_believes_a_checkpoint() {
    let key = key(1);
    let note = key.sign(1842, Hash([7; 32]));
    let verifier = key.verifier().to_string();
    let public = BASE64_STANDARD.decode(verifier.rsplit_once('+').unwrap().1).unwrap();
    assert_eq!(public[0], 1, "Ed25519");
    let (text, signature) = note.split_once("\n— log.example.org/nexavpn ").unwrap();
    let signature = BASE64_STANDARD.decode(signature.trim_end()).unwrap();
    let public = UnparsedPublicKey::new(&ED25519, &public[1..]);
    // The first four bytes name the key.
    assert_eq!(format!("{:08x}", u32::from_be_bytes(signature[..4].try_into().unwrap())), {
        verifier.split('+').nth(1).unwrap()
    });
    public.verify(text.as_bytes(), &signature[4..]).unwrap();
    let other = text.replace("1842", "1843");
    assert!(public.verify(other.as_bytes(), &signature[4..]).is_err());
}
