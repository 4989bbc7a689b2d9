//! Who did what, for the members of a Model (activity) and for administrators (audit). Written in the transaction of
//! what was done, and never changed; nothing secret is in it.

use crate::{
    Listed, Meta, after, db,
    entity::{event, model, user},
    grants::{Grant, Read},
    now,
    record::{Action, Event, User},
    time,
    users::Administrator,
};
use chrono::{DateTime, TimeDelta, Utc};
use mycorr_domain::{EventId, ModelId, Problem, Result, UserId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// How long what was done is kept.
const RETENTION: TimeDelta = TimeDelta::days(400);
/// So many are removed in one transaction.
const PRUNE_ROWS: u64 = 500;

/// To what something was done.
pub(crate) enum About<'a> {
    /// A Model or something in it, which its members call so.
    Model(Uuid, &'a str),
    /// What only administrators read of.
    Other(&'a str),
}

impl Action {
    /// Whether administrators read of it: accounts, connections and grants.
    fn is_audited(self) -> bool {
        let kind = self.as_str().split('.').next().unwrap_or_default();
        self == Self::ModelTransferred || !matches!(kind, "model" | "table")
    }
}

/// Notes what `actor` does; `None` is the operator.
pub(crate) async fn note(
    on: &impl ConnectionTrait,
    actor: Option<UserId>,
    action: Action,
    about: About<'_>,
    detail: impl Into<String>,
) -> Result<()> {
    let (model_id, object) = match about {
        About::Model(id, object) => (Some(id), object),
        About::Other(object) => (None, object),
    };
    let row = event::ActiveModel {
        id: Set(*EventId::new().as_uuid()),
        at: Set(now().timestamp_micros()),
        actor_id: Set(actor.map(|actor| *actor.as_uuid())),
        action: Set(action.as_str().to_owned()),
        model_id: Set(model_id),
        object: Set(object.to_owned()),
        detail: Set(detail.into()),
        audited: Set(action.is_audited()),
    };
    event::Entity::insert(row).exec_without_returning(on).await.map_err(db)?;
    Ok(())
}

/// The same of a Model itself.
pub(crate) async fn note_of_model(
    on: &impl ConnectionTrait,
    actor: UserId,
    action: Action,
    id: ModelId,
    detail: impl Into<String>,
) -> Result<()> {
    let row = model::Entity::find_by_id(*id.as_uuid()).one(on).await.map_err(db)?;
    let name = row.ok_or_else(|| Problem::not_found("Model"))?.name;
    note(on, Some(actor), action, About::Model(*id.as_uuid(), &name), detail).await
}

impl Meta {
    /// What was done in a Model, newest first.
    ///
    /// # Errors
    /// `invalid` for a cursor that is none; `storage_unavailable`.
    pub async fn activity(
        &self,
        of: &Grant<Read>,
        from: Option<&str>,
        limit: usize,
    ) -> Result<Listed<Event>> {
        let query = event::Entity::find().filter(event::Column::ModelId.eq(*of.on().as_uuid()));
        self.events(query, from, limit, |row| row.object.clone()).await
    }

    /// What was done with accounts, connections and grants, newest first. A Model is told by its id: its name is its
    /// members'.
    ///
    /// # Errors
    /// `invalid` for a cursor that is none; `storage_unavailable`.
    pub async fn audit(
        &self,
        _by: &Administrator,
        actor: Option<UserId>,
        action: Option<&str>,
        from: Option<&str>,
        limit: usize,
    ) -> Result<Listed<Event>> {
        let mut query = event::Entity::find().filter(event::Column::Audited.eq(true));
        if let Some(actor) = actor {
            query = query.filter(event::Column::ActorId.eq(*actor.as_uuid()));
        }
        if let Some(action) = action {
            query = query.filter(event::Column::Action.eq(action));
        }
        self.events(query, from, limit, |row| match row.model_id {
            Some(id) => id.to_string(),
            None => row.object.clone(),
        })
        .await
    }

    async fn events(
        &self,
        mut query: Select<event::Entity>,
        from: Option<&str>,
        limit: usize,
        object: impl Fn(&event::Model) -> String,
    ) -> Result<Listed<Event>> {
        if let Some(id) = after::<EventId>(from)? {
            query = query.filter(event::Column::Id.lt(*id.as_uuid()));
        }
        let rows =
            query.order_by_desc(event::Column::Id).limit(limit as u64 + 1).all(&self.db).await.map_err(db)?;
        let actors: HashSet<Uuid> = rows.iter().filter_map(|row| row.actor_id).collect();
        let actors: HashMap<Uuid, user::Model> = user::Entity::find()
            .filter(user::Column::Id.is_in(actors))
            .all(&self.db)
            .await
            .map_err(db)?
            .into_iter()
            .map(|user| (user.id, user))
            .collect();
        let event = |row: event::Model| {
            Ok(Event {
                id: EventId::from_uuid(row.id),
                at: time(row.at),
                actor: row.actor_id.and_then(|id| actors.get(&id)).cloned().map(User::from),
                action: Action::parse(&row.action)?,
                object: object(&row),
                detail: row.detail,
            })
        };
        let events = rows.into_iter().map(event).collect::<Result<_>>()?;
        Ok(Listed::new(events, limit, |event: &Event| event.id.to_string()))
    }

    /// Removes a slice of what is older at `at` than it is kept. False once nothing is.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn prune_events(&self, at: DateTime<Utc>) -> Result<bool> {
        let old: Vec<Uuid> = event::Entity::find()
            .select_only()
            .column(event::Column::Id)
            .filter(event::Column::At.lt((at - RETENTION).timestamp_micros()))
            .order_by_asc(event::Column::Id)
            .limit(PRUNE_ROWS)
            .into_tuple()
            .all(&self.db)
            .await
            .map_err(db)?;
        if old.is_empty() {
            return Ok(false);
        }
        event::Entity::delete_many().filter(event::Column::Id.is_in(old)).exec(&self.db).await.map_err(db)?;
        Ok(true)
    }
}
