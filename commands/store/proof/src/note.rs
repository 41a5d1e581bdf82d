//! Checkpoints: how large the log is and what its root is, signed.
//!
//! A checkpoint (<https://c2sp.org/tlog-checkpoint>) is a note
//! (<https://c2sp.org/signed-note>): a text, an empty line, and a line for each signature,
//! `— <name> base64(<key hash, 4 bytes> <signature>)`. Names are origins: one log, one key.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use thiserror::Error;
use tlog_tiles::Hash;

/// The identifier of Ed25519 in signed notes.
const ED25519: u8 = 1;

/// What a log was at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// How many leaves it has.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Hash,
}

/// Why a checkpoint is not believed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoteError {
    /// It is none.
    #[error("this is no checkpoint: {0}")]
    Malformed(&'static str),
    /// It speaks of another log.
    #[error("this checkpoint is of the log {0}")]
    OtherOrigin(String),
    /// Nobody who is trusted has signed it.
    #[error("this checkpoint is not signed by {0}")]
    NotSigned(String),
    /// What should be a key is none.
    #[error("this is no verifier key `<name>+<hash>+<key>` of an Ed25519 key")]
    NoKey,
}

/// A log's key.
pub struct NoteKey {
    name: String,
    key: SigningKey,
}

impl std::fmt::Debug for NoteKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NoteKey").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A log's public key, with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteVerifier {
    name: String,
    key: VerifyingKey,
}

/// Whether a log may be called so: no white space, and no `+`.
#[must_use]
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

impl NoteKey {
    /// The key of the log of this name.
    ///
    /// # Errors
    /// [`NoteError::Malformed`] where a log may not be called so.
    pub fn new(name: &str, key: SigningKey) -> Result<Self, NoteError> {
        if !is_name(name) {
            return Err(NoteError::Malformed("its name holds white space or a plus sign"));
        }
        Ok(Self { name: name.to_owned(), key })
    }

    /// Its public half.
    #[must_use]
    pub fn verifier(&self) -> NoteVerifier {
        NoteVerifier { name: self.name.clone(), key: self.key.verifying_key() }
    }

    /// A signed checkpoint of the log.
    #[must_use]
    pub fn sign(&self, size: u64, root: Hash) -> String {
        let text = Checkpoint { origin: self.name.clone(), size, root }.text();
        let signature = self.key.sign(text.as_bytes());
        let hash = self.verifier().hash();
        let signed = BASE64_STANDARD.encode([&hash, signature.to_bytes().as_slice()].concat());
        format!("{text}\n— {} {signed}\n", self.name)
    }
}

impl NoteVerifier {
    /// Reads `<name>+<hash>+<key>`.
    ///
    /// # Errors
    /// [`NoteError::NoKey`].
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let parts: Vec<&str> = text.splitn(3, '+').collect();
        let [name, hash, key] = parts.as_slice() else { return Err(NoteError::NoKey) };
        let key = BASE64_STANDARD.decode(key).ok();
        let key = key.as_deref().and_then(|key| key.strip_prefix(&[ED25519]));
        let key = key.and_then(|key| <&[u8; 32]>::try_from(key).ok());
        let key = key.and_then(|key| VerifyingKey::from_bytes(key).ok()).ok_or(NoteError::NoKey)?;
        let verifier = Self { name: (*name).to_owned(), key };
        let fits = is_name(name) && hex::encode(verifier.hash()) == *hash;
        if fits { Ok(verifier) } else { Err(NoteError::NoKey) }
    }

    /// Which log's key it is.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of SHA-256 of name, newline, algorithm and key.
    fn hash(&self) -> [u8; 4] {
        let hashed = [self.name.as_bytes(), b"\n", &[ED25519], self.key.as_bytes()].concat();
        let digest: [u8; 32] = Sha256::digest(hashed).into();
        let [a, b, c, d, ..] = digest;
        [a, b, c, d]
    }

    /// Reads a checkpoint of this log that this key has signed. Other signatures do not matter.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn open(&self, note: &str) -> Result<Checkpoint, NoteError> {
        if note.contains(|c: char| c < ' ' && c != '\n') {
            return Err(NoteError::Malformed("it holds control characters"));
        }
        let (text, signatures) =
            note.rsplit_once("\n\n").ok_or(NoteError::Malformed("it has no signatures"))?;
        let text = format!("{text}\n");
        let own = |line: &str| {
            let (name, signature) = line.strip_prefix("— ")?.split_once(' ')?;
            let signature = BASE64_STANDARD.decode(signature).ok()?;
            let signature = signature.strip_prefix(&self.hash())?;
            let signature = Signature::from_slice(signature).ok()?;
            (name == self.name).then_some(signature)
        };
        if !signatures.ends_with('\n') {
            return Err(NoteError::Malformed("it is cut short"));
        }
        let signed = signatures
            .lines()
            .filter_map(own)
            .any(|signature| self.key.verify_strict(text.as_bytes(), &signature).is_ok());
        if !signed {
            return Err(NoteError::NotSigned(self.name.clone()));
        }
        let checkpoint = Checkpoint::parse(&text)?;
        if checkpoint.origin == self.name {
            Ok(checkpoint)
        } else {
            Err(NoteError::OtherOrigin(checkpoint.origin))
        }
    }
}

/// `<name>+<hash>+<key>`, as other tools take it.
impl std::fmt::Display for NoteVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = BASE64_STANDARD.encode([&[ED25519], self.key.as_bytes().as_slice()].concat());
        write!(f, "{}+{}+{key}", self.name, hex::encode(self.hash()))
    }
}

impl Checkpoint {
    /// What is signed.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64_STANDARD.encode(self.root.0))
    }

    /// Reads the text, without any signature. Lines after the third are extensions.
    ///
    /// # Errors
    /// [`NoteError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut lines = text.lines();
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(NoteError::Malformed("it has fewer than three lines"));
        };
        let number = size.parse::<u64>().ok().filter(|number| number.to_string() == size);
        let root = BASE64_STANDARD.decode(root).ok().and_then(|root| root.try_into().ok());
        Ok(Self {
            origin: origin.to_owned(),
            size: number.ok_or(NoteError::Malformed("its size is no number"))?,
            root: Hash(root.ok_or(NoteError::Malformed("its root is no SHA-256"))?),
        })
    }
}
