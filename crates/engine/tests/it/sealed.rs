//! A ciphertext opens where it was sealed and nowhere else: who can write to the metadata database can move it to
//! another row or lead its connection elsewhere, and gets nothing sent there.

use crate::World;
use mycorr_domain::{Code, ConnectionKind, ConnectionName, DatabaseName, Endpoint, Port, RoleName};
use mycorr_engine::Connection;
use mycorr_meta::{NewConnection, Sealed};

impl World {
    /// The connection as somebody made it who writes to the database.
    async fn put(&self, connection: &Connection, endpoint: &Endpoint, sealed: Sealed) {
        let meta = self.meta().await;
        meta.delete_connection(self.ada, connection.id).await.unwrap();
        let new = NewConnection {
            id: connection.id,
            kind: ConnectionKind::Postgresql,
            name: &ConnectionName::parse("Shop").unwrap(),
            endpoint,
            sealed,
            ca_certificate: connection.ca_certificate.clone(),
            server_version: None,
        };
        meta.create_connection(self.ada, new).await.unwrap();
    }

    async fn opens(&self, connection: &Connection) -> Result<(), Code> {
        let schemas = self.engine.connections.schemas(self.ada, connection.id, None, 200).await;
        schemas.map(drop).map_err(|problem| problem.code)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ciphertext_that_was_moved_does_not_open() {
    let world = World::new().await;
    let (one, two) = (world.connection().await, world.connection().await);
    let meta = world.meta().await;
    let sealed = async |connection: &Connection| meta.sealed(connection.id).await.unwrap();
    let (first, second) = (sealed(&one).await, sealed(&two).await);
    let whole = one.endpoint.clone();
    world.put(&one, &whole, first.clone()).await;
    assert_eq!(world.opens(&one).await, Ok(()), "as it was, it opens");
    let heard = world.database.log_statements().len();

    let swapped = [
        ("the whole row", second.clone()),
        ("the password", Sealed { password: second.password.clone(), ..first.clone() }),
        ("the data key", Sealed { data_key: second.data_key.clone(), ..first.clone() }),
        ("the certificate", Sealed { ca_certificate: second.ca_certificate.clone(), ..first.clone() }),
        (
            "one field in the other's place",
            Sealed {
                password: first.ca_certificate.clone().unwrap(),
                ca_certificate: Some(first.password.clone()),
                ..first.clone()
            },
        ),
    ];
    for (what, sealed) in swapped {
        world.put(&one, &whole, sealed).await;
        assert_eq!(world.opens(&one).await, Err(Code::SecretUnreadable), "{what}");
    }
    let elsewhere = [
        ("host", Endpoint { host: "localhost".into(), ..whole.clone() }),
        ("port", Endpoint { port: Port::parse(5432).unwrap(), ..whole.clone() }),
        ("database", Endpoint { database: DatabaseName::parse("postgres").unwrap(), ..whole.clone() }),
        ("role", Endpoint { username: RoleName::parse("postgres").unwrap(), ..whole.clone() }),
        ("encryption", Endpoint { encrypted: false, ..whole.clone() }),
    ];
    for (what, endpoint) in elsewhere {
        world.put(&one, &endpoint, first.clone()).await;
        assert_eq!(world.opens(&one).await, Err(Code::SecretUnreadable), "{what}");
    }
    assert_eq!(world.database.log_statements().len(), heard, "nothing was sent anywhere");
    // Put back, it opens again; and the other one was all right throughout.
    world.put(&one, &whole, first).await;
    assert_eq!((world.opens(&one).await, world.opens(&two).await), (Ok(()), Ok(())));
}
