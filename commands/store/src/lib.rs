//! The event store: appending with everything that must live or die with the events, the total
//! order, sealed personal data, reading the log, and the transparency log over it.

mod append;
mod bystanders;
mod direct;
mod error;
mod fresh;
mod guard;
mod horizon;
mod keyring;
mod load;
mod log;
mod migrate;
mod pending;
mod sealing;
mod sequencer;
mod slots;
mod store;
mod tail;
mod together;
mod transparency;
mod verify;

pub use append::{
    Actor, Append, Demand, EventId, JoinedRow, Metadata, ParseEventIdError, ParsePositionError,
    Position, Reservation, SideRow, Stream, same_type, write_joined,
};
pub use bystanders::{Bystander, Bystanders};
pub use direct::Direct;
pub use error::{AppendError, KeyError, SideRowError, SlotError, StoreError, WaitError};
pub use guard::{Accepted, Guard, restore_accept};
pub use horizon::{OpenTransaction, horizon};
pub use keyring::{ForgetAnswers, Keyring, MasterKey, WrappedKey};
pub use log::{Head, Log, Recorded};
pub use migrate::{MIGRATOR, migrate};
pub use slots::{Reserved, SlotRequest};
pub use store::{Loaded, Options, Store, by_index, pool};
pub use together::Together;
pub use transparency::{
    Archive, ArchiveRange, Grown, LogKey, LogTree, Pin, PinError, Pinned, ProofError, TreeState,
};
pub use verify::{Report, verify};
