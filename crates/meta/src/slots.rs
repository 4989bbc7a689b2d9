//! A number of places that all processes share. Each is a row of `throttles` that says until when it is taken, so the
//! place of a process that died is free again when that is over by the database's clock.

use crate::{Meta, db};
use mycorr_domain::Result;
use sea_orm::ConnectionTrait;
use std::time::Duration;

/// A place that was taken, to be given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    key: String,
    until: i64,
}

impl Meta {
    /// Whether other machines may use this database.
    pub fn has_several_nodes(&self) -> bool {
        self.file.is_none()
    }

    /// Takes one of `slots` places under `key`, for `ttl` at most; `None` if all are taken.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn take_slot(&self, key: &str, slots: usize, ttl: Duration) -> Result<Option<Slot>> {
        let now = self.clock();
        let ttl = i64::try_from(ttl.as_micros()).unwrap_or(i64::MAX);
        // What is taken for longer than that was written by a clock that was ahead.
        let free = format!("(throttles.until <= {now} OR throttles.until > {now} + $2)");
        let sql = format!(
            "INSERT INTO throttles (key, until) VALUES ($1, {now} + $2) \
             ON CONFLICT (key) DO UPDATE SET until = {now} + $2 WHERE {free} RETURNING until"
        );
        for number in 0..slots {
            let key = format!("{key}:{number}");
            let statement = self.statement(&sql, [key.as_str().into(), ttl.into()]);
            if let Some(row) = self.db.query_one_raw(statement).await.map_err(db)? {
                return Ok(Some(Slot { key, until: row.try_get("", "until").map_err(db)? }));
            }
        }
        Ok(None)
    }

    /// Gives a place back, if nobody else has taken it since.
    ///
    /// # Errors
    /// `storage_full`, `storage_unavailable`.
    pub async fn free_slot(&self, slot: &Slot) -> Result<()> {
        let sql = "DELETE FROM throttles WHERE key = $1 AND until = $2";
        let values = [slot.key.as_str().into(), slot.until.into()];
        self.db.execute_raw(self.statement(sql, values)).await.map_err(db)?;
        Ok(())
    }
}
