//! The schema of a database that nodes of two versions may use at once: brought up to date, or found to be newer and
//! used as it is.

use crate::{Meta, db, migration::Migrator, postgres};
use mycorr_domain::{Code, Problem, Result};
use sea_orm::{ConnectionTrait, DatabaseConnection};
use sea_orm_migration::{MigratorTrait, SchemaManager};
use std::time::Duration;

/// The newest step that a binary has to know. Steps after it only add (`steps_after_the_floor_only_add`), so older nodes
/// go on beside newer ones, and can start again. A step that takes or changes something, or with which words or files come
/// that older binaries can't read, raises it to its own name.
const FLOOR: &str = "m0021_holds";

/// How often a start that meets another one is tried again.
const ATTEMPTS: u64 = 10;

impl Meta {
    /// Applies the steps that the database lacks. Of two processes that start at once, the one that comes second finds a
    /// step done, and asks again.
    pub(crate) async fn migrate(&self) -> Result<()> {
        self.refuse_beside_older_nodes().await?;
        let (before, mut attempt) = (self.steps().await?, 0);
        loop {
            match Migrator::up(&self.db, None).await {
                Ok(()) => {
                    self.raise_floor().await?;
                    return match self.steps().await? {
                        after if before > 0 && after > before => {
                            postgres::renew_sessions(&self.db).await.map_err(db)
                        }
                        _ => Ok(()),
                    };
                }
                Err(_) if attempt < ATTEMPTS => {
                    if unknown_step(&self.db).await?.is_some() {
                        return self.check_floor().await;
                    }
                    attempt += 1;
                    tokio::time::sleep(Duration::from_millis(50 * attempt)).await;
                }
                Err(error) => return Err(db(error)),
            }
        }
    }

    /// How many were applied.
    async fn steps(&self) -> Result<usize> {
        Ok(Migrator::get_migration_models(&self.db).await.map_err(db)?.len())
    }

    /// A step up to the floor is not taken from under nodes that don't know it.
    async fn refuse_beside_older_nodes(&self) -> Result<()> {
        if !SchemaManager::new(&self.db).has_table("nodes").await.map_err(db)? {
            return Ok(());
        }
        let applied = Migrator::get_migration_models(&self.db).await.map_err(db)?;
        if applied.iter().any(|step| step.version == FLOOR) {
            return Ok(());
        }
        let nodes = self.nodes().await?;
        let names: Vec<String> =
            nodes.iter().map(|node| format!("{} on {} ({})", node.role, node.host, node.version)).collect();
        if names.is_empty() {
            return Ok(());
        }
        let detail = format!(
            "Nodes of a version that can't go on beside this one use the database: {}.",
            names.join(", ")
        );
        Err(Problem::new(Code::Conflict, detail)
            .fix("Stop them, then start this version. Nothing was changed."))
    }

    async fn raise_floor(&self) -> Result<()> {
        let sql = "INSERT INTO schema_floor (id, step) VALUES (1, $1) \
                   ON CONFLICT (id) DO UPDATE SET step = excluded.step WHERE schema_floor.step <> excluded.step";
        self.db.execute_raw(self.statement(sql, [FLOOR.into()])).await.map_err(db)?;
        Ok(())
    }

    /// A newer version has changed the schema. It has said which step has to be known to go on.
    async fn check_floor(&self) -> Result<()> {
        let select = self.statement("SELECT step FROM schema_floor WHERE id = 1", []);
        let row = self.db.query_one_raw(select).await.map_err(db)?;
        let floor: Option<String> = row.map(|row| row.try_get("", "step")).transpose().map_err(db)?;
        match floor {
            Some(floor) if is_known(&floor) => Ok(()),
            floor => Err(newer(&floor.unwrap_or_default())),
        }
    }
}

/// A database that a newer version has changed in any way.
///
/// # Errors
/// `storage_unavailable`.
pub(crate) async fn refuse_newer(connection: &DatabaseConnection) -> Result<()> {
    unknown_step(connection).await?.map_or(Ok(()), |step| Err(newer(&step)))
}

/// A step that only a newer version can have taken.
async fn unknown_step(connection: &DatabaseConnection) -> Result<Option<String>> {
    let applied = Migrator::get_migration_models(connection).await.map_err(db)?;
    Ok(applied.into_iter().map(|step| step.version).find(|step| !is_known(step)))
}

fn is_known(step: &str) -> bool {
    Migrator::migrations().iter().any(|known| known.name() == step)
}

fn newer(step: &str) -> Problem {
    Problem::new(
        Code::StorageUnavailable,
        "This database was made by a newer version of Mycorr than this one.",
    )
    .fix("Start the newer version, or restore the copy of the database that was made before the upgrade.")
    .internal(format!("it has the step {step}"))
}

#[cfg(test)]
mod tests;
