//! One row for each code that a failed connection or read can have, each made to happen. What a person is told
//! holds the words that they will search for, and the SQL or line of configuration that they are given is run by
//! the test: after it the failure is gone.

mod advice;
mod connecting;
mod damage;
mod foreign;
mod names;
mod poolers;
mod reading;
mod replicas;
mod servers;
mod views;

use crate::support::dialer;
use crate::support::unsaved;
use mycorr_domain::{Code, Problem};
use mycorr_pgread::{Client, Target};
use std::{fs, path::Path, time::Duration};

/// What has been seen so far.
#[derive(Default)]
pub(crate) struct Table(Vec<(String, Code)>);

impl Table {
    /// Enters a failure, which has to be this one, with these words and a fix; the fix.
    fn row(&mut self, what: &str, problem: &Problem, code: Code, words: &[&str]) -> String {
        assert_eq!(problem.code, code, "{what}: {problem:?}");
        for word in words {
            assert!(problem.detail.contains(word), "{what}: {word:?} is missing in {problem:?}");
        }
        let fix = problem.fix.clone().unwrap_or_else(|| panic!("{what}: no fix: {problem:?}"));
        assert!(!fix.trim().is_empty() && !problem.detail.trim().is_empty(), "{what}: {problem:?}");
        self.0.push((what.to_owned(), code));
        fix
    }
}

/// What of a fix is to be copied: SQL, or a line of pg_hba.conf, from its first line to the end.
fn copied(fix: &str) -> &str {
    let starts = [
        "GRANT ",
        "REVOKE ",
        "ALTER ",
        "CREATE USER ",
        "SET ROLE ",
        "REFRESH ",
        "host ",
        "hostssl ",
        "SELECT ",
    ];
    let mut at = 0;
    for line in fix.split_inclusive('\n') {
        if starts.iter().any(|start| line.starts_with(start)) {
            return &fix[at..];
        }
        at += line.len();
    }
    panic!("nothing to copy in {fix:?}")
}

async fn refused(target: &Target) -> Problem {
    match Client::connect(&dialer(), target, unsaved()).await {
        Ok(_) => panic!("connected"),
        Err(problem) => problem,
    }
}

async fn connects(target: &Target) {
    let client = Client::connect(&dialer(), target, unsaved()).await;
    client.unwrap_or_else(|problem| panic!("still refused: {problem:?}")).close().await;
}

/// The same once the server has read its configuration again.
async fn connects_soon(target: &Target) {
    for _ in 0..100 {
        if let Ok(client) = Client::connect(&dialer(), target, unsaved()).await {
            client.close().await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    connects(target).await;
}

/// Codes that other tests make happen: which, and where.
const ELSEWHERE: &[(Code, &str, &str)] = &[
    (
        Code::RecoveryConflict,
        "pgread/tests/it/standby.rs",
        "a_standby_is_read_and_breaks_off_when_it_must_remove_rows",
    ),
    (
        Code::SecretUnreadable,
        "engine/tests/it/connections.rs",
        "with_another_key_file_only_the_secrets_are_out_of_reach",
    ),
    (Code::Cancelled, "engine/tests/it/interruptions.rs", "cancelling_stops_the_source_too"),
    (Code::StorageFull, "tables/tests/it/full.rs", "a_full_disk"),
    (Code::TooBusy, "tables/src/admission.rs", "refuses_when_the_wait_is_over"),
    (Code::StorageConflict, "testkit/src/store_suite/versions.rs", "late_writer_is_refused"),
    (Code::StorageUnavailable, "tables/src/problem.rs", "a_full_disk_is_recognised_at_any_depth"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_code_is_made_to_happen_and_its_fix_mends_it() {
    let mut table = Table::default();
    connecting::rows(&mut table).await;
    poolers::rows(&mut table).await;
    reading::rows(&mut table).await;
    views::rows(&mut table).await;
    foreign::rows(&mut table).await;
    damage::rows(&mut table).await;
    replicas::rows(&mut table).await;
    servers::rows(&mut table).await;

    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (code, file, test) in ELSEWHERE {
        let text = fs::read_to_string(crates.join(file)).unwrap();
        assert!(text.contains(&format!("fn {test}(")), "{file} has no {test}");
        assert!(text.contains(&format!("Code::{code:?}")), "{file} does not speak of {code:?}");
    }
    // Before the codes of a request stand those of a connection or a read.
    let codes = Code::ALL.iter().take_while(|code| **code != Code::Invalid);
    let missing: Vec<_> = codes
        .clone()
        .filter(|code| !table.0.iter().any(|row| row.1 == **code))
        .filter(|code| !ELSEWHERE.iter().any(|row| row.0 == **code))
        .collect();
    assert!(missing.is_empty(), "nothing makes these happen: {missing:?}");
    mycorr_testkit::counted(&format!(
        "{} failures of a connection or a read, with all {} codes ({} of them elsewhere)",
        table.0.len(),
        codes.count(),
        ELSEWHERE.len()
    ));
}
