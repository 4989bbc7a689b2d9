//! The wire client against real servers.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod failures;
mod hostile;
mod privileges;
mod statements;
mod support;
mod tls;
mod values;
