//! Models.

use mycorr_domain::{ModelId, ResourceName, Result, UserId};
use mycorr_meta::{Listed, Meta, Model};

/// Workspaces of tables.
#[derive(Clone)]
pub struct Models {
    pub(crate) meta: Meta,
}

impl Models {
    pub(crate) fn new(meta: Meta) -> Self {
        Self { meta }
    }

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
        let name = ResourceName::parse("name", name)?;
        self.meta.rename_model(&self.meta.grant(user, id).await?, &name).await
    }

    /// Deletes a Model with its tables and all their versions.
    pub async fn delete_model(&self, user: UserId, id: ModelId) -> Result<()> {
        self.meta.delete_model(&self.meta.grant(user, id).await?).await
    }
}
