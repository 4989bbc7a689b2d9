//! Files that nobody needs any more: of removed tables, and what crashes left.

use super::Runner;
use chrono::Utc;

impl Runner {
    /// Removes the files of tables that are gone.
    pub(super) async fn tidy(&self) {
        let removed = match self.meta.claim_removed(Utc::now()).await {
            Ok(removed) => removed,
            Err(problem) => {
                return tracing::warn!(cause = problem.internal, "removed tables can't be listed");
            }
        };
        for right in removed {
            let deleted = match self.store.delete(right).await {
                Ok(()) => self.meta.forget_removed(right.table()).await,
                Err(problem) => Err(problem),
            };
            if let Err(problem) = deleted {
                let table = right.table();
                tracing::warn!(%table, cause = problem.internal, "the files of a removed table remain for now");
            }
        }
    }

    /// Removes what nobody will come back to: files that no version holds, folders of tables that nobody knows.
    pub(crate) async fn remove_orphans(&self) {
        let tables = match self.store.tables().await {
            Ok(tables) => tables,
            Err(problem) => return tracing::warn!(cause = problem.internal, "tables can't be listed"),
        };
        for table in tables {
            let swept = match self.meta.claim_leftovers(table).await {
                Ok(Some((right, Some(staged)))) => self.store.sweep_all(right, &staged).await,
                Ok(Some((right, None))) => {
                    tracing::info!(%table, "removing the files of a table that nobody knows");
                    self.store.delete(right).await
                }
                Ok(None) => Ok(()),
                Err(problem) => Err(problem),
            };
            if let Err(problem) = swept {
                tracing::warn!(%table, cause = problem.internal, "leftover files could not be removed");
            }
        }
    }
}
