//! Reading versions.

use crate::Tables;
use mycorr_domain::{Column, FilterGroup, Page, Problem, Result, RowQuery, Snapshot, TableId, UserId};
use mycorr_meta::{Table, Version, VersionName};
use std::sync::Arc;

/// A page of a version's rows.
pub struct Rows {
    pub version: Version,
    /// Those that were asked for.
    pub columns: Arc<[Column]>,
    pub offset: u64,
    pub page: Page,
}

impl Tables {
    /// A page of rows of a version, the newest if none is named.
    ///
    /// # Errors
    /// `not_found`, `invalid` for a column that is not there, `too_busy`; `storage_unavailable`.
    pub async fn rows(
        &self,
        user: UserId,
        table: TableId,
        version: Option<VersionName>,
        query: RowQuery,
    ) -> Result<Rows> {
        let version = self.readable(user, table, version).await?;
        check(&query, &version)?;
        let at = snapshot(&version);
        let columns = at.select(&query)?;
        let page = self.store.page(&at, &query).await?;
        Ok(Rows { version, columns, offset: query.offset, page })
    }

    /// The whole bytes of one cell's text, `None` for null: of the first row of `query`.
    ///
    /// # Errors
    /// `not_found`, `invalid` for a column that is not there, `too_busy`; `storage_unavailable`.
    pub async fn cell(
        &self,
        user: UserId,
        table: TableId,
        version: Option<VersionName>,
        query: RowQuery,
        column: &str,
    ) -> Result<Option<Vec<u8>>> {
        let version = self.readable(user, table, version).await?;
        check(&query, &version)?;
        self.store.cell(&snapshot(&version), &query, column).await
    }

    /// A version that a person may read. What is held is for those who may decide about it.
    pub(crate) async fn readable(
        &self,
        user: UserId,
        id: TableId,
        version: Option<VersionName>,
    ) -> Result<Version> {
        self.readable_of(user, &self.meta.table(user, id).await?.0, version).await
    }

    /// The same, of a table that has just been looked up for them.
    pub(crate) async fn readable_of(
        &self,
        user: UserId,
        table: &Table,
        version: Option<VersionName>,
    ) -> Result<Version> {
        match version {
            Some(VersionName::Held) => Ok(self.held_sync(user, table.id).await?.version),
            Some(VersionName::Number(number)) => self.meta.version(table, Some(number)).await,
            None => self.meta.version(table, None).await,
        }
    }
}

/// The store would refuse them as well, but knows no fields.
pub(crate) fn check(query: &RowQuery, version: &Version) -> Result<()> {
    let sorts = query.sort.iter().map(|sort| ("sort", &sort.column));
    let filters =
        query.filters.iter().flat_map(FilterGroup::filters).map(|filter| ("filter", &filter.column));
    let columns = query.columns.iter().flatten().map(|name| ("columns", name));
    for (field, name) in sorts.chain(filters).chain(columns) {
        if !version.columns.iter().any(|column| column.name == *name) {
            let message = format!("Version {} of this table has no column {name:?}.", version.version);
            return Err(Problem::invalid(field, message));
        }
    }
    Ok(())
}

pub(crate) fn snapshot(version: &Version) -> Snapshot {
    Snapshot { table: version.table, version: version.store, columns: version.columns.clone() }
}
