//! What holds for every history.

mod histories;
mod images;
mod lines;
mod outlooks;
mod past;
mod rendering;
