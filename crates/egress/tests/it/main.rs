#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod dial;
mod hosts;
mod packets;
