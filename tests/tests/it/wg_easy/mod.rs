//! The wg-easy dialect.

mod keys;
