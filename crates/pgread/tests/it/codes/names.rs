//! GRANTs with the person's own names, however odd: run as they are shown, they open what was closed.

use crate::support::{begun, connect, dialer, read, target, unsaved};
use mycorr_domain::{Code, DatabaseName, RoleName};
use mycorr_pgread::Client;
use mycorr_testkit::{Cluster, Database};

/// As role, database, schema, table and column.
const NAMES: &[&str] = &[
    "Order",
    "select",
    "user",
    "a b",
    " blanks ",
    "a\"b",
    "\"",
    "it's",
    "back\\slash",
    "semi;colon -- comment",
    "größe",
    "🐘 herd",
    "1st",
    "kebab-case",
    "dotted.name",
    "$$",
    "new\nline",
    "tab\there",
    "\u{202e}reversed",
    "all",
    "replication",
    "{curly}%s",
];

#[tokio::test(flavor = "multi_thread")]
async fn grants_with_any_name_open_what_was_closed() {
    let cluster = Cluster::shared();
    for name in NAMES {
        let quoted = format!("\"{}\"", name.replace('"', "\"\""));
        let mut database = Database::create(cluster);
        cluster.sql(&format!(
            "DROP DATABASE IF EXISTS {quoted}; CREATE DATABASE {quoted}; REVOKE ALL ON DATABASE {quoted} FROM PUBLIC; \
             DROP ROLE IF EXISTS {quoted}; CREATE ROLE {quoted} LOGIN PASSWORD 'x'"
        ));
        database.name = (*name).to_owned();
        database.role = (*name).to_owned();
        database.password = "x".into();
        database.sql(&format!(
            "CREATE SCHEMA {quoted}; CREATE TABLE {quoted}.{quoted} ({quoted} int, other int); \
             INSERT INTO {quoted}.{quoted} VALUES (1, 2)"
        ));
        let mut target = target(cluster, &database);
        target.endpoint.username = RoleName::parse(name).unwrap();
        target.endpoint.database = DatabaseName::parse(name).unwrap();
        let Err(closed) = Client::connect(&dialer(), &target, unsaved()).await else {
            panic!("{name:?} is open")
        };
        assert_eq!(closed.code, Code::ConnectionRejected, "{closed:?}");
        database.sql(&closed.fix.unwrap());

        for code in [Code::SchemaPermissionDenied, Code::TablePermissionDenied] {
            let problem = read(connect(cluster, &database).await, name, name).await.unwrap_err();
            let object = if code == Code::SchemaPermissionDenied { "schema" } else { "table" };
            assert_eq!(problem.code, code, "{name:?}: {problem:?}");
            assert!(
                problem.detail.contains(&format!("permission denied for {object} {name}")),
                "{problem:?}"
            );
            database.sql(&problem.fix.unwrap());
        }
        let (columns, rows) = read(connect(cluster, &database).await, name, name).await.unwrap();
        assert_eq!((columns[0].name.as_str(), rows.len()), (*name, 1));

        // Of one column only.
        database.sql(&format!(
            "REVOKE ALL ON {quoted}.{quoted} FROM {quoted}; GRANT SELECT (other) ON {quoted}.{quoted} TO {quoted}"
        ));
        let mut client = connect(cluster, &database).await;
        let description = client.describe(name, name).await.unwrap();
        let wanted = [(*name).to_owned()];
        let Err(problem) = begun(client, &description, Some(&wanted), Default::default()).await else {
            panic!("{name:?} was read")
        };
        assert_eq!(problem.code, Code::ColumnPermissionDenied, "{:?}", problem);
        database.sql(&problem.fix.unwrap());
        let (columns, _) = read(connect(cluster, &database).await, name, name).await.unwrap();
        assert_eq!(columns.len(), 2);
    }
    mycorr_testkit::counted(&format!("{} odd names in four GRANTs each", NAMES.len()));
}
