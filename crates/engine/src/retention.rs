//! Which versions of a table are kept.

use crate::{Tables, spawn_uncancellable};
use mycorr_domain::{ResourceName, Result, TableId, UserId};

impl Tables {
    /// Gives a version a name, under which it is kept; `None` takes it away.
    ///
    /// # Errors
    /// `not_found`, `forbidden`, `invalid`, `conflict` for a version that is kept; `storage_full`, `storage_unavailable`.
    pub async fn set_checkpoint(
        &self,
        user: UserId,
        table: TableId,
        version: i64,
        name: Option<&str>,
    ) -> Result<()> {
        let name = name.map(|name| ResourceName::parse("name", name)).transpose()?;
        self.meta.set_checkpoint(&self.meta.grant(user, table).await?, version, name.as_ref()).await
    }

    /// Deletes a version, and the files that only it has.
    ///
    /// # Errors
    /// `not_found`, `forbidden`, `invalid`, `conflict` for a version that is kept; `storage_full`, `storage_unavailable`.
    pub async fn delete_version(&self, user: UserId, table: TableId, version: i64) -> Result<()> {
        let grant = self.meta.grant(user, table).await?;
        let (meta, store) = (self.meta.clone(), self.store.clone());
        spawn_uncancellable(async move {
            let (right, kept) = meta.delete_version(&grant, version).await?;
            // The version is gone for everybody; files that remain go with the next one.
            match store.keep_only(right, &kept).await {
                Ok(bytes) => tracing::info!(%table, version, bytes, "version deleted"),
                Err(problem) => {
                    tracing::warn!(%table, version, cause = problem.internal, "files of a deleted version remain");
                }
            }
            Ok(())
        })
        .await
    }
}
