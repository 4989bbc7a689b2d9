//! For tests only: real PostgreSQL servers and poolers that clean up after themselves, certificates, and a
//! table store in memory. Whatever goes wrong here panics, since it is a test that called.

#![allow(clippy::unwrap_used, reason = "only tests call this")]

mod authority;
mod cluster;
mod home;
mod memory;
mod pgbouncer;
pub mod store_suite;

pub use authority::{Authority, Certified, Leaf};
pub use cluster::{Cluster, Database, LoggedStatement, Options};
pub use memory::MemoryStore;
pub use pgbouncer::{PgBouncer, PoolMode};
