//! What holds for every history.

mod histories;
mod rendering;
