//! Connections. To anyone but their owner they do not exist.

use crate::{
    Listed, Meta, after, db,
    entity::{connection, job, removed_ledger},
    events::{About, note},
    jobs::cancel_pending,
    now,
    record::{Action, CaSummary, Connection, Limits, SyncBy},
    schedules::resume_paused,
    statements::DEFAULT_RETENTION_DAYS,
    time,
};
use mycorr_domain::{
    ConnectionId, ConnectionKind, ConnectionName, DatabaseName, Endpoint, Port, Problem, Result, RoleName,
    UserId,
};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::OnConflict,
};
use std::collections::HashMap;
use uuid::Uuid;

/// The secrets of a connection as `vault` sealed them. Nothing here can open them.
#[derive(Clone)]
pub struct Sealed {
    /// The connection's own key, wrapped by one of the keyring's.
    pub data_key: Vec<u8>,
    pub password: Vec<u8>,
    pub ca_certificate: Option<Vec<u8>>,
}

pub struct NewConnection<'a> {
    pub id: ConnectionId,
    pub kind: ConnectionKind,
    pub name: &'a ConnectionName,
    pub endpoint: &'a Endpoint,
    pub sealed: Sealed,
    pub ca_certificate: Option<CaSummary>,
    /// A connection is stored only after a test that went well.
    pub server_version: Option<String>,
}

/// How a test of a stored connection ended.
pub struct TestResult {
    pub ok: bool,
    /// What the server said, if it got so far.
    pub server_version: Option<String>,
}

impl Meta {
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn create_connection(&self, owner: UserId, new: NewConnection<'_>) -> Result<Connection> {
        let at = now().timestamp_micros();
        let (ca_subject, ca_not_after, ca_sha256) = ca_columns(new.ca_certificate);
        let row = connection::Model {
            id: *new.id.as_uuid(),
            owner_id: *owner.as_uuid(),
            kind: new.kind.as_str().to_owned(),
            name: new.name.as_str().to_owned(),
            host: new.endpoint.host.clone(),
            port: i32::from(new.endpoint.port.get()),
            database: new.endpoint.database.as_str().to_owned(),
            username: new.endpoint.username.as_str().to_owned(),
            encrypted: new.endpoint.encrypted,
            data_key: new.sealed.data_key,
            password: new.sealed.password,
            ca_certificate: new.sealed.ca_certificate,
            ca_subject,
            ca_not_after,
            ca_sha256,
            created_at: at,
            last_tested_at: Some(at),
            last_test_ok: Some(true),
            server_version: new.server_version,
            limit_bytes_per_second: None,
            limit_imports: None,
            limit_minutes: None,
            passport: None,
            statements_retention_days: DEFAULT_RETENTION_DAYS,
            sync_by: None,
            transfer_to: None,
            max_connections: 1,
        };
        let transaction = self.write().await?;
        connection::Entity::insert(connection::ActiveModel::from(row))
            .exec_without_returning(&transaction)
            .await
            .map_err(db)?;
        let id = new.id.to_string();
        note(&transaction, Some(owner), Action::ConnectionCreated, About::Other(&id), "").await?;
        transaction.commit().await.map_err(db)?;
        self.connection(owner, new.id).await
    }

    /// # Errors
    /// `not_found`; `storage_unavailable`.
    pub async fn connection(&self, owner: UserId, id: ConnectionId) -> Result<Connection> {
        let row = self.owned(owner, id).await?;
        let used = self.use_counts(vec![row.id]).await?;
        record(row, &used)
    }

    /// A connection for a job that was permitted when it was queued. `None` if it is gone.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn connection_of_job(&self, id: ConnectionId) -> Result<Option<Connection>> {
        let row = connection::Entity::find_by_id(*id.as_uuid()).one(&self.db).await.map_err(db)?;
        row.map(|row| record(row, &HashMap::new())).transpose()
    }

    /// What `vault` needs to open a connection's secrets.
    ///
    /// # Errors
    /// `not_found`; `storage_unavailable`.
    pub async fn sealed(&self, id: ConnectionId) -> Result<Sealed> {
        let row = connection::Entity::find_by_id(*id.as_uuid()).one(&self.db).await.map_err(db)?;
        let row = row.ok_or_else(|| Problem::not_found("connection"))?;
        Ok(Sealed { data_key: row.data_key, password: row.password, ca_certificate: row.ca_certificate })
    }

    /// Connections of everybody in the order of their ids, after one of them, with their wrapped data keys: for
    /// the rotation of the keyring.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn data_keys(
        &self,
        after: Option<ConnectionId>,
        limit: u64,
    ) -> Result<Vec<(ConnectionId, Endpoint, Vec<u8>)>> {
        let mut query = connection::Entity::find();
        if let Some(id) = after {
            query = query.filter(connection::Column::Id.gt(*id.as_uuid()));
        }
        let rows = query.order_by_asc(connection::Column::Id).limit(limit).all(&self.db).await.map_err(db)?;
        rows.into_iter()
            .map(|row| {
                let key = row.data_key.clone();
                record(row, &HashMap::new()).map(|connection| (connection.id, connection.endpoint, key))
            })
            .collect()
    }

    /// Replaces a wrapped data key if it still is the `old` one; the secrets sealed with it stay as they are.
    /// Whether it was.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn replace_data_key(&self, id: ConnectionId, old: Vec<u8>, new: Vec<u8>) -> Result<bool> {
        let replaced = connection::Entity::update_many()
            .col_expr(connection::Column::DataKey, new.into())
            .filter(connection::Column::Id.eq(*id.as_uuid()))
            .filter(connection::Column::DataKey.eq(old))
            .exec(&self.db)
            .await
            .map_err(db)?;
        Ok(replaced.rows_affected == 1)
    }

    /// Newest first.
    ///
    /// # Errors
    /// `invalid` for a cursor that is none; `storage_unavailable`.
    pub async fn connections(
        &self,
        owner: UserId,
        from: Option<&str>,
        limit: usize,
    ) -> Result<Listed<Connection>> {
        let mut query = connection::Entity::find().filter(connection::Column::OwnerId.eq(*owner.as_uuid()));
        if let Some(id) = after::<ConnectionId>(from)? {
            query = query.filter(connection::Column::Id.lt(*id.as_uuid()));
        }
        let rows = query
            .order_by_desc(connection::Column::Id)
            .limit(limit as u64 + 1)
            .all(&self.db)
            .await
            .map_err(db)?;
        let used = self.use_counts(rows.iter().map(|row| row.id).collect()).await?;
        let connections = rows.into_iter().map(|row| record(row, &used)).collect::<Result<_>>()?;
        Ok(Listed::new(connections, limit, |connection: &Connection| connection.id.to_string()))
    }

    /// # Errors
    /// `not_found`; `storage_full`, `storage_unavailable`.
    pub async fn rename_connection(
        &self,
        owner: UserId,
        id: ConnectionId,
        name: &ConnectionName,
    ) -> Result<()> {
        let row = self.owned(owner, id).await?;
        let mut row = connection::ActiveModel { id: Set(row.id), ..Default::default() };
        row.name = Set(name.as_str().to_owned());
        row.update_without_returning(&self.db).await.map_err(db)?;
        Ok(())
    }

    /// Replaces the secrets in one step if they still are the `old` ones; a data key that was wrapped anew in
    /// between does not count. Whether they were.
    ///
    /// # Errors
    /// `not_found`; `storage_full`, `storage_unavailable`.
    pub async fn reseal_connection(
        &self,
        owner: UserId,
        id: ConnectionId,
        old: &Sealed,
        sealed: Sealed,
        ca_certificate: Option<CaSummary>,
    ) -> Result<bool> {
        let transaction = self.write().await?;
        let row = owned_on(&transaction, owner, id).await?;
        if (&row.password, &row.ca_certificate) != (&old.password, &old.ca_certificate) {
            return Ok(false);
        }
        let (ca_subject, ca_not_after, ca_sha256) = ca_columns(ca_certificate);
        let row = connection::ActiveModel {
            id: Set(row.id),
            data_key: Set(sealed.data_key),
            password: Set(sealed.password),
            ca_certificate: Set(sealed.ca_certificate),
            ca_subject: Set(ca_subject),
            ca_not_after: Set(ca_not_after),
            ca_sha256: Set(ca_sha256),
            ..Default::default()
        };
        row.update_without_returning(&transaction).await.map_err(db)?;
        let about = id.to_string();
        let detail = "password or CA certificate";
        note(&transaction, Some(owner), Action::ConnectionChanged, About::Other(&about), detail).await?;
        transaction.commit().await.map_err(db)?;
        Ok(true)
    }

    /// # Errors
    /// `not_found`; `storage_full`, `storage_unavailable`.
    pub async fn note_test(&self, owner: UserId, id: ConnectionId, result: TestResult) -> Result<()> {
        let row = self.owned(owner, id).await?;
        let mut row = connection::ActiveModel {
            id: Set(row.id),
            last_tested_at: Set(Some(now().timestamp_micros())),
            last_test_ok: Set(Some(result.ok)),
            ..Default::default()
        };
        if result.server_version.is_some() {
            row.server_version = Set(result.server_version);
        }
        let works = result.ok;
        let transaction = self.write().await?;
        row.update_without_returning(&transaction).await.map_err(db)?;
        if works {
            resume_paused(&transaction, *id.as_uuid(), now()).await?;
        }
        transaction.commit().await.map_err(db)
    }

    /// Deletes a connection with its secrets; its ledger is removed afterwards ([`Meta::prune_ledgers`]). Tables that came through it stay; jobs that wait
    /// for it or run through it are told to stop.
    ///
    /// # Errors
    /// `not_found`; `storage_full`, `storage_unavailable`.
    pub async fn delete_connection(&self, owner: UserId, id: ConnectionId) -> Result<()> {
        self.owned(owner, id).await?;
        let transaction = self.write().await?;
        cancel_pending(&transaction, job::Column::ConnectionId.eq(*id.as_uuid())).await?;
        connection::Entity::delete_by_id(*id.as_uuid()).exec(&transaction).await.map_err(db)?;
        let about = id.to_string();
        note(&transaction, Some(owner), Action::ConnectionDeleted, About::Other(&about), "").await?;
        let ledger = removed_ledger::ActiveModel { connection_id: Set(*id.as_uuid()) };
        let known = OnConflict::column(removed_ledger::Column::ConnectionId).do_nothing().to_owned();
        removed_ledger::Entity::insert(ledger)
            .on_conflict(known)
            .exec_without_returning(&transaction)
            .await
            .map_err(db)?;
        transaction.commit().await.map_err(db)
    }

    pub(crate) async fn owned(&self, owner: UserId, id: ConnectionId) -> Result<connection::Model> {
        owned_on(&self.db, owner, id).await
    }
}

/// A connection of `owner`; to anyone else it does not exist.
pub(crate) async fn owned_on(
    on: &impl ConnectionTrait,
    owner: UserId,
    id: ConnectionId,
) -> Result<connection::Model> {
    connection::Entity::find_by_id(*id.as_uuid())
        .filter(connection::Column::OwnerId.eq(*owner.as_uuid()))
        .one(on)
        .await
        .map_err(db)?
        .ok_or_else(|| Problem::not_found("connection"))
}

fn ca_columns(ca: Option<CaSummary>) -> (Option<String>, Option<i64>, Option<String>) {
    match ca {
        Some(ca) => (Some(ca.subject), Some(ca.not_after.timestamp_micros()), Some(ca.sha256)),
        None => (None, None, None),
    }
}

fn record(row: connection::Model, used: &HashMap<Uuid, i64>) -> Result<Connection> {
    Ok(Connection {
        id: ConnectionId::from_uuid(row.id),
        owner: UserId::from_uuid(row.owner_id),
        kind: ConnectionKind::parse(&row.kind)
            .ok_or_else(|| Problem::bug(format!("unknown kind {:?}", row.kind)))?,
        name: row.name,
        endpoint: Endpoint {
            host: row.host,
            port: Port::parse(i64::from(row.port))?,
            database: DatabaseName::parse(&row.database)?,
            username: RoleName::parse(&row.username)?,
            encrypted: row.encrypted,
        },
        ca_certificate: match (row.ca_subject, row.ca_not_after, row.ca_sha256) {
            (Some(subject), Some(not_after), Some(sha256)) => {
                Some(CaSummary { subject, not_after: time(not_after), sha256 })
            }
            _ => None,
        },
        created_at: time(row.created_at),
        last_tested_at: row.last_tested_at.map(time),
        last_test_ok: row.last_test_ok,
        server_version: row.server_version,
        limits: Limits {
            bytes_per_second: row.limit_bytes_per_second.map(|limit| limit as u64),
            imports: row.limit_imports.map(|limit| limit as u64),
            minutes: row.limit_minutes.map(|limit| limit as u64),
        },
        sync_by: match row.sync_by.as_deref() {
            Some(text) => SyncBy::parse(text)?,
            None => SyncBy::Collaborators,
        },
        statements_retention_days: row.statements_retention_days as u64,
        max_connections: row.max_connections as u64,
        used_by: used.get(&row.id).copied().unwrap_or_default() as u64,
    })
}
