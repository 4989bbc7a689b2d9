//! What who runs Mycorr looks at: metrics, and the files in `deploy/`.

use crate::product::Mycorr;
use mycorr_testkit::{Cluster, Database, promtool};
use std::{collections::BTreeSet, fs, io::Write, path::Path, process::Stdio};

fn repository(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)).unwrap()
}

/// The names of families in a text, whatever stands around them.
fn names(text: &str) -> BTreeSet<String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !word(c)).filter(|word| {
        ["mycorr_", "process_"].iter().any(|prefix| word.starts_with(prefix) && word.len() > prefix.len())
    });
    words.map(|name| name.trim_end_matches("_bucket").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_well_formed_documented_and_drawn() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    database.sql("CREATE TABLE public.t AS SELECT 1 AS id");
    let url = cluster.metadata_url("metrics");
    let mycorr = Mycorr::start_with(&[("MYCORR_DATABASE_URL".to_owned(), url)]).await;
    let connection = mycorr.connect(cluster, &database, cluster.port()).await;
    let model = mycorr.model().await;
    mycorr.import(&model, &connection, "t").await;
    let metrics = mycorr.metrics().await;
    for line in [
        "mycorr_jobs{state=\"queued\"} 0",
        "mycorr_jobs_ended_last_hour{state=\"succeeded\"} 1",
        "mycorr_tables 1",
        "mycorr_versions 1",
        "mycorr_connections{last_test=\"passed\"} 1",
        "mycorr_nodes{role=\"serve\"} 1",
        "mycorr_expired_leases 0",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is not in\n{metrics}");
    }

    let families = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let families: BTreeSet<String> = families.map(str::to_owned).collect();
    let documented = names(&repository("docs/operating.md"));
    let unknown: Vec<_> = families.difference(&documented).collect();
    assert!(unknown.is_empty(), "docs/operating.md does not name {unknown:?}");
    let drawn = names(&repository("deploy/grafana.json"));
    let unknown: Vec<_> = drawn.difference(&families).collect();
    assert!(unknown.is_empty() && drawn.len() > 10, "deploy/grafana.json draws {unknown:?}");

    let Some(mut promtool) = promtool() else { return };
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = promtool.spawn().unwrap();
    child.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}\n{metrics}", String::from_utf8_lossy(&said));
}
