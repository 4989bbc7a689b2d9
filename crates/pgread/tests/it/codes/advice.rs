//! SQL that is shown runs as it stands, cures what it names, and changes nothing beside: what is missing is made to be
//! missing, the advice is run by an administrator, and it is tried again.

use super::{
    copied,
    reading::{fails, works},
};
use crate::support::connect;
use mycorr_testkit::{Cluster, Database, Options, Server};
use std::collections::BTreeSet;

/// All that a GRANT, a REVOKE or an ALTER could change, a line each.
const RIGHTS: &str = "SELECT 'table ' || c.oid::regclass || ' ' || coalesce(c.relacl::text, '') || ' ' || c.relowner::regrole || ' ' || c.relispopulated \
   FROM pg_class c WHERE c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'pg_toast'::regnamespace, 'information_schema'::regnamespace) \
 UNION ALL SELECT 'column ' || a.attrelid::regclass || '.' || a.attname || ' ' || a.attacl::text FROM pg_attribute a WHERE a.attacl IS NOT NULL \
 UNION ALL SELECT 'schema ' || n.nspname || ' ' || coalesce(n.nspacl::text, '') FROM pg_namespace n WHERE n.nspname NOT LIKE 'pg_temp%' AND n.nspname NOT LIKE 'pg_toast%' \
 UNION ALL SELECT 'function ' || p.oid::regprocedure || ' ' || coalesce(p.proacl::text, '') || ' ' || coalesce(p.proconfig::text, '') FROM pg_proc p \
 UNION ALL SELECT 'database ' || d.datname || ' ' || coalesce(d.datacl::text, '') FROM pg_database d \
 UNION ALL SELECT 'role ' || r.rolname || ' ' || concat_ws(' ', r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolreplication, r.rolbypassrls, r.rolvaliduntil) FROM pg_roles r \
 UNION ALL SELECT 'member ' || m.roleid::regrole || ' ' || m.member::regrole FROM pg_auth_members m \
 UNION ALL SELECT 'setting ' || coalesce(s.setrole::regrole::text, '') || ' ' || s.setdatabase || ' ' || s.setconfig::text FROM pg_db_role_setting s \
 UNION ALL SELECT 'default ' || d.defaclrole::regrole || ' ' || d.defaclacl::text FROM pg_default_acl d \
 UNION ALL SELECT 'mapping ' || u.usename || ' ' || u.srvname FROM pg_user_mappings u";

fn rights(database: &Database<'_>) -> BTreeSet<String> {
    // The database may have a limit that the test made.
    database.sql(&format!("SET statement_timeout = 0; {RIGHTS}")).lines().map(str::to_owned).collect()
}

/// Runs SQL as it stands. Nothing but what begins with one of `only` may be different afterwards.
fn run(database: &Database<'_>, sql: &str, only: &[&str]) {
    assert!(!sql.contains('<') && !sql.contains('…'), "a placeholder: {sql}");
    let before = rights(database);
    database.sql(sql);
    let after = rights(database);
    assert_ne!(before, after, "it changes nothing: {sql}");
    for line in before.symmetric_difference(&after) {
        assert!(only.iter().any(|only| line.starts_with(only)), "{sql}\nchanges also: {line}");
    }
}

/// A table or view, and what its advice changes.
const CASES: &[(&str, &[&str])] = &[
    ("s.outer_view", &["table t.inner_view ", "table t.base ", "column t.base.id "]),
    ("s.executes", &["function t.counts(integer) "]),
    ("s.in_body", &["table t.other "]),
    ("s.definer", &["table t.third "]),
    ("s.policed", &["table t.allowed "]),
    ("s.over_unfilled", &["table t.unfilled ", "table t.over_it "]),
    ("s.unqualified", &["function t.unqualified() "]),
    ("s.two_paths", &["function t.two_paths() "]),
    ("s.sees_all", &["function t.sees_all() "]),
    ("s.\"Odd view\"", &["table t.\"Odd, it is\" "]),
];

fn make(database: &Database<'_>, newest: bool) {
    let role = &database.role;
    let sql = format!(
        "CREATE ROLE {role}_a; CREATE ROLE \"{role} b\"; CREATE SCHEMA s; CREATE SCHEMA t; CREATE SCHEMA u; SET check_function_bodies = off; \
         GRANT USAGE, CREATE ON SCHEMA s, t, u TO {role}_a, \"{role} b\"; GRANT USAGE ON SCHEMA s, t, u TO {role}; \
         CREATE TABLE t.base (id int, secret int); INSERT INTO t.base VALUES (1, 2); CREATE TABLE u.base (id int); \
         CREATE VIEW t.inner_view AS SELECT id, secret FROM t.base; ALTER VIEW t.inner_view OWNER TO \"{role} b\"; \
         GRANT SELECT (secret) ON t.base TO \"{role} b\"; \
         CREATE VIEW s.outer_view AS SELECT id FROM t.inner_view; ALTER VIEW s.outer_view OWNER TO {role}_a; \
         CREATE FUNCTION t.counts(n int) RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN n; END'; \
         REVOKE ALL ON FUNCTION t.counts(int) FROM PUBLIC; CREATE VIEW s.executes AS SELECT t.counts(1) AS n; \
         CREATE TABLE t.other (id int); CREATE FUNCTION t.in_body() RETURNS bigint LANGUAGE plpgsql STABLE AS \
           'BEGIN RETURN (SELECT count(*) FROM t.other); END'; CREATE VIEW s.in_body AS SELECT t.in_body() AS n; \
         CREATE TABLE t.third (id int); CREATE FUNCTION t.definer() RETURNS bigint LANGUAGE plpgsql STABLE SECURITY DEFINER AS \
           'BEGIN RETURN (SELECT count(*) FROM t.third); END'; ALTER FUNCTION t.definer() OWNER TO {role}_a; \
         CREATE VIEW s.definer AS SELECT t.definer() AS n; \
         CREATE TABLE t.allowed (id int); CREATE TABLE s.policed (id int); ALTER TABLE s.policed ENABLE ROW LEVEL SECURITY; \
         CREATE POLICY p ON s.policed USING (id IN (SELECT id FROM t.allowed)); \
         CREATE MATERIALIZED VIEW t.unfilled AS SELECT 1 AS one WITH NO DATA; \
         CREATE MATERIALIZED VIEW t.over_it AS SELECT one FROM t.unfilled WITH NO DATA; \
         CREATE VIEW s.over_unfilled AS SELECT one FROM t.over_it; \
         CREATE TABLE t.only_here (id int); CREATE TABLE u.only_there (id int); GRANT SELECT ON t.only_here, u.only_there TO {role}; \
         CREATE FUNCTION t.unqualified() RETURNS bigint LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT count(*) FROM only_here); END'; \
         CREATE VIEW s.unqualified AS SELECT t.unqualified() AS n; \
         CREATE FUNCTION t.two_paths() RETURNS bigint LANGUAGE plpgsql STABLE SET search_path = t AS \
           'BEGIN RETURN (SELECT count(*) FROM only_here) + (SELECT count(*) FROM only_there); END'; \
         CREATE VIEW s.two_paths AS SELECT t.two_paths() AS n; \
         CREATE TABLE t.hidden (id int); ALTER TABLE t.hidden ENABLE ROW LEVEL SECURITY; GRANT SELECT ON t.hidden TO {role}; \
         CREATE FUNCTION t.sees_all() RETURNS bigint LANGUAGE plpgsql STABLE SET row_security = off AS \
           'BEGIN RETURN (SELECT count(*) FROM t.hidden); END'; CREATE VIEW s.sees_all AS SELECT t.sees_all() AS n; \
         CREATE TABLE t.\"Odd, it is\" (id int); CREATE VIEW s.\"Odd view\" AS SELECT * FROM t.\"Odd, it is\"; \
         ALTER VIEW s.\"Odd view\" OWNER TO \"{role} b\"; \
         CREATE TABLE t.twice (id int); CREATE TABLE u.twice (id int); CREATE FUNCTION t.twice() RETURNS bigint LANGUAGE plpgsql STABLE AS \
           'BEGIN RETURN (SELECT count(*) FROM twice); END'; CREATE VIEW s.twice AS SELECT t.twice() AS n; \
         GRANT SELECT ON ALL TABLES IN SCHEMA s TO {role}"
    );
    database.sql(&sql);
    if newest {
        database.sql(&format!(
            "CREATE TABLE t.invoked (id int); CREATE VIEW s.invoker WITH (security_invoker) AS SELECT id FROM t.invoked; \
             ALTER VIEW s.invoker OWNER TO {role}_a; CREATE VIEW s.over_invoker AS SELECT id FROM s.invoker; \
             GRANT SELECT ON s.invoker, s.over_invoker TO {role}"
        ));
    }
}

async fn every_advice_mends(cluster: &Cluster, newest: bool) {
    let database = Database::create(cluster);
    make(&database, newest);
    let invoked = ("s.over_invoker", &["table t.invoked "][..]);
    for &(name, only) in CASES.iter().chain(newest.then_some(&invoked)) {
        let unquoted = name.replace('"', "");
        let problem = fails(&database, &unquoted).await;
        let fix = problem.fix.as_ref().unwrap();
        run(&database, copied(fix), only);
        works(&database, &unquoted).await;
    }
    // Which of two tables is meant by one name, nobody can tell: both are named, and neither is opened.
    let problem = fails(&database, "s.twice").await;
    let fix = problem.fix.unwrap();
    assert!(fix.contains("t, u") && !fix.contains(';'), "{fix}");
}

#[tokio::test(flavor = "multi_thread")]
async fn advice_for_a_read_mends_it_and_changes_nothing_else() {
    // Of its own: other tests' roles and databases come and go on the shared one.
    let cluster = Cluster::start(&Options::default());
    every_advice_mends(&cluster, Server::distribution().major() >= 15).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn advice_mends_in_every_version() {
    for server in Server::installed() {
        let cluster = Cluster::start(&Options { server: Some(&server), ..Options::default() });
        every_advice_mends(&cluster, server.major() >= 15).await;
        excess(&cluster, server.major()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_lifted_wherever_it_was_set() {
    let cluster = &Cluster::start(&Options::default());
    for of in ["ROLE {role}", "DATABASE {name}", "ROLE {role} IN DATABASE {name}"] {
        let database = Database::create(cluster);
        let of = of.replace("{role}", &database.role).replace("{name}", &database.name);
        database.sql(&format!(
            "CREATE VIEW public.slow AS SELECT pg_sleep(1)::text AS t; ALTER {of} SET statement_timeout = '300ms'"
        ));
        let problem = fails(&database, "slow").await;
        assert!(problem.detail.contains("300 ms"), "{problem:?}");
        run(&database, copied(&problem.fix.unwrap()), &[&format!("setting {} ", database.role)]);
        works(&database, "slow").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_writes_is_taken_away_and_reading_stays() {
    excess(&Cluster::start(&Options::default()), Server::distribution().major()).await;
}

/// Rights to write from every direction: what is advised takes them away, and all that was read is read.
async fn excess(cluster: &Cluster, major: u32) {
    let database = Database::create(cluster);
    let role = &database.role;
    let mut sql = format!(
        "CREATE ROLE {role}_readers; CREATE ROLE \"{role} both\"; CREATE ROLE {role}_chief; CREATE ROLE {role}_friend; \
         GRANT {role}_readers, \"{role} both\" TO {role}; GRANT \"{role} both\" TO {role}_friend; CREATE SCHEMA g; \
         CREATE TABLE g.t (id int, v int); CREATE TABLE g.own (id int); CREATE TABLE g.everybody (id int); CREATE TABLE g.untouched (id int); \
         CREATE TABLE g.passed (id int); \
         GRANT USAGE ON SCHEMA g TO {role}_readers, {role}_chief, {role}_friend; \
         GRANT SELECT ON g.t, g.passed TO {role}_readers; GRANT SELECT, INSERT, UPDATE ON g.own TO \"{role} both\"; \
         GRANT SELECT, UPDATE (v) ON g.t TO \"{role} both\"; GRANT SELECT, TRUNCATE ON g.everybody TO PUBLIC; \
         GRANT DELETE ON g.untouched TO {role}_friend; GRANT INSERT ON g.passed TO {role} WITH GRANT OPTION; \
         GRANT DELETE ON g.t TO {role}_chief WITH GRANT OPTION; SET ROLE {role}_chief; GRANT DELETE ON g.t TO {role}; RESET ROLE; \
         SET ROLE {role}; GRANT INSERT ON g.passed TO {role}_friend; RESET ROLE; \
         GRANT CREATE ON SCHEMA g TO \"{role} both\"; GRANT CREATE ON DATABASE {} TO {role}; ALTER ROLE {role} CREATEDB",
        database.name
    );
    if major >= 14 {
        sql.push_str(&format!("; GRANT pg_write_all_data TO \"{role} both\""));
    }
    database.sql(&sql);
    let readable = ["g.t", "g.own", "g.everybody", "g.passed"];
    for table in readable {
        works(&database, table).await;
    }
    let passport = connect(cluster, &database).await.passport().await.unwrap();
    // A group that only reads is none of it.
    assert!(passport.excess.iter().all(|excess| !excess.what.contains("readers")), "{:#?}", passport.excess);
    for excess in &passport.excess {
        let sql = excess.revoke.as_ref().unwrap();
        assert!(!sql.contains("SELECT") && !sql.contains("USAGE"), "{sql}");
        let only = [
            "table g.",
            "column g.t.v",
            "schema g ",
            "schema public ",
            &format!("database {} ", database.name),
            &format!("role {role} "),
            "member pg_write_all_data ",
        ];
        run(&database, sql, &only);
    }
    for table in readable {
        works(&database, table).await;
    }
    let mended = connect(cluster, &database).await.passport().await.unwrap();
    assert_eq!(mended.excess, [], "{:#?}", passport.excess);
    let kept = |who: &str, table: &str, right: &str| {
        database.sql(&format!("SELECT has_table_privilege('{who}', '{table}', '{right}')"))
    };
    assert_eq!(kept(&format!("{role}_friend"), "g.untouched", "DELETE"), "t");
    assert_eq!(kept(&format!("{role}_chief"), "g.t", "DELETE"), "t");
}
