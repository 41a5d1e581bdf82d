//! The integration package: the harness that scenarios stand on. The scenarios are modules of
//! the one test binary in `tests/tests/it/`.

pub mod bench;
pub mod demo;
pub mod harness;
