//! What a connection's owner allows Mycorr to ask of the database: bytes per second and the length of an import,
//! kept here by reading no faster, so that the database waits (imports at a time are kept by `meta`).

use mycorr_domain::{Code, ConnectionId, Problem};
use mycorr_meta::Limits;
use mycorr_pgread::ScanLimits;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};
use tokio::time::Instant;

/// One pace for all imports through a connection that this process runs.
#[derive(Default)]
pub(crate) struct Paces(Mutex<HashMap<ConnectionId, Weak<Mutex<Instant>>>>);

/// How fast a connection may be read.
pub(crate) struct Pace {
    bytes_per_second: u64,
    /// When everything that was read is paid for.
    paid: Arc<Mutex<Instant>>,
}

impl Paces {
    /// `None` where there is no ceiling.
    pub(crate) fn of(&self, id: ConnectionId, limits: Limits) -> Option<Pace> {
        let bytes_per_second = limits.bytes_per_second?;
        let mut paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let paid = paces.get(&id).and_then(Weak::upgrade).unwrap_or_else(|| {
            paces.retain(|_, pace| pace.strong_count() > 0);
            let paid = Arc::new(Mutex::new(Instant::now()));
            paces.insert(id, Arc::downgrade(&paid));
            paid
        });
        Some(Pace { bytes_per_second, paid })
    }
}

impl Pace {
    /// How long to read nothing after `bytes` more have come.
    pub(crate) fn after(&self, bytes: u64) -> Duration {
        self.after_at(bytes, Instant::now())
    }

    fn after_at(&self, bytes: u64, now: Instant) -> Duration {
        let price = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64);
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        *paid = (*paid).max(now) + price;
        *paid - now
    }
}

/// The ends of a read, with the connection's own.
pub(crate) fn scan_limits(limits: Limits, largest_row: usize) -> ScanLimits {
    let general = ScanLimits { row: largest_row, ..ScanLimits::default() };
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

/// What a limit may be.
pub(crate) fn check(limits: Limits) -> Result<Limits, Problem> {
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
    Ok(limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_imports_share_a_pace() {
        let paces = Paces::default();
        let (id, limits) =
            (ConnectionId::new(), Limits { bytes_per_second: Some(1000), ..Limits::default() });
        let (one, two) = (paces.of(id, limits).unwrap(), paces.of(id, limits).unwrap());
        let now = Instant::now() + Duration::from_secs(60);
        assert_eq!(one.after_at(500, now), Duration::from_millis(500));
        assert_eq!(two.after_at(1500, now), Duration::from_secs(2));
        let later = now + Duration::from_secs(10);
        assert_eq!(one.after_at(100, later), Duration::from_millis(100), "nothing is saved up");
        let other = paces.of(ConnectionId::new(), limits).unwrap();
        assert_eq!(other.after_at(1000, later), Duration::from_secs(1));
        assert!(paces.of(id, Limits::default()).is_none());
    }

    #[test]
    fn the_connections_own_end_is_told_apart_from_the_servers() {
        let ended = || Problem::new(Code::StatementTimeout, "The server stopped the read.");
        let limits = Limits { minutes: Some(2), ..Limits::default() };
        assert_eq!(explain(ended(), limits, Duration::from_secs(30)), ended());
        assert!(explain(ended(), limits, Duration::from_secs(120)).detail.contains("2 minutes"));
        assert_eq!(scan_limits(limits, 5).total, Duration::from_secs(120));
        assert!(check(Limits { imports: Some(0), ..Limits::default() }).is_err());
    }
}
