//! Changes of an nftables table by netlink, without the `nft` program, which
//! reads every set of ranges of the table before it changes one element.
//!
//! | module | does |
//! | --- | --- |
//! | [`batch`] | messages of one transaction, as bytes |
//! | [`changes`] | what the agent changes; pure |
//! | `expressions` | what rules are made of |
//! | [`exchange`] | hands a transaction to the kernel |
//!
//! What is made here is what `nft -f` makes of the scripts of [`crate::nft`];
//! a test compares the two.

pub mod batch;
pub mod changes;
pub mod exchange;
mod expressions;
