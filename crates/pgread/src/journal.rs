//! The ledger as the client sees it: written before a statement leaves, and again when the statement has ended.

use crate::statement::Statement;
use async_trait::async_trait;
use chrono::Utc;
use mycorr_domain::{Result, StatementId};
use std::sync::{Mutex, PoisonError};

/// A statement that is about to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The template's name in `sql`.
    pub template: &'static str,
    /// The text as the server will see it.
    pub statement: String,
    pub parameters: Vec<String>,
}

/// What became of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    pub rows: u64,
    /// Bytes received.
    pub bytes: u64,
    pub milliseconds: u64,
    /// `ok`, an SQLSTATE, or one of our codes where the server did not speak.
    pub outcome: String,
}

/// A write-ahead log of statements. A client sends nothing that its journal has not taken.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Enters the statements of one pipeline, in their order; one id for each.
    /// They are durable before this returns.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`: the statements are not sent.
    async fn sent(&self, statements: Vec<Outgoing>) -> Result<Vec<StatementId>>;

    /// Completes entries. A failure is for the implementation to log: the statements were sent all the same.
    async fn ended(&self, endings: Vec<(StatementId, Ending)>);
}

/// What the outcome of an entry is while its statement runs.
pub const RUNNING: &str = "running";

/// Keeps the entries in memory: for a connection that is tested before it is saved, and for tests.
#[derive(Debug, Default)]
pub struct MemoryJournal(Mutex<Vec<(StatementId, Statement)>>);

impl MemoryJournal {
    /// The entries since the last call, in the order in which they were sent.
    pub fn take(&self) -> Vec<Statement> {
        let entries = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        entries.into_iter().map(|(_, statement)| statement).collect()
    }

    /// All entries since the last [`MemoryJournal::take`].
    pub fn statements(&self) -> Vec<Statement> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().map(|(_, statement)| statement.clone()).collect()
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn sent(&self, statements: Vec<Outgoing>) -> Result<Vec<StatementId>> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ids = statements.into_iter().map(|sent| {
            let id = StatementId::new();
            let statement = Statement {
                at: Utc::now(),
                template: sent.template,
                statement: sent.statement,
                parameters: sent.parameters,
                rows: 0,
                bytes: 0,
                milliseconds: 0,
                outcome: RUNNING.to_owned(),
            };
            entries.push((id, statement));
            id
        });
        Ok(ids.collect())
    }

    async fn ended(&self, endings: Vec<(StatementId, Ending)>) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, ending) in endings {
            let Some((_, entry)) = entries.iter_mut().find(|(other, _)| *other == id) else { continue };
            entry.rows = ending.rows;
            entry.bytes = ending.bytes;
            entry.milliseconds = ending.milliseconds;
            entry.outcome = ending.outcome;
        }
    }
}
