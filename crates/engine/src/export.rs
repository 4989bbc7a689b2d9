//! Versions as files.

use crate::{
    Tables,
    rows::{check, snapshot},
};
use mycorr_domain::{Export, ExportFormat, Result, RowQuery, TableId, UserId};
use mycorr_meta::{Version, VersionName};

/// A version of a table on its way into a file.
pub struct Exported {
    /// The table's name.
    pub name: String,
    pub version: Version,
    pub file: Box<dyn Export>,
}

impl Tables {
    /// All rows of a query, of the newest version if none is named.
    ///
    /// # Errors
    /// `not_found`, `invalid` for a column that is not there, `too_busy`; `storage_unavailable`.
    pub async fn export(
        &self,
        user: UserId,
        table: TableId,
        version: Option<VersionName>,
        query: &RowQuery,
        format: ExportFormat,
    ) -> Result<Exported> {
        let (table, _) = self.meta.table(user, table).await?;
        let version = self.readable_of(user, &table, version).await?;
        check(query, &version)?;
        let file = self.store.export(&snapshot(&version), query, format).await?;
        Ok(Exported { name: table.name, version, file })
    }
}
