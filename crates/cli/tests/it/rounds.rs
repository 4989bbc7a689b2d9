//! Two hundred syncs that break, each in one of ten ways: each says which, none leaves anything of a version,
//! and afterwards the product holds no more memory and no more sockets than before.

use crate::product::{Mycorr, id};
use mycorr_testkit::{Cluster, Database, Fault, FaultProxy};
use serde_json::{Value, json};

const ROUNDS: usize = 20;
const ROWS: usize = 5000;

/// A view that breaks while the gate is shut: the server raises an error of its own in the middle of the rows, or
/// loses its process there.
fn tripping(database: &Database<'_>, view: &str, what: &str) {
    database.sql(&format!(
        "CREATE FUNCTION public.{view}(n int) RETURNS int LANGUAGE plpgsql STABLE SECURITY DEFINER AS \
           $$BEGIN IF n = {ROWS} - 500 AND NOT (SELECT open FROM public.gate) THEN {what}; END IF; RETURN n; END$$; \
         CREATE VIEW public.{view} AS SELECT public.{view}(n) AS n, 'row ' || n || '.' || repeat('x', 200) AS t FROM generate_series(1, {ROWS}) n"
    ));
}

struct Source {
    table: String,
    /// Under which it fails while the gate is shut.
    code: &'static str,
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_broken_syncs_leave_nothing_behind() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let role = database.role.clone();
    database.sql(&format!(
        "CREATE TABLE public.gate AS SELECT true AS open; REVOKE ALL ON public.gate FROM {role}; \
         CREATE TABLE public.plain AS SELECT n, 'row ' || n || '.' || repeat('x', 200) AS t FROM generate_series(1, {ROWS}) n; \
         CREATE TABLE public.revoked AS TABLE public.plain; CREATE TABLE public.dropped AS TABLE public.plain"
    ));
    for (view, what) in [
        ("memory", "RAISE SQLSTATE '53200'"),
        ("timeout", "RAISE SQLSTATE '57014'"),
        ("conflict", "RAISE SQLSTATE '40001'"),
        ("killed", "PERFORM pg_terminate_backend(pg_backend_pid())"),
        ("divided", "n := n / 0"),
    ] {
        tripping(&database, view, what);
    }
    let row = format!("row {}.", ROWS - 500);
    let ended = b"\x05\0\0\0\0".to_vec();
    let mut meddlers = Vec::new();
    for (tag, holds, fault, code) in [
        (b'D', row.as_bytes(), Fault::Cut(20), "connection_lost"),
        (b'D', row.as_bytes(), Fault::Say(b"garbage".repeat(9)), "protocol_violation"),
        (
            b'C',
            b"SELECT 5000".as_slice(),
            Fault::SayForever([b"C\0\0", ended.as_slice()].concat()),
            "protocol_violation",
        ),
    ] {
        meddlers.push((FaultProxy::start(cluster, tag, holds, fault).await, code));
    }
    let shut = |shut: bool| {
        let (grant, from) = if shut { ("REVOKE", "FROM") } else { ("GRANT", "TO") };
        let dropped = if shut {
            "DROP TABLE public.dropped".to_owned()
        } else {
            format!(
                "CREATE TABLE public.dropped AS TABLE public.plain; GRANT SELECT ON public.dropped TO {role}"
            )
        };
        meddlers.iter().for_each(|(fault_proxy, _)| fault_proxy.be_awake(shut));
        database.sql(&format!(
            "UPDATE public.gate SET open = {}; {grant} SELECT ON public.revoked {from} {role}; {dropped}",
            !shut
        ));
    };

    // All of them come over once while nothing is in the way.
    meddlers.iter().for_each(|(fault_proxy, _)| fault_proxy.be_awake(false));
    let mycorr = Mycorr::start().await;
    let model = mycorr.model().await;
    let connect = async |port: u16| {
        let mut form = Mycorr::form(cluster, &database, port);
        form["encrypted"] = json!(false);
        form["ca_certificate"] = Value::Null;
        id(&mycorr.post("/connections", form).await)
    };
    let direct = connect(cluster.port()).await;
    let mut wanted = vec![
        (direct.clone(), "memory", "source_error"),
        (direct.clone(), "timeout", "statement_timeout"),
        (direct.clone(), "conflict", "recovery_conflict"),
        (direct.clone(), "killed", "server_shutting_down"),
        (direct.clone(), "divided", "view_failed"),
        (direct.clone(), "revoked", "table_permission_denied"),
        (direct, "dropped", "table_not_found"),
    ];
    for (fault_proxy, code) in &meddlers {
        wanted.push((connect(fault_proxy.port()).await, "plain", *code));
    }
    let mut sources = Vec::new();
    for (at, (connection, table, code)) in wanted.into_iter().enumerate() {
        let body = json!({"connection_id": connection, "schema": "public", "table": table, "name": format!("{table} {at}")});
        let started = mycorr.post(&format!("/models/{model}/imports"), body).await;
        let job = mycorr.finish(&id(&started["job"])).await;
        assert_eq!((&job["state"], &job["rows"]), (&json!("succeeded"), &json!(ROWS)), "{table}: {job:#}");
        sources.push(Source { table: id(&started["table"]), code });
    }
    shut(true);
    let round = async || {
        let mut jobs = Vec::new();
        for source in &sources {
            let started = mycorr.post(&format!("/tables/{}/sync", source.table), json!({})).await;
            jobs.push((id(&started["job"]), source));
        }
        for (job, source) in jobs {
            let job = mycorr.finish(&job).await;
            assert_eq!(
                (&job["state"], &job["problem"]["code"]),
                (&json!("failed"), &json!(source.code)),
                "{job:#}"
            );
        }
    };
    // What a process keeps for good it has after some of them.
    for _ in 0..3 {
        round().await;
    }
    let before = (mycorr.sockets(), mycorr.resident());
    for _ in 3..ROUNDS {
        round().await;
    }
    let gone = format!("SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = '{role}'");
    while cluster.sql_async("postgres", &gone).await != "t" {}
    // Connections that are being closed; what leaks stays.
    for _ in 0..100 {
        if mycorr.sockets() <= before.0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let after = (mycorr.sockets(), mycorr.resident());
    assert!(after.0 <= before.0, "sockets: {before:?}, then {after:?}");
    assert!(after.1 <= before.1 + (16 << 20), "bytes of memory: {before:?}, then {after:?}");

    for source in &sources {
        let versions = mycorr.get(&format!("/tables/{}/versions", source.table)).await;
        assert_eq!(versions["items"].as_array().unwrap().len(), 1, "{versions:#}");
        let rows = mycorr.rows(&source.table, &[("offset", "4998")]).await;
        assert_eq!((&rows["total"], &rows["rows"][1][0]), (&json!(ROWS), &json!("5000")), "{rows:#}");
    }
    assert_eq!(mycorr.parquet_files(), sources.len(), "files of broken versions were left");
    shut(false);
    for source in &sources {
        let job = mycorr.sync(&source.table).await;
        // They are read to their end again, and are what they were; but for another table under the same name.
        let unchanged = source.code != "table_not_found";
        assert_eq!((&job["state"], &job["unchanged"]), (&json!("succeeded"), &json!(unchanged)), "{job:#}");
        assert_eq!(job["rows"], json!(ROWS));
    }
}
