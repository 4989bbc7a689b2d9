//! The metadata on a real SQLite file; `postgresql.rs` runs all of it again on a real PostgreSQL server.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod accounts;
mod claims;
mod connections;
mod events;
mod full;
mod grants;
mod jobs;
mod ledger;
mod models;
mod notices;
mod postgresql;
mod saved_views;
mod schedules;
mod start;
mod throttles;
mod users;

use mycorr_domain::{
    ConnectionId, ConnectionKind, ConnectionName, DatabaseName, Email, Endpoint, PersonName, Port,
    ResourceName, RoleName, TableName, UserId,
};
use mycorr_meta::{
    Browser, Connection, Grant, Level, Meta, Model, NewConnection, NewImport, NewUser, Scope, Sealed, User,
};
use mycorr_testkit::Cluster;
use tempfile::TempDir;

/// A database of its own, with an administrator.
struct World {
    meta: Meta,
    ada: User,
    _folder: TempDir,
}

/// The database that belongs to a folder: a file in it, or one of PostgreSQL's that is named like it.
fn url(folder: &TempDir) -> String {
    if postgresql::is_tested() {
        let name = folder.path().file_name().unwrap().as_encoded_bytes();
        let name: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
        return Cluster::shared().metadata_url(&format!("m{name}"));
    }
    format!("sqlite:{}", folder.path().join("meta.db").display())
}

async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let meta = Meta::open(&url(&folder)).await.unwrap();
    let ada = user(&meta, "ada@example.org").await;
    World { meta, ada, _folder: folder }
}

async fn user(meta: &Meta, email: &str) -> User {
    let (name, email) = (PersonName::parse("name", "Ada").unwrap(), Email::parse(email).unwrap());
    let new = NewUser { name: &name, email: &email, password_hash: "hash", admin: false };
    meta.create_user(new, true, None).await.unwrap()
}

async fn model(meta: &Meta, owner: &User) -> Model {
    meta.create_model(owner.id, &ResourceName::parse("name", "Shop").unwrap()).await.unwrap()
}

fn here() -> Browser {
    Browser::from(std::net::IpAddr::from([127, 0, 0, 1]))
}

/// What they may do, which they may.
async fn grant<L: Level, S: Scope>(meta: &Meta, user: UserId, on: S) -> Grant<L, S> {
    meta.grant(user, on).await.unwrap()
}

fn endpoint() -> Endpoint {
    Endpoint {
        host: "db.example.com".into(),
        port: Port::parse(5432).unwrap(),
        database: DatabaseName::parse("shop").unwrap(),
        username: RoleName::parse("mycorr_reader").unwrap(),
        encrypted: true,
    }
}

async fn connection(meta: &Meta, owner: &User) -> Connection {
    let new = NewConnection {
        id: ConnectionId::new(),
        kind: ConnectionKind::Postgresql,
        name: &ConnectionName::parse("Prod").unwrap(),
        endpoint: &endpoint(),
        sealed: Sealed { data_key: vec![1], password: vec![2], ca_certificate: None },
        ca_certificate: None,
        server_version: Some("15.10".into()),
    };
    meta.create_connection(owner.id, new).await.unwrap()
}

fn import(connection: &Connection) -> NewImport {
    NewImport {
        connection: connection.id,
        schema: "public".into(),
        table: "orders".into(),
        name: TableName::parse("orders").unwrap(),
        columns: None,
        selection: Default::default(),
        verify: false,
    }
}
