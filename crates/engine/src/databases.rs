//! A Model as a database of its tables' versions, at one moment.

use crate::{Identity, Proof, Tables, rows::snapshot};
use chrono::{DateTime, Utc};
use mycorr_domain::{Code, ModelId, Problem, Result, Snapshot, UserId};
use mycorr_meta::{Table, Version};

/// Which version of each table is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moment {
    Newest,
    /// The versions that are kept under this name.
    Checkpoint(String),
    /// The versions that were the newest at this time.
    At(DateTime<Utc>),
}

/// A Model that is named as a database.
#[derive(Clone, Debug)]
pub struct DatabaseName {
    pub model: ModelId,
    pub moment: Moment,
}

/// A version of a table, under the table's name.
#[derive(Clone, Debug)]
pub struct NamedSnapshot {
    pub name: String,
    pub snapshot: Snapshot,
    /// Rows of the version.
    pub rows: u64,
}

/// Models, tables and versions that are read from the metadata at a time.
const PAGE: usize = 100;

impl Tables {
    /// The Model of this name or id that a caller may see, with `@` and a checkpoint's name or an RFC 3339 time after it.
    /// A name that has an `@` itself comes first.
    ///
    /// # Errors
    /// `not_found` also for a Model that the caller's token is not good for, `conflict` where several have the name;
    /// `storage_unavailable`.
    pub async fn database(&self, caller: &Identity, name: &str) -> Result<DatabaseName> {
        if let Some(model) = self.model_named(caller, name).await? {
            return Ok(DatabaseName { model, moment: Moment::Newest });
        }
        let missing = || Problem::not_found("Model");
        let (name, moment) = name.rsplit_once('@').ok_or_else(missing)?;
        let model = self.model_named(caller, name).await?.ok_or_else(missing)?;
        let moment = match DateTime::parse_from_rfc3339(moment) {
            Ok(time) => Moment::At(time.to_utc()),
            Err(_) => Moment::Checkpoint(moment.to_owned()),
        };
        Ok(DatabaseName { model, moment })
    }

    async fn model_named(&self, caller: &Identity, name: &str) -> Result<Option<ModelId>> {
        let id = name.parse::<ModelId>().ok();
        let (mut found, mut after) = (None, None);
        loop {
            let page = self.meta.models(caller.user.id, after.as_deref(), PAGE).await?;
            for model in page.items.into_iter().filter(|model| may_read(caller, model.id)) {
                if id == Some(model.id) {
                    return Ok(id);
                }
                if model.name == name && found.replace(model.id).is_some() {
                    let message = format!("Several Models are called {name:?}.");
                    return Err(Problem::new(Code::Conflict, message).fix("Name the Model by its id."));
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(found),
            }
        }
    }

    /// The tables of a Model that had a version at this moment, by name.
    ///
    /// # Errors
    /// `not_found`; `storage_unavailable`.
    pub async fn snapshots(&self, user: UserId, at: &DatabaseName) -> Result<Vec<NamedSnapshot>> {
        let (mut snapshots, mut after) = (Vec::new(), None);
        loop {
            let page = self.meta.tables(user, at.model, after.as_deref(), PAGE).await?;
            for table in page.items {
                if let Some(version) = self.version_at(&table, &at.moment).await? {
                    let (snapshot, rows) = (snapshot(&version), version.rows);
                    snapshots.push(NamedSnapshot { name: table.name, snapshot, rows });
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(snapshots),
            }
        }
    }

    async fn version_at(&self, table: &Table, moment: &Moment) -> Result<Option<Version>> {
        match moment {
            Moment::Newest => Ok(table.head.clone()),
            Moment::Checkpoint(name) => self.meta.version_of_checkpoint(table, name).await,
            Moment::At(time) => self.meta.version_at(table, *time).await,
        }
    }
}

/// A token may be good for one Model alone.
fn may_read(caller: &Identity, model: ModelId) -> bool {
    match caller.proof {
        Proof::Token(_, scope) => scope.model.is_none_or(|of| of == model),
        Proof::Session(_) => true,
    }
}
