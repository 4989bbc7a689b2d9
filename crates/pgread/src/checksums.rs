//! What a table comes to, computed by the server, for comparison with what is stored.

use crate::{
    catalogue::TableDescription,
    client::{Backend, Client},
    in_flight::{Stop, WithStop},
    reader::{Reader, unreadable},
    scan::{LOCK, Scan, ScanLimits},
    sql::{self, Hashing, SelectList},
    wire::pipeline::{self, Timeouts},
};
use arrow_array::{Array, cast::AsArray};
use mycorr_domain::{Checksums, ColumnChecksum, ColumnType, Result, SourceChecksums, TextHash};
use std::sync::{Arc, atomic::AtomicU64};
use tokio::time::Instant;

/// `hashtext('mycorr')` on little-endian machines.
const HASH_OF_PROBE: &str = "-1295838988";
/// `hashtextextended` (release notes of PostgreSQL 11).
const MIN_LOOKUP3_MAJOR: u32 = 11;
/// The longest row of figures of 1,664 columns: two numbers of 20 digits, and for a sum some more.
const MAX_ANSWER_BYTES: u64 = 1 << 20;

/// The SELECT that counts and hashes what a read brings, ready to join the connections of that read: see
/// [`crate::agree`].
pub struct ChecksumScan {
    pub(crate) scan: Scan,
    pub(crate) hash: TextHash,
    /// Of the read.
    pub(crate) columns: usize,
}

impl ChecksumScan {
    /// Waits for the figures. As with every scan, what the server does not end by itself is stopped by [`Self::close`].
    ///
    /// # Errors
    /// As every read.
    pub async fn figures(&mut self) -> Result<SourceChecksums> {
        let mut figures = None;
        while let Some(batch) = self.scan.next().await? {
            let texts = batch.column(0).as_string_opt::<i32>();
            figures = texts
                .filter(|texts| texts.len() == 1 && texts.is_valid(0))
                .map(|texts| texts.value(0).to_owned());
        }
        let checksums = figures.and_then(|figures| parse(&figures, self.columns));
        let checksums = checksums.ok_or_else(|| unreadable("checksums are no numbers"))?;
        Ok(SourceChecksums { hash: self.hash, checksums })
    }

    /// The process that works on it, where that can be known.
    pub fn backend(&self) -> Option<Backend> {
        self.scan.backend()
    }

    /// Bytes received on its connection, for somebody who looks while [`Self::figures`] waits.
    pub fn received(&self) -> Arc<AtomicU64> {
        self.scan.received()
    }

    /// Closes the connection. What is not over is stopped at the server.
    pub async fn close(self) -> Stop {
        self.scan.close().await
    }
}

impl Client {
    /// Prepares what [`Self::checksums`] asks, so that it can be asked under the snapshot of a read.
    ///
    /// # Errors
    /// As [`Client::read`].
    pub async fn read_checksums(
        mut self,
        table: &TableDescription,
        names: Option<&[String]>,
        limits: ScanLimits,
    ) -> Result<ChecksumScan> {
        let hashing = self.hashing().await?;
        let scan = self.read(table, names, limits).await?;
        let columns = scan.columns().len();
        Ok(ChecksumScan { scan: scan.hashing(hashing), hash: hashing.hash, columns })
    }

    /// Counts and hashes what a read of `table` with these columns would bring, by one more SELECT, which reads the whole
    /// table at the server.
    ///
    /// # Errors
    /// As every read.
    pub async fn checksums(
        &mut self,
        table: &TableDescription,
        names: Option<&[String]>,
        limits: ScanLimits,
    ) -> Result<SourceChecksums> {
        let chosen = crate::scan::choose(table, names, self.target.endpoint.role())?;
        let wanted = SelectList {
            columns: chosen.iter().map(|column| (column.name.clone(), column.mask())).collect(),
            conditions: table.conditions.clone(),
        };
        let stored: Vec<ColumnType> = chosen.iter().map(|column| column.stored).collect();
        let (schema, name) = (table.entry.schema.clone(), table.entry.name.clone());
        let hashing = self.hashing().await?;
        let text = sql::checksums(&schema, &name, &wanted, &stored, hashing);
        let parameters = wanted.conditions.parameters;
        let entered: Vec<&str> = parameters.iter().map(String::as_str).collect();
        let timeouts = Timeouts { statement: limits.total, lock: LOCK };
        let started = Instant::now();
        let settings = self.enter(sql::CHECKSUMS, &text, &entered, timeouts).await?;
        self.wire.limits.idle = limits.total + crate::client::GRACE;
        self.wire.limits.deadline = Some(started + limits.total + crate::client::GRACE);
        let answer = async {
            pipeline::send(&mut self.wire, &settings, &text, &parameters, &[]).await?;
            pipeline::rows(&mut self.wire, MAX_ANSWER_BYTES).await
        };
        let answer = answer.await;
        let stop = self.end(answer.as_ref().map(|rows| rows.len() as u64)).await;
        let rows = match answer {
            Ok(rows) => rows,
            Err(failure) => {
                let problem = self.read_failed(&failure, &schema, &name, started.elapsed()).await;
                return Err(problem.with_stop(stop));
            }
        };
        let figures = rows.first().and_then(|row| row.first()?.as_deref());
        let checksums = figures.and_then(|figures| parse(std::str::from_utf8(figures).ok()?, stored.len()));
        let checksums = checksums.ok_or_else(|| unreadable("checksums are no numbers"))?;
        Ok(SourceChecksums { hash: hashing.hash, checksums })
    }

    async fn hashing(&mut self) -> Result<Hashing> {
        let endpoint = self.target.endpoint.clone();
        let asked = crate::explain::ErrorContext::login(&endpoint);
        let rows = self.query(sql::HASHING, &[], &asked).await?;
        let mut row = Reader::new(rows.first().ok_or_else(|| unreadable("no encoding"))?);
        let (encoding, probe) = (row.text()?, row.text()?);
        // `SQL_ASCII` keeps and sends any bytes as they are.
        let convert = !matches!(encoding.as_str(), "UTF8" | "SQL_ASCII");
        let known = self.server().major().is_some_and(|major| major >= MIN_LOOKUP3_MAJOR);
        let hash = match known && probe == HASH_OF_PROBE && !convert {
            true => TextHash::Lookup3,
            false => TextHash::Md5,
        };
        Ok(Hashing { hash, convert })
    }
}

/// Reads `rows,values:sum,…` of so many columns. A column without values has no sum, and neither has a masked one.
fn parse(figures: &str, columns: usize) -> Option<Checksums> {
    let mut parts = figures.split(',');
    let mut checksums = Checksums { rows: parts.next()?.parse().ok()?, columns: Vec::with_capacity(columns) };
    for part in parts {
        let (values, sum) = part.split_once(':')?;
        let sum = if sum.is_empty() { 0 } else { sum.parse().ok()? };
        checksums.columns.push(ColumnChecksum { values: values.parse().ok()?, sum });
    }
    (checksums.columns.len() == columns).then_some(checksums)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_whole_or_not_at_all() {
        let read = parse("3,2:-8795807258327448785,0:,3:", 3).unwrap();
        assert_eq!(read.rows, 3);
        let pairs: Vec<_> = read.columns.iter().map(|column| (column.values, column.sum)).collect();
        assert_eq!(pairs, [(2, -8_795_807_258_327_448_785), (0, 0), (3, 0)]);
        for bad in ["", "x", "1,2", "1,2:x", "1,2:3,4:5", "1,-2:3"] {
            assert_eq!(parse(bad, 1), None, "{bad}");
        }
    }
}
