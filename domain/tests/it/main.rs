//! Tests of the domain through its public interface.

mod aggregates;
mod effects;
mod given;
mod golden;
mod personal;
mod samples;
mod told;
mod values;
