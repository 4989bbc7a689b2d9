//! Ways to look at a table that were given names.

use crate::Tables;
use mycorr_domain::{Look, Result, SavedView, TableId, UserId, ViewId};
use mycorr_meta::StoredView;

impl Tables {
    /// Those of a table, by their names.
    ///
    /// # Errors
    /// `not_found`; `storage_unavailable`.
    pub async fn saved_views(&self, user: UserId, table: TableId) -> Result<Vec<StoredView>> {
        self.meta.saved_views(&self.meta.grant(user, table).await?).await
    }

    /// Saves one under its name, in place of the one that has it.
    ///
    /// # Errors
    /// `not_found`, `forbidden`, `invalid`, `conflict` where a table has as many as it can; `storage_full`,
    /// `storage_unavailable`.
    pub async fn save_view(&self, user: UserId, table: TableId, name: &str, look: Look) -> Result<ViewId> {
        let grant = self.meta.grant(user, table).await?;
        self.meta.save_view(&grant, &SavedView::parse(name, look)?).await
    }

    /// # Errors
    /// `not_found`, `forbidden`; `storage_full`, `storage_unavailable`.
    pub async fn delete_view(&self, user: UserId, table: TableId, view: ViewId) -> Result<()> {
        self.meta.delete_view(&self.meta.grant(user, table).await?, view).await
    }
}
