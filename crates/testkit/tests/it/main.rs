#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod servers;
mod store;
