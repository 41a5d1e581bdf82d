//! The scenarios: NexaVPN on real parts, each test on a database of its own.

mod access_nft;
mod api_admin;
mod api_client;
mod api_document;
mod arrows;
mod attacks;
mod conventions;
mod embedded_postgres;
mod gateway;
mod harness;
mod matrix;
mod moving;
mod moving_over;
mod netns;
mod past;
mod program;
mod proof;
mod read;
mod scenario;
mod store;
mod streams;
mod wg_easy;
