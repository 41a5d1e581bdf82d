//! What holds for every history.

mod histories;
mod outlooks;
mod rendering;
