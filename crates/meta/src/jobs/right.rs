//! Who may write a table.

use mycorr_domain::{JobId, TableId, WriteRight};

/// The only place that gives the right to write a table, besides the deletion of one.
#[allow(clippy::disallowed_methods, reason = "this is the claim")]
pub(crate) fn give(table: TableId, job: JobId, fence: i64) -> WriteRight {
    WriteRight::from_claim(table, job, fence)
}
