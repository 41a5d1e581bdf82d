mod golden;
mod large;
mod random;
