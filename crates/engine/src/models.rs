//! Models.

use mycorr_domain::{ModelId, ResourceName, Result, UserId};
use mycorr_meta::{Event, Listed, Meta, Model};

/// Workspaces of tables.
#[derive(Clone)]
pub struct Models {
    pub(crate) meta: Meta,
}

impl Models {
    pub(crate) fn new(meta: Meta) -> Self {
        Self { meta }
    }

    /// # Errors
    /// `invalid`; `storage_full`, `storage_unavailable`.
    pub async fn create_model(&self, user: UserId, name: &str) -> Result<Model> {
        self.meta.create_model(user, &ResourceName::parse("name", name)?).await
    }

    /// # Errors
    /// `invalid` for a cursor that is none; `storage_unavailable`.
    pub async fn models(&self, user: UserId, after: Option<&str>, limit: usize) -> Result<Listed<Model>> {
        self.meta.models(user, after, limit).await
    }

    /// # Errors
    /// `not_found`; `storage_unavailable`.
    pub async fn model(&self, user: UserId, id: ModelId) -> Result<Model> {
        self.meta.model(user, id).await
    }

    /// # Errors
    /// `not_found`, `forbidden`, `invalid`; `storage_full`, `storage_unavailable`.
    pub async fn rename_model(&self, user: UserId, id: ModelId, name: &str) -> Result<Model> {
        let name = ResourceName::parse("name", name)?;
        self.meta.rename_model(&self.meta.grant(user, id).await?, &name).await
    }

    /// What was done in a Model, newest first.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn activity(
        &self,
        user: UserId,
        id: ModelId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Listed<Event>> {
        self.meta.activity(&self.meta.grant(user, id).await?, after, limit).await
    }

    /// Deletes a Model with its tables and all their versions.
    ///
    /// # Errors
    /// `not_found`, `forbidden`; `storage_full`, `storage_unavailable`.
    pub async fn delete_model(&self, user: UserId, id: ModelId) -> Result<()> {
        self.meta.delete_model(&self.meta.grant(user, id).await?).await
    }
}
