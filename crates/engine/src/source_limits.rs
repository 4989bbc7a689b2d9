//! What a connection's owner allows Mycorr to ask of the database: bytes per second and the length of an import,
//! kept here by reading no faster, so that the database waits (imports at a time are kept by `meta`).

use mycorr_domain::{Code, ConnectionId, Problem};
use mycorr_meta::{Limits, Meta};
use mycorr_pgread::{ScanLimits, TableDescription};
use std::time::Duration;

/// Keeps the reads of a connection to its bytes per second, in all processes together.
pub(crate) struct Throttle {
    meta: Meta,
    key: String,
    bytes_per_second: u64,
    /// Bytes that are not charged yet.
    pending: u64,
}

/// Less than this is charged with what comes next: each charge is a write of the metadata.
const MIN_CHARGE: Duration = Duration::from_millis(100);

impl Throttle {
    /// `None` where there is no ceiling.
    pub(crate) fn of(meta: &Meta, id: ConnectionId, limits: Limits) -> Option<Self> {
        let bytes_per_second = limits.bytes_per_second?;
        Some(Self { meta: meta.clone(), key: format!("pace:{id}"), bytes_per_second, pending: 0 })
    }

    /// How long to read nothing after `bytes` more have come.
    pub(crate) async fn after(&mut self, bytes: u64) -> Duration {
        self.pending += bytes;
        let price = Duration::from_secs_f64(self.pending as f64 / self.bytes_per_second as f64);
        if price < MIN_CHARGE {
            return Duration::ZERO;
        }
        self.pending = 0;
        match self.meta.charge_price(&self.key, price).await {
            Ok(wait) => wait,
            Err(problem) => {
                // The read by itself keeps the pace all the same.
                tracing::warn!(cause = problem.internal, "the pace could not be written");
                price
            }
        }
    }
}

/// The ends of a read, with the connection's own.
pub(crate) fn scan_limits(limits: Limits, largest_row: usize, idle_timeout: Option<Duration>) -> ScanLimits {
    let general = ScanLimits { row: largest_row, idle: idle_timeout, ..ScanLimits::default() };
    match limits.minutes {
        Some(minutes) => {
            ScanLimits { total: general.total.min(Duration::from_secs(60 * minutes)), ..general }
        }
        None => general,
    }
}

/// A read that ended because of the connection's own limit says so.
pub(crate) fn explain(problem: Problem, limits: Limits, took: Duration) -> Problem {
    match limits.minutes {
        Some(minutes)
            if matches!(problem.code, Code::StatementTimeout | Code::ConnectionTimeout)
                && took >= Duration::from_secs(60 * minutes) =>
        {
            Problem::new(
                Code::StatementTimeout,
                format!("The read took longer than the {minutes} minutes that this connection allows. Nothing was changed."),
            )
            .fix("Raise the limit on the connection's page, or import fewer columns.")
        }
        _ => problem,
    }
}

/// The longest read, and so the longest snapshot that Mycorr holds at a source: as long, VACUUM removes nothing there
/// that is newer.
pub(crate) const MAX_READ_SECONDS: u64 = 24 * 3600;

/// How long a read through the connection may take.
pub fn longest_read_seconds(limits: Limits) -> u64 {
    limits.minutes.map_or(MAX_READ_SECONDS, |minutes| MAX_READ_SECONDS.min(60 * minutes))
}

/// How long a read of so many bytes takes at the connection's pace, and holds its snapshot. `None` without a pace.
pub fn read_seconds(limits: Limits, bytes: u64) -> Option<u64> {
    limits.bytes_per_second.map(|pace| bytes.div_ceil(pace))
}

/// Refuses a read that its own limits would end before it is done, as the source estimates its size. Of a part of the
/// columns nothing is known.
pub(crate) fn check_duration(
    limits: Limits,
    table: &TableDescription,
    all_columns: bool,
) -> Result<(), Problem> {
    let bytes = table.entry.bytes.filter(|_| all_columns);
    let Some((bytes, pace)) = bytes.zip(limits.bytes_per_second) else { return Ok(()) };
    let (seconds, longest) = (bytes.div_ceil(pace), longest_read_seconds(limits));
    if seconds <= longest {
        return Ok(());
    }
    Err(Problem::new(
        Code::StatementTimeout,
        format!(
            "At {pace} bytes per second, the limit of this connection, the {bytes} bytes of {}.{} take {} hours. \
             A read may take {} hours, because it holds a snapshot at the source. Nothing was read.",
            table.entry.schema,
            table.entry.name,
            seconds.div_ceil(3600),
            longest.div_ceil(3600),
        ),
    )
    .fix("Raise the limits on the connection's page, or import fewer columns."))
}

/// What a limit may be. `largest_read` is what the largest import through the connection brought, in bytes: a pace at
/// which it could not be brought again is refused.
pub(crate) fn check(limits: Limits, largest_read: u64) -> Result<Limits, Problem> {
    let within = |field: &'static str, value: Option<u64>, least: u64, most: u64| match value {
        Some(value) if !(least..=most).contains(&value) => Err(Problem::invalid(
            field,
            format!("This has to be a number from {least} to {most}, or null for no limit."),
        )),
        _ => Ok(()),
    };
    within("limits.bytes_per_second", limits.bytes_per_second, 10_000, 1 << 40)?;
    within("limits.imports", limits.imports, 1, 64)?;
    within("limits.minutes", limits.minutes, 1, 24 * 60)?;
    let longest = longest_read_seconds(limits);
    if read_seconds(limits, largest_read).is_some_and(|seconds| seconds > longest) {
        return Err(Problem::invalid(
            "limits.bytes_per_second",
            format!(
                "The largest table through this connection is {largest_read} bytes: at least {} bytes per second are \
                 needed to read it within {} minutes. A slower read would hold its snapshot at the source for longer.",
                largest_read.div_ceil(longest),
                longest / 60,
            ),
        ));
    }
    Ok(limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn imports_of_a_connection_share_its_pace() {
        let folder = tempfile::tempdir().unwrap();
        let meta = Meta::open(&format!("sqlite:{}", folder.path().join("meta.db").display())).await.unwrap();
        let id = ConnectionId::new();
        let limits = Limits { bytes_per_second: Some(1000), ..Limits::default() };
        let of = |id| Throttle::of(&meta, id, limits).unwrap();
        let (mut one, mut two, mut other) = (of(id), of(id), of(ConnectionId::new()));
        assert_eq!(one.after(50).await, Duration::ZERO, "charged with what comes next");
        let first = one.after(60_000).await;
        let second = two.after(60_000).await;
        assert!(first > Duration::from_secs(30) && second > first, "{first:?} {second:?}");
        assert!(other.after(1000).await <= Duration::from_secs(1));
        assert!(Throttle::of(&meta, id, Limits::default()).is_none());
    }

    #[test]
    fn the_connections_own_end_is_told_apart_from_the_servers() {
        let ended = || Problem::new(Code::StatementTimeout, "The server stopped the read.");
        let limits = Limits { minutes: Some(2), ..Limits::default() };
        assert_eq!(explain(ended(), limits, Duration::from_secs(30)), ended());
        assert!(explain(ended(), limits, Duration::from_secs(120)).detail.contains("2 minutes"));
        assert_eq!(scan_limits(limits, 5, None).total, Duration::from_secs(120));
        assert!(check(Limits { imports: Some(0), ..Limits::default() }, 0).is_err());
    }

    #[test]
    fn a_pace_must_bring_the_largest_table_within_the_longest_read() {
        let pace = |bytes_per_second, minutes| Limits {
            bytes_per_second: Some(bytes_per_second),
            minutes,
            ..Limits::default()
        };
        let day = 10_000 * MAX_READ_SECONDS;
        assert!(check(pace(10_000, None), day).is_ok());
        let refused = check(pace(10_000, None), day + 1).unwrap_err();
        assert!(refused.fields[0].message.contains("10001 bytes per second"), "{refused:?}");
        assert!(check(pace(10_000, Some(60)), 10_000 * 3600 + 1).is_err());
        assert!(check(Limits::default(), u64::MAX).is_ok());
        assert_eq!(read_seconds(pace(10_000, None), 25_000), Some(3));
    }
}
