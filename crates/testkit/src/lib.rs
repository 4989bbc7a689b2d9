//! For tests only: real PostgreSQL servers and poolers that clean up after themselves, certificates, and a
//! table store in memory. Whatever goes wrong here panics, since it is a test that called.

#![allow(clippy::unwrap_used, reason = "only tests call this")]

mod authority;
mod cluster;
mod disk;
pub mod families;
mod heard;
mod home;
mod log;
mod meddler;
mod memory;
mod pgbouncer;
mod pgpool;
mod servers;
pub mod store_suite;

pub use authority::{Authority, Certified, Leaf};
pub use cluster::{Cluster, Database, Options};
pub use disk::{SmallDisk, skip};
pub use heard::Heard;
pub use log::LoggedStatement;
pub use meddler::{Meddler, Meddling};
pub use memory::MemoryStore;
pub use pgbouncer::{PgBouncer, PoolMode};
pub use pgpool::Pgpool;
pub use servers::{Server, counted, not_tested};
