//! The binary as an operator runs it, against real servers.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod accounts;
mod backup;
mod cluster;
mod crash;
mod deliveries;
mod diff;
mod disk;
mod export;
mod golden;
mod holds;
mod job_machine;
mod journey;
mod keys;
mod leaks;
mod ledger;
mod nodes;
mod operating;
mod oracle;
mod product;
mod profiles;
mod queries;
mod quotas;
mod receipts;
mod retention;
mod rounds;
mod s3;
mod selection;
mod shapes;
mod shared;
#[cfg(feature = "sql")]
mod sql;
mod taken_over;
mod traces;
mod types;
mod unchanged;
