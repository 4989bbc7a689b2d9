//! The right to write, as a value.

use crate::id::{JobId, TableId};

/// The right to write one table, until a higher fence is given for it. Made by `meta`, where it gives a job to a
/// worker or a table to a sweep, and by nothing else (`clippy.toml` keeps it so). What is written carries the fence, and
/// a store refuses a fence when it holds a higher one: a writer that was paused for longer than its lease can
/// neither be taken for its successor nor delete its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteRight {
    table: TableId,
    job: JobId,
    fence: i64,
}

impl WriteRight {
    /// `fence` is higher than that of every right that was given for the table before.
    pub const fn from_claim(table: TableId, job: JobId, fence: i64) -> Self {
        Self { table, job, fence }
    }

    pub const fn table(self) -> TableId {
        self.table
    }

    pub const fn job(self) -> JobId {
        self.job
    }

    pub const fn fence(self) -> i64 {
        self.fence
    }
}
