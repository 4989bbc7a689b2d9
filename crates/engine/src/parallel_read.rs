//! One import through as many connections as the owner of its connection allows, where they can prove to see one
//! snapshot.

use crate::runner::Runner;
use futures::future::join_all;
use mycorr_domain::Result;
use mycorr_meta::Connection;
use mycorr_pgread::{Agreed, Client, Division, Journal, Scan, ScanLimits, TableDescription, agree};
use std::sync::Arc;

/// What is read, and how.
pub(crate) struct Reading<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) journal: &'a Arc<dyn Journal>,
    pub(crate) table: &'a TableDescription,
    pub(crate) columns: Option<&'a [String]>,
    pub(crate) limits: ScanLimits,
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
        let wanted = division.connections();
        let further = join_all((1..wanted).map(|_| self.open_further(&reading))).await;
        let mut scans = vec![first];
        let mut refused = None;
        for opened in further {
            match opened {
                Ok(scan) => scans.push(scan),
                Err(problem) => refused = Some(problem),
            }
        }
        let opened = scans.len();
        let Agreed { scans, note } = agree(scans, division).await?;
        let note = note.or_else(|| {
            let refused = refused?;
            tracing::debug!(code = refused.code.as_str(), "a further connection was not opened");
            Some(format!(
                "{opened} of {wanted} connections could be opened ({}).",
                refused.code.title().to_lowercase()
            ))
        });
        Ok(Agreed { scans, note: note.or_else(|| division.note().map(str::to_owned)) })
    }

    /// The address is checked, and the password opened, for each connection anew.
    async fn open_further(&self, reading: &Reading<'_>) -> Result<Scan> {
        let target = self.connections.target(reading.connection).await?;
        let client = Client::connect(&self.connections.dialer, &target, reading.journal.clone()).await?;
        drop(target);
        client.read(reading.table, reading.columns, reading.limits).await
    }
}
