#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod dial;
mod dns;
mod hosts;
mod packets;
