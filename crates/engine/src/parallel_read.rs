//! One import through as many connections as the owner of its connection allows, where they can prove to see one
//! snapshot.

use crate::runner::Runner;
use futures::future::join_all;
use mycorr_domain::{Problem, Result};
use mycorr_meta::Connection;
use mycorr_pgread::{
    Agreed, ChecksumScan, Client, Division, Journal, Scan, ScanLimits, TableDescription, agree,
};
use std::sync::Arc;

/// What is read, and how.
pub(crate) struct Reading<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) journal: &'a Arc<dyn Journal>,
    pub(crate) table: &'a TableDescription,
    pub(crate) columns: Option<&'a [String]>,
    pub(crate) limits: ScanLimits,
    /// Whether what was read is to be proven.
    pub(crate) verify: bool,
}

impl Runner {
    /// Opens further connections beside the first one's scan, and lets each read a part. A connection that can't be
    /// opened is none too few: what there is reads.
    pub(crate) async fn read_in_parallel(
        &self,
        first: Scan,
        division: &Division,
        reading: Reading<'_>,
    ) -> Result<Agreed> {
        let beside_check = if reading.verify { division.beside_check() } else { None };
        let division = beside_check.as_ref().unwrap_or(division);
        let wanted = division.connections();
        let check = async {
            match beside_check {
                Some(_) => self.open_check(&reading).await.inspect_err(not_opened).ok(),
                None => None,
            }
        };
        let further = join_all((1..wanted).map(|_| self.open_further(&reading)));
        let (further, check) = tokio::join!(further, check);
        let mut scans = vec![first];
        let mut refused = None;
        for opened in further {
            match opened {
                Ok(scan) => scans.push(scan),
                Err(problem) => refused = Some(problem),
            }
        }
        let opened = scans.len();
        let Agreed { scans, check, note } = agree(scans, check, division).await?;
        let note = note.or_else(|| {
            let refused = refused?;
            not_opened(&refused);
            Some(format!(
                "{opened} of {wanted} connections could be opened ({}).",
                refused.code.title().to_lowercase()
            ))
        });
        Ok(Agreed { scans, check, note: note.or_else(|| division.note().map(str::to_owned)) })
    }

    async fn open_further(&self, reading: &Reading<'_>) -> Result<Scan> {
        self.connect(reading).await?.read(reading.table, reading.columns, reading.limits).await
    }

    async fn open_check(&self, reading: &Reading<'_>) -> Result<ChecksumScan> {
        self.connect(reading).await?.read_checksums(reading.table, reading.columns, reading.limits).await
    }

    /// The address is checked, and the password opened, for each connection anew.
    async fn connect(&self, reading: &Reading<'_>) -> Result<Client> {
        let target = self.connections.target(reading.connection).await?;
        Client::connect(&self.connections.dialer, &target, reading.journal.clone()).await
    }
}

fn not_opened(problem: &Problem) {
    tracing::debug!(code = problem.code.as_str(), "a further connection was not opened");
}
