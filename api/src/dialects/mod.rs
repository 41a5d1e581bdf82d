//! The HTTP APIs of other programs, over the same commands and read models.

pub mod wg_easy;
