mod differences;
mod golden;
mod large;
mod random;
