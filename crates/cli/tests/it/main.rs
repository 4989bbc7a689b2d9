//! The binary as an operator runs it, against real servers.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod accounts;
mod crash;
mod diff;
mod disk;
mod export;
mod golden;
mod journey;
mod keys;
mod leaks;
mod ledger;
mod oracle;
mod product;
mod queries;
mod quotas;
mod retention;
mod rounds;
mod selection;
mod shapes;
mod shared;
mod types;
mod unchanged;
