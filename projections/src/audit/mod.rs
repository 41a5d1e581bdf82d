//! The audit log: the event log as people read it.
//!
//! Its index holds who, what and when of every event; the entries are the events themselves, opened
//! when they are read, so that an erased person is gone from them too.
//!
//! | file | holds |
//! | --- | --- |
//! | `index.rs` | the index's writer |
//! | `query.rs` | what can be asked, as conditions |
//! | `entries.rs` | entries as they are shown |
//! | `feed.rs` | entries in their order, for machines that follow them |
//! | `activity.rs` | what a person may see of themselves |

mod activity;
mod entries;
mod feed;
mod index;
mod query;

pub use activity::{Activity, activity, activity_options};
pub use entries::{Actor, Change, Entry, list, of_entity};
pub use feed::{Feed, NAME, Stretch, Wanted, entries_after};
pub use index::AuditLog;
pub use query::{AuditQuery, list_options};
