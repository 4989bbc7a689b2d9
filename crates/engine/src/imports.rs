//! Queueing imports and syncs.

use crate::Jobs;
use mycorr_domain::{
    Code, ConnectionId, ModelId, Problem, Result, Selection, TableId, TableName, UserId, source_name,
};
use mycorr_meta::{Job, Lease, Meta, NewImport, NewSource, Table};

/// Which table is to come over.
pub struct Import {
    pub connection: ConnectionId,
    pub schema: String,
    pub table: String,
    /// The source's name when left out.
    pub name: Option<String>,
    /// All that the role can read when left out.
    pub columns: Option<Vec<String>>,
    /// Which rows come over, and what is masked before it is stored.
    pub selection: Selection,
    /// Whether the version is compared with its source afterwards.
    pub verify: bool,
}

/// Bringing tables over, and again.
#[derive(Clone)]
pub struct Imports {
    pub(crate) meta: Meta,
    pub(crate) jobs: Jobs,
    /// Of all versions of the tables in one person's Models.
    pub(crate) max_bytes_per_user: Option<u64>,
}

impl Imports {
    /// Queues an import by the owner of the connection. The source is asked when the job runs.
    ///
    /// # Errors
    /// `not_found`, `forbidden`, `invalid`, `quota_exceeded`, `too_many_requests`; `storage_full`, `storage_unavailable`.
    pub async fn import(&self, user: UserId, model: ModelId, import: Import) -> Result<(Job, Table)> {
        for (field, text) in [("schema", &import.schema), ("table", &import.table)] {
            identifier(field, text)?;
        }
        let columns = import.columns;
        for column in columns.iter().flatten() {
            identifier("columns", column)?;
        }
        if columns.as_ref().is_some_and(|columns| has_duplicates(columns)) {
            return Err(Problem::invalid("columns", "Each column can be named only once."));
        }
        import.selection.check(columns.as_deref())?;
        let name = TableName::parse(import.name.as_deref().unwrap_or(&import.table))?;
        let grant = self.meta.grant(user, model).await?;
        self.meta.connection(user, import.connection).await?;
        self.storage_left(model).await?;
        let new = NewImport {
            connection: import.connection,
            schema: import.schema,
            table: import.table,
            name,
            columns,
            selection: import.selection,
            verify: import.verify,
        };
        let queued = self.meta.queue_import(&grant, new).await?;
        self.jobs.job_queued();
        Ok(queued)
    }

    /// Points a table at another source, through a connection of the caller's; the next sync reads there.
    ///
    /// # Errors
    /// `not_found`, `forbidden`, `invalid`, `conflict` while a job is pending; `storage_full`, `storage_unavailable`.
    pub async fn set_source(&self, user: UserId, table: TableId, source: NewSource) -> Result<Table> {
        for (field, text) in [("schema", &source.schema), ("table", &source.table)] {
            if let Some(text) = text {
                identifier(field, text)?;
            }
        }
        let grant = self.meta.grant(user, table).await?;
        self.meta.set_source(&grant, source).await
    }

    /// Queues a sync: the source is read again, into the next version.
    ///
    /// # Errors
    /// `not_found`, `forbidden`, `conflict` while a job is pending, `quota_exceeded`, `too_many_requests`; `storage_full`, `storage_unavailable`.
    pub async fn sync(&self, user: UserId, table: TableId) -> Result<Job> {
        let grant = self.meta.grant(user, table).await?;
        let model = self.meta.table(user, table).await?.0.model;
        self.storage_left(model).await?;
        let job = self.meta.queue_sync(&grant).await?;
        self.jobs.job_queued();
        Ok(job)
    }
}

impl Imports {
    /// Reserves the room that a job is about to fill: two that end together would otherwise both find it left.
    ///
    /// # Errors
    /// `quota_exceeded`.
    pub(crate) async fn reserve(&self, lease: Lease, bytes: u64) -> Result<()> {
        match self.max_bytes_per_user {
            Some(most) if !self.meta.reserve_bytes(lease, bytes, most).await? => Err(quota_exceeded(most)),
            _ => Ok(()),
        }
    }

    /// Whether so many bytes fit into what is left.
    ///
    /// # Errors
    /// `quota_exceeded`.
    pub(crate) fn within(&self, left: Option<u64>, bytes: u64) -> Result<()> {
        match left {
            Some(left) if bytes > left => Err(quota_exceeded(self.max_bytes_per_user.unwrap_or(left))),
            _ => Ok(()),
        }
    }

    /// How many bytes the owner of a Model may still store; `None` for no limit.
    ///
    /// # Errors
    /// `quota_exceeded`.
    pub(crate) async fn storage_left(&self, model: ModelId) -> Result<Option<u64>> {
        let Some(most) = self.max_bytes_per_user else { return Ok(None) };
        let stored = self.meta.stored_bytes(self.meta.model_owner(model).await?).await?;
        match most.saturating_sub(stored) {
            0 => Err(quota_exceeded(most)),
            left => Ok(Some(left)),
        }
    }
}

fn quota_exceeded(most: u64) -> Problem {
    Problem::new(
        Code::QuotaExceeded,
        format!("The owner of this Model may store {most} bytes, and that is used up. Nothing was changed."),
    )
    .fix("Delete tables that are not needed any more, or ask your operator for more (MYCORR_MAX_BYTES_PER_USER).")
}

/// A name at the source, as [`source_name`] writes it: any bytes but NUL.
fn identifier(field: &'static str, text: &str) -> Result<()> {
    match source_name::to_bytes(text).len() {
        0 => Err(Problem::invalid(field, "This can't be empty.")),
        1..=source_name::MAX_NAME_BYTES if !source_name::to_bytes(text).contains(&0) => Ok(()),
        _ => Err(Problem::invalid(field, "No table or column of PostgreSQL can have this name.")),
    }
}

fn has_duplicates(names: &[String]) -> bool {
    let mut seen = std::collections::HashSet::new();
    !names.iter().all(|name| seen.insert(name))
}
