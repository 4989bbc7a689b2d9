//! The tables of a Model.

use crate::runner::Runner;
use mycorr_domain::{ModelId, Result, TableId, TableName, TableStore, UserId};
use mycorr_meta::{Listed, Meta, Table};
use std::sync::Arc;

/// Tables, their rows and their versions.
#[derive(Clone)]
pub struct Tables {
    pub(crate) meta: Meta,
    pub(crate) store: Arc<dyn TableStore>,
    pub(crate) runner: Runner,
}

impl Tables {
    /// The tables of a Model that have a version, by name.
    ///
    /// # Errors
    /// `not_found`, `invalid` for a cursor that is none; `storage_unavailable`.
    pub async fn tables(
        &self,
        user: UserId,
        model: ModelId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Listed<Table>> {
        self.meta.tables(user, model, after, limit).await
    }

    /// The tables that were shown to a person without their Models, newest first.
    ///
    /// # Errors
    /// `invalid` for a cursor that is none; `storage_unavailable`.
    pub async fn shown(&self, user: UserId, after: Option<&str>, limit: usize) -> Result<Listed<Table>> {
        self.meta.shown_tables(user, after, limit).await
    }

    /// # Errors
    /// `not_found`; `storage_unavailable`.
    pub async fn table(&self, user: UserId, id: TableId) -> Result<Table> {
        Ok(self.meta.table(user, id).await?.0)
    }

    /// # Errors
    /// `not_found`, `forbidden`, `invalid`, `conflict` for a name that is taken; `storage_full`, `storage_unavailable`.
    pub async fn rename_table(&self, user: UserId, id: TableId, name: &str) -> Result<Table> {
        let name = TableName::parse(name)?;
        self.meta.rename_table(&self.meta.grant(user, id).await?, &name).await
    }

    /// Deletes a table with all its versions; the source is not touched.
    ///
    /// # Errors
    /// `not_found`, `forbidden`; `storage_full`, `storage_unavailable`.
    pub async fn delete_table(&self, user: UserId, id: TableId) -> Result<()> {
        self.meta.delete_table(&self.meta.grant(user, id).await?).await
    }
}
