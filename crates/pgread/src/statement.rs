//! A statement that was sent, for the ledger.

use chrono::{DateTime, Utc};

/// What was sent, when, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub at: DateTime<Utc>,
    /// The template's name in `sql`.
    pub template: &'static str,
    /// The text as the server saw it.
    pub statement: String,
    pub parameters: Vec<String>,
    pub rows: u64,
    /// Bytes received.
    pub bytes: u64,
    pub milliseconds: u64,
    /// `ok`, an SQLSTATE, or one of our codes where no server spoke.
    pub outcome: String,
}
