//! Jobs of all the Models that a person may see.

use super::record;
use crate::{
    Listed, Meta, after, db,
    entity::{job, model},
    grants::is_visible,
    record::{Job, JobKind, JobState},
    tables::pending,
};
use mycorr_domain::{JobId, ModelId, Result, UserId};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
};

/// Which jobs are wanted.
#[derive(Clone, Debug, Default)]
pub struct JobQuery {
    /// In any of these states; in any state if there are none.
    pub states: Vec<JobState>,
    pub model: Option<ModelId>,
}

/// More jobs than these are not watched by one person at a time; the oldest come first.
const MAX_WATCHED_JOBS: u64 = 1000;

impl Meta {
    /// The imports and syncs that `user` may see, newest first. A Model that they may not see is not found.
    pub async fn visible_jobs(
        &self,
        user: UserId,
        wanted: &JobQuery,
        from: Option<&str>,
        limit: usize,
    ) -> Result<Listed<Job>> {
        let mut query = visible(user);
        if let Some(model) = wanted.model {
            self.access(user, model).await?;
            query = query.filter(job::Column::ModelId.eq(*model.as_uuid()));
        }
        if !wanted.states.is_empty() {
            query = query.filter(job::Column::State.is_in(wanted.states.iter().map(|state| state.as_str())));
        }
        if let Some(id) = after::<JobId>(from)? {
            query = query.filter(job::Column::Id.lt(*id.as_uuid()));
        }
        let rows =
            query.order_by_desc(job::Column::Id).limit(limit as u64 + 1).all(&self.db).await.map_err(db)?;
        let jobs = rows.into_iter().map(record).collect::<Result<_>>()?;
        Ok(Listed::new(jobs, limit, |job: &Job| job.id.to_string()))
    }

    /// The jobs that `user` may see and that are not over, or were queued after `newest`; oldest first.
    pub async fn jobs_since(&self, user: UserId, newest: JobId) -> Result<Vec<Job>> {
        let wanted = Condition::any().add(pending()).add(job::Column::Id.gt(*newest.as_uuid()));
        let query = visible(user).filter(wanted).order_by_asc(job::Column::Id).limit(MAX_WATCHED_JOBS);
        query.all(&self.db).await.map_err(db)?.into_iter().map(record).collect()
    }
}

fn visible(user: UserId) -> Select<job::Entity> {
    let models = model::Entity::find().select_only().column(model::Column::Id).filter(is_visible(user));
    job::Entity::find()
        .filter(job::Column::ModelId.in_subquery(models.into_query()))
        .filter(job::Column::Kind.ne(JobKind::Restore.as_str()))
}
