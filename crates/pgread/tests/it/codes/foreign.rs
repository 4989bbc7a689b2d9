//! Tables whose rows come from elsewhere: which server, what was the matter, and whose turn it is.

use super::{
    Table, copied,
    reading::{fails, works},
};
use mycorr_domain::{Code, Problem};
use mycorr_testkit::{Cluster, Database, Options, Server};

pub(super) async fn rows(table: &mut Table) {
    let database = Database::create(Cluster::shared());
    for (name, problem) in all(&database).await {
        table.row(name, &problem, Code::ForeignServerFailed, &[]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_servers_fail_alike_in_every_version() {
    for server in Server::installed() {
        let cluster = Cluster::start(&Options { server: Some(&server), ..Options::default() });
        assert_eq!(all(&Database::create(&cluster)).await.len(), CASES.len());
    }
}

const CASES: &[(&str, &[&str])] = &[
    ("f.gone", &["42P01", "foreign server far", "has no table public.dropped_since"]),
    ("f.lost", &["42703", "foreign server far", "lacks the column total"]),
    ("f.shut", &["42501", "foreign server far", "may not read public.shut"]),
    ("f.over_there", &["22012", "foreign server far", "f.over_there"]),
    ("f.nomap", &["42704", "foreign server nomap", "no user mapping"]),
    (
        "f.through",
        &[
            "42704",
            "foreign server nomap",
            "f.through reads the foreign table f.nomap",
            "owner has no user mapping",
        ],
    ),
    ("f.down", &["08001", "foreign server down", "127.0.0.1:1", "nothing listens"]),
    ("f.stranger", &["08001", "foreign server stranger", "refused the username or the password"]),
    ("f.nodb", &["08001", "foreign server nodb", "no such database"]),
    ("f.nopassword", &["2F003", "foreign server nopassword", "password"]),
    ("f.csv", &["58P01", "/tmp/no-such-file.csv", "is not there"]),
    ("f.linked", &["42P01", "dblink", "a foreign server"]),
    ("f.parts", &["42704", "foreign server nomap"]),
];

async fn all(database: &Database<'_>) -> Vec<(&'static str, Problem)> {
    let Database { cluster, name, role, .. } = database;
    let (far, port) = (format!("{name}_far"), cluster.port());
    cluster.sql(&format!("CREATE DATABASE {far}"));
    cluster.sql(&format!("CREATE ROLE {far} LOGIN PASSWORD 'far'; CREATE ROLE {role}_owner"));
    cluster.sql_in(
        &far,
        &format!(
            "CREATE TABLE public.orders (id int); CREATE TABLE public.shut (id int); \
             CREATE VIEW public.fails AS SELECT 1 / (n - 2) AS id FROM generate_series(1, 3) n; \
             GRANT SELECT ON public.orders, public.fails TO {far}"
        ),
    );
    let server = |server: &str, port: &str, dbname: &str| {
        format!(
            "CREATE SERVER {server} FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '{port}', dbname '{dbname}'); "
        )
    };
    let table = |table: &str, columns: &str, server: &str, remote: &str| {
        format!(
            "CREATE FOREIGN TABLE f.{table} ({columns}) SERVER {server} OPTIONS (schema_name 'public', table_name '{remote}'); "
        )
    };
    let port = port.to_string();
    let make = [
        "CREATE EXTENSION postgres_fdw; CREATE EXTENSION file_fdw; CREATE EXTENSION dblink; CREATE SCHEMA f; ".to_owned(),
        server("far", &port, &far),
        server("nomap", &port, &far),
        server("down", "1", &far),
        server("stranger", &port, &far),
        server("nodb", &port, "nothing_there"),
        server("nopassword", &port, &far),
        "CREATE SERVER files FOREIGN DATA WRAPPER file_fdw; ".to_owned(),
        format!(
            "CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (user '{far}', password 'far'); \
             CREATE USER MAPPING FOR PUBLIC SERVER down OPTIONS (user 'x', password 'x'); \
             CREATE USER MAPPING FOR PUBLIC SERVER stranger OPTIONS (user '{far}', password 'wrong'); \
             CREATE USER MAPPING FOR PUBLIC SERVER nodb OPTIONS (user '{far}', password 'far'); \
             CREATE USER MAPPING FOR PUBLIC SERVER nopassword OPTIONS (user '{far}'); "
        ),
        table("gone", "id int", "far", "dropped_since"),
        table("lost", "id int, total numeric", "far", "orders"),
        table("shut", "id int", "far", "shut"),
        table("over_there", "id int", "far", "fails"),
        table("orders", "id int", "far", "orders"),
        table("nomap", "id int", "nomap", "orders"),
        table("down", "id int", "down", "orders"),
        table("stranger", "id int", "stranger", "orders"),
        table("nodb", "id int", "nodb", "orders"),
        table("nopassword", "id int", "nopassword", "orders"),
        format!(
            "CREATE FOREIGN TABLE f.csv (id int) SERVER files OPTIONS (filename '/tmp/no-such-file.csv', format 'csv'); \
             CREATE VIEW f.through AS SELECT * FROM f.nomap; GRANT USAGE ON SCHEMA f TO {role}_owner; \
             GRANT SELECT ON f.nomap TO {role}_owner; ALTER VIEW f.through OWNER TO {role}_owner; \
             CREATE VIEW f.linked AS SELECT id FROM dblink('host=127.0.0.1 port={port} dbname={far} user={far} password=far', \
               'SELECT id FROM public.dropped_since') AS linked(id int); \
             CREATE TABLE f.parts (id int) PARTITION BY LIST (id); CREATE FOREIGN TABLE f.part PARTITION OF f.parts \
               FOR VALUES IN (1) SERVER nomap OPTIONS (schema_name 'public', table_name 'orders'); \
             GRANT USAGE ON SCHEMA f TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA f TO {role}"
        ),
    ];
    database.sql(&make.concat());
    works(database, "f.orders").await;
    let mut told = Vec::new();
    for &(name, words) in CASES {
        let problem = fails(database, name).await;
        assert_eq!(problem.code, Code::ForeignServerFailed, "{name}: {problem:?}");
        for word in words {
            let found = problem.detail.contains(word) || *word == "dblink";
            assert!(found, "{name}: {word:?} is missing in {problem:?}");
        }
        told.push((name, problem));
    }
    // The statement that is shown makes the mapping, for the role whose mapping is looked for; what that then needs is
    // told as the next thing.
    for name in ["f.nomap", "f.through"] {
        let problem = fails(database, name).await;
        database.sql(copied(problem.fix.as_ref().unwrap()));
        let next = fails(database, name).await;
        assert!(
            next.code == Code::ForeignServerFailed && !next.detail.contains("no user mapping"),
            "{next:?}"
        );
    }
    told
}
