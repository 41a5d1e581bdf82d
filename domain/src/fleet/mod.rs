//! The state of the whole, folded from the stream.
