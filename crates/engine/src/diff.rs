//! What differs between two versions.

use crate::{Tables, export::Exported, rows::snapshot};
use mycorr_domain::{Change, DiffCounts, DiffFormat, DiffPage, DiffPlan, Problem, Result, TableId, UserId};
use mycorr_meta::{Version, VersionName};

/// Two versions of a table, and how they are compared.
pub struct Diff {
    pub from: Version,
    pub to: Version,
    pub plan: DiffPlan,
    pub counts: DiffCounts,
}

impl Tables {
    /// How many rows differ: of the version before `to`, and of the newest, where none are named.
    ///
    /// # Errors
    /// `not_found`, `invalid`, `too_busy`; `storage_unavailable`.
    pub async fn diff(
        &self,
        user: UserId,
        table: TableId,
        from: Option<VersionName>,
        to: Option<VersionName>,
    ) -> Result<Diff> {
        let (from, to, plan, _) = self.compared(user, table, from, to).await?;
        let counts = self.store.diff(&plan).await?;
        Ok(Diff { from, to, plan, counts })
    }

    /// Rows that differ, of one kind or of all.
    ///
    /// # Errors
    /// `not_found`, `invalid`, `too_busy`; `storage_unavailable`.
    pub async fn diff_rows(
        &self,
        diff: &Diff,
        change: Option<Change>,
        offset: u64,
        limit: usize,
    ) -> Result<DiffPage> {
        self.store.diff_rows(&diff.plan, change, offset, limit).await
    }

    /// All rows that differ as a file.
    ///
    /// # Errors
    /// `not_found`, `invalid`, `too_busy`; `storage_unavailable`.
    pub async fn export_diff(
        &self,
        user: UserId,
        table: TableId,
        from: Option<VersionName>,
        to: Option<VersionName>,
        format: DiffFormat,
    ) -> Result<Exported> {
        let (from, to, plan, name) = self.compared(user, table, from, to).await?;
        let file = self.store.diff_export(&plan, format).await?;
        Ok(Exported { name: format!("{name} {} to {}", from.version, to.version), version: to, file })
    }

    async fn compared(
        &self,
        user: UserId,
        table: TableId,
        from: Option<VersionName>,
        to: Option<VersionName>,
    ) -> Result<(Version, Version, DiffPlan, String)> {
        let (table, _) = self.meta.table(user, table).await?;
        let to = self.readable_of(user, &table, to).await?;
        let from = match from {
            Some(from) => self.readable_of(user, &table, Some(from)).await?,
            // What is held would follow the newest.
            None if to.version == Version::HELD => self.meta.version(&table, None).await?,
            None => self.version_before(&table, to.version).await?.ok_or_else(|| {
                let message = "There is no version before this one.";
                Problem::invalid("from", message).fix("Name two versions of this table.")
            })?,
        };
        let plan =
            DiffPlan::new((snapshot(&from), from.source.as_ref()), (snapshot(&to), to.source.as_ref()));
        Ok((from, to, plan, table.name))
    }
}
