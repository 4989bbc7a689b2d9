//! What may be tried only so often, counted for all processes that share the metadata. A row says until when what was
//! charged to its key is paid for (the "theoretical arrival time" of GCRA, ITU-T I.371): one UPSERT charges it, by the
//! database's clock.

use crate::{Meta, db};
use mycorr_domain::Result;
use sea_orm::ConnectionTrait;
use std::time::Duration;

/// `burst` charges at once, then one each `interval`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub burst: u32,
    pub interval: Duration,
}

impl Rate {
    fn capacity(self) -> i64 {
        micros(self.interval).saturating_mul(self.burst.into())
    }
}

/// What came of a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    Taken,
    /// Nothing was charged; it can be after this time.
    Refused(Duration),
}

/// A clock that was ahead when a row was written holds nobody up for longer than this.
const MAX_DEBT: Duration = Duration::from_secs(60 * 60);

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn duration(micros: i64) -> Duration {
    Duration::from_micros(micros.max(0) as u64)
}

impl Meta {
    /// Charges one attempt to a key, if its rate allows one.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn charge(&self, key: &str, rate: Rate) -> Result<Charge> {
        let (cost, capacity) = (micros(rate.interval), rate.capacity());
        if self.add(key, cost, capacity, Some(capacity)).await?.is_some() {
            return Ok(Charge::Taken);
        }
        let now = self.clock();
        let sql = format!("SELECT until - {now} AS paid FROM throttles WHERE key = $1");
        let row = self.db.query_one_raw(self.statement(sql, [key.into()])).await.map_err(db)?;
        let paid: i64 = row.map(|row| row.try_get("", "paid")).transpose().map_err(db)?.unwrap_or(0);
        Ok(Charge::Refused(duration(paid.min(capacity) + cost - capacity).max(Duration::from_millis(1))))
    }

    /// Charges a price, whatever was charged before; how long it takes until everything is paid for.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn charge_price(&self, key: &str, price: Duration) -> Result<Duration> {
        let paid = self.add(key, micros(price), micros(MAX_DEBT), None).await?;
        Ok(duration(paid.unwrap_or(0)))
    }

    /// Gives a charge back: the attempt did not fail.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn refund(&self, key: &str, rate: Rate) -> Result<()> {
        let sql = "UPDATE throttles SET until = until - $2 WHERE key = $1".to_owned();
        let values = [key.into(), micros(rate.interval).into()];
        self.db.execute_raw(self.statement(sql, values)).await.map_err(db)?;
        Ok(())
    }

    /// Remembers a key for so long.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn remember(&self, key: &str, long: Duration) -> Result<()> {
        let until = format!("{} + $2", self.clock());
        let sql = format!(
            "INSERT INTO throttles (key, until) VALUES ($1, {until}) ON CONFLICT (key) DO UPDATE SET until = {until}"
        );
        self.db.execute_raw(self.statement(sql, [key.into(), micros(long).into()])).await.map_err(db)?;
        Ok(())
    }

    /// Whether a key is remembered.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn remembers(&self, key: &str) -> Result<bool> {
        let sql = format!("SELECT 1 FROM throttles WHERE key = $1 AND until > {}", self.clock());
        let row = self.db.query_one_raw(self.statement(sql, [key.into()])).await.map_err(db)?;
        Ok(row.is_some())
    }

    /// Forgets what is paid for. Returns how many keys that were.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn delete_paid(&self) -> Result<u64> {
        let sql = format!("DELETE FROM throttles WHERE until < {}", self.clock());
        Ok(self.db.execute_raw(self.statement(sql, [])).await.map_err(db)?.rows_affected())
    }

    /// Adds to what a key owes, which is at most `clamp` from now. Unless what it then owes is within `capacity`,
    /// nothing is changed and `None` is returned.
    async fn add(&self, key: &str, cost: i64, clamp: i64, capacity: Option<i64>) -> Result<Option<i64>> {
        let now = self.clock();
        // More than can be owed was written by a clock that was ahead.
        let owed = format!(
            "CASE WHEN throttles.until > {now} + $3 THEN {now} + $3 - $2 \
             WHEN throttles.until < {now} THEN {now} ELSE throttles.until END"
        );
        let within = capacity.map_or_else(String::new, |_| format!("WHERE ({owed}) + $2 <= {now} + $3"));
        let sql = format!(
            "INSERT INTO throttles (key, until) VALUES ($1, {now} + $2) \
             ON CONFLICT (key) DO UPDATE SET until = ({owed}) + $2 {within} RETURNING until - {now} AS paid"
        );
        let values = [key.into(), cost.into(), clamp.into()];
        let row = self.db.query_one_raw(self.statement(sql, values)).await.map_err(db)?;
        row.map(|row| row.try_get("", "paid")).transpose().map_err(db)
    }
}
