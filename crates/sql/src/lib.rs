//! The SQL door: stored versions of tables over PostgreSQL's protocol, read-only. A Model is a database, a token is the
//! password. Statements are planned here, over the files of the versions, and none ever reaches a source.
//!
//! Empty without the feature `door`.

#![cfg(feature = "door")]

mod catalogue;
mod connection;
mod copy;
mod encode;
mod exact;
mod failure;
mod handlers;
mod listener;
mod nodes;
mod numeric;
mod parameters;
mod planning;
mod prepared;
mod run;
mod session;
mod settings;
mod shown;
mod startup;
mod statement;
mod stored_scan;
mod stored_table;
mod text_values;
mod types;

pub use listener::{Counters, Door, TlsFiles};
pub use nodes::{Directory, NodeListener, Nodes, Peer, Secrets};
