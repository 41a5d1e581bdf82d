//! Scenarios in network namespaces, which need root.

mod demo;
