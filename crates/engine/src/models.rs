//! Models and their tables.

use crate::Engine;
use mycorr_domain::{ModelId, ResourceName, Result, TableId, TableName, UserId};
use mycorr_meta::{Listed, Model, Table};

impl Engine {
    pub async fn create_model(&self, user: UserId, name: &str) -> Result<Model> {
        self.meta.create_model(user, &ResourceName::parse("name", name)?).await
    }

    pub async fn models(&self, user: UserId, after: Option<&str>, limit: usize) -> Result<Listed<Model>> {
        self.meta.models(user, after, limit).await
    }

    pub async fn model(&self, user: UserId, id: ModelId) -> Result<Model> {
        self.meta.model(user, id).await
    }

    pub async fn rename_model(&self, user: UserId, id: ModelId, name: &str) -> Result<Model> {
        self.meta.rename_model(user, id, &ResourceName::parse("name", name)?).await
    }

    /// Deletes a Model with its tables and all their versions.
    pub async fn delete_model(&self, user: UserId, id: ModelId) -> Result<()> {
        self.meta.delete_model(user, id).await
    }

    /// The tables of a Model that have a version, by name.
    pub async fn tables(
        &self,
        user: UserId,
        model: ModelId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Listed<Table>> {
        self.meta.tables(user, model, after, limit).await
    }

    pub async fn table(&self, user: UserId, id: TableId) -> Result<Table> {
        Ok(self.meta.table(user, id).await?.0)
    }

    pub async fn rename_table(&self, user: UserId, id: TableId, name: &str) -> Result<Table> {
        self.meta.rename_table(user, id, &TableName::parse(name)?).await
    }

    /// Deletes a table with all its versions; the source is not touched.
    pub async fn delete_table(&self, user: UserId, id: TableId) -> Result<()> {
        self.meta.delete_table(user, id).await
    }
}
