//! Every major version of PostgreSQL that `scripts/servers` installs is read alike.

use crate::{
    statements::{fill, heard_as_entered, journey},
    support::{begin, connect},
    types,
};
use mycorr_domain::Code;
use mycorr_pgread::ScanLimits;
use mycorr_testkit::{Cluster, Database, Options, Server};

#[tokio::test]
async fn every_version_is_read_alike() {
    for server in Server::installed() {
        let cluster = Cluster::start(&Options { server: Some(&server), ..Options::default() });
        let major = server.major();
        eprintln!("PostgreSQL {major}");
        let database = Database::create(&cluster);
        fill(&database);
        let ledger = journey(&database, cluster.port()).await;
        heard_as_entered(&database, &ledger);

        types::make(&database, major);
        types::compare(&database, "every_type", cluster.port()).await;

        let mut client = connect(&cluster, &database).await;
        assert!(client.server().version.starts_with(&major.to_string()));
        let passport = client.passport().await.unwrap();
        assert_eq!(passport.schemas.len(), 1, "{passport:?}");

        database.sql("CREATE VIEW public.endless AS SELECT generate_series(1, 1000000000) AS n");
        let description = client.describe("public", "endless").await.unwrap();
        let mut scan = begin(client, &description, ScanLimits::default()).await;
        scan.next().await.unwrap().unwrap();
        scan.canceller().cancel().await;
        let problem = loop {
            match scan.next().await {
                Ok(batch) => assert!(batch.is_some(), "a cancelled read ended well"),
                Err(problem) => break problem,
            }
        };
        assert_eq!(problem.code, Code::StatementTimeout);
        let heard = database.log_statements();
        assert!(heard.iter().all(|statement| crate::statements::is_select(&statement.text)), "{heard:?}");
    }
}
