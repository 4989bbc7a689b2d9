//! For tests only: real PostgreSQL servers and poolers that clean up after themselves, certificates, and a
//! table store in memory. Whatever goes wrong here panics, since it is a test that called.

#![allow(clippy::unwrap_used, reason = "only tests call this")]

mod authority;
mod cluster;
mod disk;
pub mod families;
mod fault_proxy;
mod haproxy;
mod http_receiver;
mod kept_server;
mod log;
mod mail_sink;
mod memory;
mod metadata;
mod moto;
mod otlp_receiver;
mod pgbouncer;
mod pgpool;
mod server_dir;
mod server_log;
mod servers;
pub mod store_suite;

pub use authority::{Authority, Certified, Leaf};
pub use cluster::{Cluster, Database, Options};
pub use disk::{SmallDisk, skip};
pub use fault_proxy::{Fault, FaultProxy};
pub use haproxy::Haproxy;
pub use http_receiver::{HttpReceiver, ReceivedRequest};
pub use log::LoggedStatement;
pub use mail_sink::MailSink;
pub use memory::MemoryStore;
pub use metadata::METADATA_PASSWORD;
pub use moto::Moto;
pub use otlp_receiver::OtlpReceiver;
pub use pgbouncer::{PgBouncer, PoolMode};
pub use pgpool::Pgpool;
pub use server_log::ReceivedStatement;
pub use servers::{Server, counted, delta_readers, not_tested, promtool};
