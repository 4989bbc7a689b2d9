//! What a sync may change without asking, and which versions of a table are kept.

use crate::{
    column::Column,
    problem::{Problem, Result},
    source::{SourceChange, SourceRecord},
};
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// When a sync is held: its rows are stored beside the table, and a person decides whether they become a version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    #[default]
    Never,
    /// When it breaks something, see [`HoldCode`].
    Breaking,
    /// Whenever it finds something new.
    Always,
}

/// Which versions stay: those that any of the two keeps, the newest, and checkpoints. All of them where neither is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keep {
    /// So many of the newest.
    pub versions: Option<u32>,
    /// Those that are not older.
    pub days: Option<u32>,
}

/// How a table is synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SyncPolicy {
    pub hold: Hold,
    /// More rows lost than this share of the version before break something.
    pub max_rows_lost_percent: u8,
    pub keep: Keep,
    /// Whether each sync proves itself (see `POST /tables/{id}/verify`).
    pub verify: bool,
}

impl Default for SyncPolicy {
    fn default() -> Self {
        Self { hold: Hold::Never, max_rows_lost_percent: 20, keep: Keep::default(), verify: false }
    }
}

/// Why a sync is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldCode {
    ColumnGone,
    ColumnRetyped,
    ColumnUnreadable,
    NoRows,
    RowsLost,
    RowSecurity,
    AnotherTable,
    /// The policy holds every change.
    Changed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldReason {
    pub code: HoldCode,
    pub message: String,
}

/// What is compared: a version, or what is to become one.
#[derive(Clone, Copy)]
pub struct Compared<'a> {
    pub columns: &'a [Column],
    pub rows: u64,
    pub source: Option<&'a SourceRecord>,
}

const KEPT_VERSIONS: RangeInclusive<u32> = 1..=100_000;
const KEPT_DAYS: RangeInclusive<u32> = 1..=36_500;

impl SyncPolicy {
    /// # Errors
    /// `invalid`, for all that is wrong.
    pub fn checked(self) -> Result<Self> {
        let mut wrong = Vec::new();
        if self.max_rows_lost_percent > 100 {
            wrong.push(("max_rows_lost_percent", "A whole number from 0 to 100.".to_owned()));
        }
        for (field, value, allowed) in
            [("keep.versions", self.keep.versions, KEPT_VERSIONS), ("keep.days", self.keep.days, KEPT_DAYS)]
        {
            if value.is_some_and(|value| !allowed.contains(&value)) {
                let message = format!("From {} to {}, or left out.", allowed.start(), allowed.end());
                wrong.push((field, message));
            }
        }
        let mut wrong = wrong.into_iter();
        match wrong.next() {
            None => Ok(self),
            Some((field, message)) => Err(wrong
                .fold(Problem::invalid(field, message), |problem, (field, message)| {
                    problem.field(field, message)
                })),
        }
    }

    /// Why a sync that would replace `before` by `after` is held; nothing if it is not. `unreadable`: names of columns that
    /// are there, but not readable any more.
    pub fn reasons(
        &self,
        before: Compared<'_>,
        after: Compared<'_>,
        unreadable: &[String],
    ) -> Vec<HoldReason> {
        if self.hold == Hold::Never {
            return Vec::new();
        }
        let mut reasons = Vec::new();
        let mut add = |code, message: String| reasons.push(HoldReason { code, message });
        let change = after.source.and_then(|source| source.change);
        let another = change == Some(SourceChange::AnotherTable);
        if another {
            let name =
                after.source.map(|source| format!("{}.{}", source.schema, source.table)).unwrap_or_default();
            add(HoldCode::AnotherTable, format!("{name} is another table now, under the same name."));
        }
        for column in before.columns {
            let now = after.columns.iter().find(|now| match another {
                true => now.name == column.name,
                false => now.position == column.position,
            });
            let (name, was) = (&column.name, &column.pg_type);
            match now {
                None if unreadable.contains(name) => {
                    add(
                        HoldCode::ColumnUnreadable,
                        format!("The role may not read the column {name} any more."),
                    );
                }
                None => add(HoldCode::ColumnGone, format!("The column {name} is gone.")),
                Some(now) if now.pg_type != *was => {
                    add(
                        HoldCode::ColumnRetyped,
                        format!("The column {name} was {was} and is {}.", now.pg_type),
                    );
                }
                Some(_) => {}
            }
        }
        let secured = |of: Compared<'_>| of.source.map(|source| source.row_security);
        if secured(before) == Some(false) && secured(after) == Some(true) {
            let message = "Row-level security is on for the table now: the role may not see all rows.";
            add(HoldCode::RowSecurity, message.to_owned());
        }
        let lost = before.rows.saturating_sub(after.rows);
        if before.rows > 0 && after.rows == 0 {
            add(HoldCode::NoRows, format!("The table is empty. It had {} rows.", before.rows));
        } else if u128::from(lost) * 100 > u128::from(self.max_rows_lost_percent) * u128::from(before.rows) {
            let (most, of) = (self.max_rows_lost_percent, before.rows);
            add(HoldCode::RowsLost, format!("{lost} of {of} rows are gone, which is more than {most} %."));
        }
        if reasons.is_empty() && self.hold == Hold::Always {
            let message = "Every sync of this table that finds something new waits for a decision.";
            reasons.push(HoldReason { code: HoldCode::Changed, message: message.to_owned() });
        }
        reasons
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{column::ColumnType, id::ConnectionId};

    fn column(position: i16, name: &str, pg_type: &str) -> Column {
        Column {
            name: name.into(),
            position,
            pg_type: pg_type.into(),
            stored: ColumnType::Text,
            nullable: true,
            field: name.into(),
            tree: None,
        }
    }

    fn source(row_security: bool, change: Option<SourceChange>) -> SourceRecord {
        SourceRecord {
            connection: ConnectionId::from_uuid(uuid::Uuid::nil()),
            schema: "s".into(),
            table: "t".into(),
            oid: 1,
            chosen: None,
            keys: None,
            foreign_keys: Vec::new(),
            server_version: String::new(),
            role: String::new(),
            row_security,
            filter: Vec::new(),
            masks: Vec::new(),
            change,
        }
    }

    #[test]
    fn only_what_breaks_is_held() {
        use HoldCode::*;
        let before = [column(1, "id", "bigint"), column(2, "a", "text"), column(3, "b", "text")];
        let renamed = [
            column(1, "id", "bigint"),
            column(2, "x", "text"),
            column(3, "b", "text"),
            column(4, "c", "text"),
        ];
        let gone = [column(1, "id", "integer"), column(2, "a", "text")];
        let (open, secured) = (source(false, None), source(true, None));
        let other = source(false, Some(SourceChange::AnotherTable));
        let moved = [column(1, "a", "text"), column(2, "id", "bigint"), column(3, "b", "text")];
        type Case<'a> = (&'a [Column], u64, &'a SourceRecord, &'a [&'a str], &'a [HoldCode]);
        let cases: [Case<'_>; 9] = [
            (&before, 100, &open, &[], &[]),
            (&renamed, 200, &open, &[], &[]),
            (&before, 80, &open, &[], &[]),
            (&before, 79, &open, &[], &[RowsLost]),
            (&before, 0, &open, &[], &[NoRows]),
            (&gone, 100, &open, &[], &[ColumnRetyped, ColumnGone]),
            (&gone, 100, &open, &["b"], &[ColumnRetyped, ColumnUnreadable]),
            (&before, 100, &secured, &[], &[RowSecurity]),
            (&moved, 100, &other, &[], &[AnotherTable]),
        ];
        for (columns, rows, now, unreadable, expected) in cases {
            let unreadable: Vec<_> = unreadable.iter().map(|name| (*name).to_owned()).collect();
            let was = Compared { columns: &before, rows: 100, source: Some(&open) };
            let now = Compared { columns, rows, source: Some(now) };
            let held = |hold| {
                let reasons = SyncPolicy { hold, ..SyncPolicy::default() }.reasons(was, now, &unreadable);
                reasons.iter().map(|reason| reason.code).collect::<Vec<_>>()
            };
            assert_eq!(held(Hold::Breaking), expected);
            assert_eq!(held(Hold::Always), if expected.is_empty() { &[Changed] } else { expected });
            assert_eq!(held(Hold::Never), []);
        }
    }

    #[test]
    fn all_that_is_wrong_is_said() {
        let keep = Keep { versions: Some(0), days: Some(40_000) };
        let policy = SyncPolicy { max_rows_lost_percent: 101, keep, ..SyncPolicy::default() };
        assert_eq!(policy.checked().unwrap_err().fields.len(), 3);
        assert!(SyncPolicy::default().checked().is_ok());
    }
}
