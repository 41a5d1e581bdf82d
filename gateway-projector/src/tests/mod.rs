//! What holds for every history.

mod histories;
mod lines;
mod outlooks;
mod rendering;
