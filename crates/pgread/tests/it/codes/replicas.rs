//! What only a replica, or a newer PostgreSQL, says.

use super::{
    Table, copied,
    reading::{fails, works},
    refused,
};
use crate::support::{dialer, target, unsaved};
use mycorr_domain::Code;
use mycorr_pgread::{Client, StepName, test};
use mycorr_testkit::{Cluster, Database, Options, Server, not_tested};
use std::time::Duration;

pub(super) async fn rows(table: &mut Table) {
    let primary = Cluster::start(&Options::default());
    let original = Database::create(&primary);
    original.sql("CREATE TABLE public.t AS SELECT 1 AS id");
    let role = &original.role;
    primary.sql(&format!("ALTER ROLE {role} SET default_transaction_isolation = 'serializable'"));
    let standby = primary.standby(&[]);
    let database = Database { cluster: &standby, ..original.clone() };
    standby.catch_up(&primary);
    let target_there = target(&standby, &database);
    let report = test(&dialer(), &target_there, unsaved(), &mut |_| {}).await;
    let failed =
        report.steps.iter().find(|step| step.outcome == mycorr_pgread::Outcome::Failed).unwrap().step;
    assert_eq!(failed, StepName::Privileges);
    let words = ["replica", "serializable", "0A000"];
    let fix = table.row("serializable", &report.problem.unwrap(), Code::SourceError, &words);
    primary.sql(copied(&fix));
    standby.catch_up(&primary);
    let report = test(&dialer(), &target_there, unsaved(), &mut |_| {}).await;
    assert!(report.ok(), "{:?}", report.problem);
    works(&database, "t").await;
    drop(standby);

    let closed = primary.standby(&[("hot_standby", "off")]);
    let there = target(&closed, &original);
    let mut problem = refused(&there).await;
    // Before it has replayed enough it is only starting.
    for _ in 0..500 {
        if problem.code == Code::HotStandbyOff {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        problem = refused(&there).await;
    }
    table.row("hot_standby = off", &problem, Code::HotStandbyOff, &["hot_standby"]);
    assert_eq!(Client::connect(&dialer(), &there, unsaved()).await.err().unwrap().code, Code::HotStandbyOff);
    drop(closed);

    match Server::installed().into_iter().rev().find(|server| server.major() >= 17) {
        Some(server) => newer(table, &server).await,
        None => not_tested("transaction_timeout and login triggers: no PostgreSQL 17 or newer is installed"),
    }
}

async fn newer(table: &mut Table, server: &Server) {
    let cluster = Cluster::start(&Options { server: Some(server), ..Options::default() });
    let database = Database::create(&cluster);
    let role = &database.role;
    database.sql(&format!(
        "CREATE FUNCTION public.nap() RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN PERFORM pg_sleep(1); RETURN 1; END'; \
         CREATE VIEW public.slow AS SELECT public.nap(); ALTER ROLE {role} SET transaction_timeout = '300ms'"
    ));
    let problem = fails(&database, "slow").await;
    let fix = table.row("transaction_timeout", &problem, Code::StatementTimeout, &["transaction_timeout"]);
    database.sql(copied(&fix));
    works(&database, "slow").await;

    database.sql(
        "CREATE FUNCTION public.gate() RETURNS event_trigger LANGUAGE plpgsql AS \
           $$BEGIN IF session_user LIKE 'reader%' THEN RAISE EXCEPTION 'not today'; END IF; END$$; \
         CREATE EVENT TRIGGER gate ON login EXECUTE FUNCTION public.gate(); ALTER EVENT TRIGGER gate ENABLE ALWAYS",
    );
    let problem = refused(&target(&cluster, &database)).await;
    let words = ["event trigger"];
    let fix = table.row("a login trigger", &problem, Code::ConnectionRejected, &words);
    assert!(!problem.detail.contains("not today"));
    database.sql(copied(&fix));
    works(&database, "slow").await;
}
