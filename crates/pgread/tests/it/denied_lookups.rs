//! An administrator took a part of the catalogue away from PUBLIC: what can do without it does, what can't says which
//! part and the GRANT that gives it back, and a connection can be saved whatever it is.

use crate::support::{connect, dialer, read, target, unsaved};
use mycorr_domain::{Code, Problem};
use mycorr_pgread::{Outcome, StepName, sql, test};
use mycorr_testkit::{Cluster, Database};
use std::collections::BTreeSet;

/// Every relation of the catalogue that a statement names, and every function that one calls, as a REVOKE names them.
fn objects(database: &Database<'_>) -> Vec<String> {
    let mut relations = BTreeSet::new();
    let mut functions = BTreeSet::new();
    // `denied` is sent only when something is refused already.
    for template in sql::TEMPLATES.iter().filter(|template| **template != sql::DENIED) {
        for word in template.text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))) {
            if word.starts_with("pg_catalog.pg_") || word.starts_with("information_schema.") {
                relations.insert(format!("TABLE {word}"));
            }
        }
        for (at, _) in template.text.match_indices('(') {
            let before = &template.text[..at];
            let name = before.rsplit(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next().unwrap();
            if !name.is_empty() {
                functions.insert(name.to_owned());
            }
        }
    }
    let names: Vec<String> = functions.into_iter().collect();
    let functions = database.sql(&format!(
        "SELECT 'FUNCTION ' || string_agg('pg_catalog.' || proname || '(' || pg_get_function_identity_arguments(oid) || ')', ', ' ORDER BY oid) \
         FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind <> 'a' AND proname = ANY ('{{{}}}') GROUP BY proname",
        names.join(",")
    ));
    let relations = relations.into_iter();
    relations
        .chain(["SCHEMA information_schema", "SCHEMA pg_catalog"].map(str::to_owned))
        .chain(functions.lines().map(str::to_owned))
        .collect()
}

/// Without these there is nothing to browse, or no statement at all.
const INDISPENSABLE: &[&str] = &[
    "pg_catalog",
    "pg_catalog.pg_class",
    "pg_catalog.pg_namespace",
    "pg_catalog.pg_attribute",
    "pg_catalog.set_config",
    "pg_catalog.current_setting",
    "pg_catalog.extract",
    "pg_catalog.strpos",
    "pg_catalog.lower",
    // The passport alone.
    "pg_catalog.left",
];

#[tokio::test]
async fn what_is_taken_from_public_is_done_without_or_named_with_its_grant() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql(
        "CREATE TABLE public.plain (id int PRIMARY KEY, price numeric(8,2), at timestamptz); \
         INSERT INTO public.plain VALUES (1, 2.5, now()); \
         CREATE TABLE public.parent (id int, day date) PARTITION BY RANGE (id); \
         CREATE TABLE public.child PARTITION OF public.parent FOR VALUES FROM (0) TO (10); INSERT INTO public.parent VALUES (1, now())",
    );
    let objects = objects(&database);
    assert!(objects.len() > 25, "{objects:?}");
    for object in &objects {
        let right = match object.split(' ').next().unwrap() {
            "TABLE" => "SELECT",
            "SCHEMA" => "USAGE",
            _ => "EXECUTE",
        };
        let bare = object.split([' ', '(']).nth(1).unwrap();
        database.sql(&format!("REVOKE {right} ON {object} FROM PUBLIC"));
        let (failed, grants) = journey(&database).await;
        if !INDISPENSABLE.contains(&bare) {
            assert_eq!(failed, [""; 0], "without {object}");
        }
        for grant in &grants {
            assert!(grant.contains(bare), "without {object}: {grant}");
            database.sql(grant);
        }
        let (failed, grants) = journey(&database).await;
        assert_eq!(
            (failed, grants),
            (Vec::new(), BTreeSet::new()),
            "with {object}, as it was told to grant it"
        );
        // Back to what PostgreSQL gives, so that the next one is alone.
        database.sql(&format!(
            "REVOKE {right} ON {object} FROM \"{}\"; GRANT {right} ON {object} TO PUBLIC",
            database.role
        ));
    }
    mycorr_testkit::counted(&format!("{} parts of the catalogue taken away", objects.len()));
}

/// Everything that a person does with a connection. What failed, and every GRANT that was shown.
async fn journey(database: &Database<'_>) -> (Vec<String>, BTreeSet<String>) {
    let cluster = database.cluster;
    let mut failed = Vec::new();
    let mut grants = BTreeSet::new();
    let mut say = |what: &str, problem: &Problem| {
        assert_eq!(problem.code, Code::TablePermissionDenied, "{what}: {problem:?}");
        let fix = problem.fix.clone().unwrap();
        assert!(fix.starts_with("GRANT "), "{what}: {problem:?}");
        grants.extend(fix.lines().map(str::to_owned));
        failed.push(format!("{what}: {}", problem.detail));
    };

    let report = test(&dialer(), &target(cluster, database), unsaved(), &mut |_| {}).await;
    // Without its settings nothing at all can be read, and that is what the test says.
    if let Some(problem) = &report.problem {
        say("test", problem);
    }
    let privileges = report.steps.iter().find(|step| step.step == StepName::Privileges).unwrap();
    let warned = match privileges.outcome {
        Outcome::Passed => None,
        Outcome::Warned => privileges.fix.clone(),
        _ => report.problem.as_ref().and_then(|problem| problem.fix.clone()),
    };
    let browsed = async {
        let mut client = connect(cluster, database).await;
        let schemas = client.schemas(None, 10).await;
        schemas.as_ref().err().into_iter().for_each(|problem| say("schemas", problem));
        if let Ok(schemas) = schemas {
            assert_eq!((schemas[0].name.as_str(), schemas[0].tables), ("public", 2));
        }
        match client.tables("public", None, None, 10).await {
            Ok(tables) => {
                let readable: Vec<_> =
                    tables.iter().map(|table| (table.name.as_str(), table.readable)).collect();
                assert_eq!(readable, [("parent", true), ("plain", true)]);
            }
            Err(problem) => say("tables", &problem),
        }
        if let Err(problem) = client.search("pl", None, 10).await {
            say("search", &problem);
        }
        match client.describe("public", "plain").await {
            Ok(described) => {
                assert_eq!(described.columns.iter().filter(|column| column.readable).count(), 3);
                assert_eq!(client.preview(&described, 5).await.unwrap().len(), 1);
            }
            Err(problem) => say("describe", &problem),
        }
        for table in ["plain", "parent"] {
            match read(connect(cluster, database).await, "public", table).await {
                Ok((_, rows)) => assert_eq!(rows.len(), 1),
                Err(problem) => say("read", &problem),
            }
        }
    };
    browsed.await;
    if let Some(fix) = warned {
        grants.extend(fix.lines().map(str::to_owned));
    } else {
        assert!(grants.is_empty(), "the test says nothing of {grants:?}");
    }
    (failed, grants)
}
