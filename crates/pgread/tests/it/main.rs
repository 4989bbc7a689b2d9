//! The wire client against real servers.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod broken;
mod checks;
mod codes;
mod denied_lookups;
mod documented;
mod ends;
mod failures;
mod hostile;
mod moving;
mod odd_catalogues;
mod poolers;
mod preview;
mod privileges;
mod saslprep;
mod snapshot;
mod standby;
mod statements;
mod statistics;
mod support;
mod tls;
mod types;
mod values;
mod versions;
