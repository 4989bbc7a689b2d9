//! Views that fail by their own expressions: told apart by what happened, and where PostgreSQL says where.

use super::{
    Table,
    reading::{fails, works},
};
use mycorr_domain::{Code, Problem};
use mycorr_testkit::{Cluster, Database, Options, Server};

pub(super) async fn rows(table: &mut Table) {
    let database = Database::create(Cluster::shared());
    for (view, problem) in all(&database).await {
        table.row(view, &problem, Code::ViewFailed, &[]);
    }
    let problem = fails(&database, "w.numbers").await;
    table.row("a sequence", &problem, Code::WriteRefused, &["w.numbers", "sequence"]);
    table.row(
        "a lock-out of its own",
        &fails(&database, "w.forged").await,
        Code::TablePermissionDenied,
        &["w.pretends(integer)"],
    );
    works(&database, "w.t").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn views_fail_alike_in_every_version() {
    for server in Server::installed() {
        let cluster = Cluster::start(&Options { server: Some(&server), ..Options::default() });
        assert_eq!(all(&Database::create(&cluster)).await.len(), CASES.len());
    }
}

/// A view, and what is said of it.
const CASES: &[(&str, &[&str])] = &[
    ("w.div0", &["22012", "divides by zero", "The view itself fails"]),
    ("w.castint", &["22P02", "not a value of the type"]),
    ("w.castdate", &["22007", "not a value of the type"]),
    ("w.more", &["21000", "returns several"]),
    ("w.over", &["22003", "outside of what its type holds"]),
    ("w.raised", &["P0001", "w.boom(integer)", "line 1"]),
    ("w.deep", &["P0001", "w.boom(integer)"]),
    ("w.each", &["22023", "not of the form"]),
    ("w.inside", &["22012", "divides by zero", "w.\"Odd name\"(integer)", "line 2"]),
    ("w.in_sql", &["22012", "w.sqlf(integer)"]),
    ("w.domain", &["23514", "breaks a rule"]),
    ("w.policed", &["22012", "A policy or a function of the table fails"]),
    ("w.lost_for_good", &["42P01", "does not exist (any more)", "w.gone()"]),
];

async fn all(database: &Database<'_>) -> Vec<(&'static str, Problem)> {
    let role = &database.role;
    database.sql(&format!(
        "CREATE SCHEMA w; CREATE TABLE w.t (id int, t text); INSERT INTO w.t VALUES (1, '12'), (2, 'x1'); \
         CREATE VIEW w.div0 AS SELECT 1 / (id - 2) AS x FROM w.t; \
         CREATE VIEW w.castint AS SELECT t::int AS x FROM w.t; CREATE VIEW w.castdate AS SELECT t::date AS x FROM w.t; \
         CREATE VIEW w.more AS SELECT id, (SELECT t FROM w.t) AS x FROM w.t; \
         CREATE VIEW w.over AS SELECT 2147483647 + id AS x FROM w.t; \
         CREATE FUNCTION w.boom(n int) RETURNS int LANGUAGE plpgsql STABLE AS \
           $$BEGIN IF n = 2 THEN RAISE EXCEPTION 'locked until the audit ends'; END IF; RETURN n; END$$; \
         CREATE FUNCTION w.pretends(n int) RETURNS int LANGUAGE plpgsql STABLE AS \
           $$BEGIN RAISE EXCEPTION 'permission denied for table t' USING ERRCODE = '42501'; END$$; \
         CREATE VIEW w.forged AS SELECT w.pretends(id) AS x FROM w.t; \
         CREATE VIEW w.raised AS SELECT w.boom(id) AS x FROM w.t; CREATE VIEW w.deep AS SELECT x + 1 AS y FROM w.raised; \
         CREATE VIEW w.each AS SELECT (jsonb_each(('[' || id || ']')::jsonb)).key FROM w.t; \
         CREATE FUNCTION w.\"Odd name\"(n int) RETURNS int LANGUAGE plpgsql STABLE AS $$BEGIN\n RETURN 1 / (n - 2); END$$; \
         CREATE VIEW w.inside AS SELECT w.\"Odd name\"(id) AS x FROM w.t; \
         CREATE FUNCTION w.sqlf(n int) RETURNS SETOF int LANGUAGE sql VOLATILE AS 'SELECT 1 / (n - 2)'; \
         CREATE VIEW w.in_sql AS SELECT w.sqlf(id) AS x FROM w.t; \
         CREATE DOMAIN w.small AS int CHECK (VALUE < 2); CREATE VIEW w.domain AS SELECT id::w.small AS x FROM w.t; \
         CREATE TABLE w.policed AS SELECT * FROM w.t; ALTER TABLE w.policed ENABLE ROW LEVEL SECURITY; \
         CREATE FUNCTION w.allows(n int) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT 1 / (n - 2) > 0'; \
         CREATE POLICY p ON w.policed USING (w.allows(id)); \
         CREATE FUNCTION w.gone() RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT count(*) FROM w.dropped_since); END'; \
         CREATE VIEW w.lost_for_good AS SELECT w.gone() AS x; \
         CREATE SEQUENCE w.seq; CREATE VIEW w.numbers AS SELECT nextval('w.seq') AS n; \
         GRANT USAGE ON SCHEMA w TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA w TO {role}"
    ));
    let mut told = Vec::new();
    for &(view, words) in CASES {
        let problem = fails(database, view).await;
        assert_eq!(problem.code, Code::ViewFailed, "{view}: {problem:?}");
        for word in words {
            assert!(problem.detail.contains(word), "{view}: {word:?} is missing in {problem:?}");
        }
        // What a row holds, or somebody wrote, is not handed on.
        assert!(!problem.detail.contains("x1") && !problem.detail.contains("audit"), "{view}: {problem:?}");
        told.push((view, problem));
    }
    told
}
