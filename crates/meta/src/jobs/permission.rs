//! A job asks again when it runs: what was permitted when it was queued may have been withdrawn since.

use super::queue::check_sync_by;
use crate::{
    Meta, db,
    entity::{connection, user},
    grants::Write,
    record::{Job, JobKind},
};
use mycorr_domain::{Code, Problem, Result};
use sea_orm::EntityTrait;

impl Meta {
    /// Whether the person who asked for a job may still have it done.
    ///
    /// # Errors
    /// `forbidden`: the account is disabled, may not change the Model any more, or may not read through the connection.
    pub async fn check_permitted(&self, job: &Job) -> Result<()> {
        let forbidden = |detail: String| Problem::new(Code::Forbidden, detail + " Nothing was read.");
        let kind = job.kind.as_str();
        let asker = user::Entity::find_by_id(*job.requested_by.as_uuid()).one(&self.db).await.map_err(db)?;
        if asker.is_none_or(|asker| asker.disabled_at.is_some()) {
            return Err(forbidden(format!(
                "The account of the person who asked for this {kind} is disabled."
            )));
        }
        match self.grant::<Write, _>(job.requested_by, job.model).await {
            Ok(_) => {}
            Err(problem) if matches!(problem.code, Code::NotFound | Code::Forbidden) => {
                return Err(forbidden(format!(
                    "The person who asked for this {kind} may not change the Model any more."
                )));
            }
            Err(problem) => return Err(problem),
        }
        let Some(id) = job.source.connection.filter(|_| job.kind != JobKind::Restore) else { return Ok(()) };
        let connection = connection::Entity::find_by_id(*id.as_uuid()).one(&self.db).await.map_err(db)?;
        // One that is gone is told when it is needed.
        let Some(connection) = connection else { return Ok(()) };
        if connection.owner_id == *job.requested_by.as_uuid() {
            return Ok(());
        }
        if job.kind == JobKind::Import {
            return Err(forbidden("The connection belongs to somebody else by now.".to_owned()));
        }
        check_sync_by(&self.db, job.requested_by, Some(connection.id)).await?;
        let owner = user::Entity::find_by_id(connection.owner_id).one(&self.db).await.map_err(db)?;
        if owner.is_none_or(|owner| owner.disabled_at.is_some()) {
            return Err(forbidden("The account of the connection's owner is disabled.".to_owned())
                .fix("Point the table at a connection of yours (Use another connection), then sync again."));
        }
        Ok(())
    }
}
