//! When a schedule is due: five fields of cron on the clock of a time zone.

use crate::{Problem, Result};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use std::str::FromStr;

/// A cron expression of five fields with its time zone, and how far its runs are spread.
///
/// Daylight saving time follows Vixie cron, as croner documents it: a fixed time in the hour that is skipped is due at
/// the end of the gap, a fixed time in the hour that comes twice is due the first time only; an expression with `*` or
/// a step in its minutes or hours goes by the clock on the wall and is due in both.
#[derive(Clone, Debug)]
pub struct CronSchedule {
    cron: Cron,
    text: String,
    zone: Tz,
    offset: TimeDelta,
}

/// More characters no useful expression has.
const MAX_CHARS: usize = 200;
/// Runs are spread over at most a day.
pub const MAX_JITTER_SECONDS: u32 = 24 * 60 * 60;

impl CronSchedule {
    /// `seed` decides where within `jitter_seconds` its runs begin: the same in every process.
    ///
    /// # Errors
    /// `invalid`, with all of the fields `cron`, `time_zone` and `jitter_seconds` that are wrong.
    pub fn parse(cron: &str, time_zone: &str, jitter_seconds: u32, seed: u64) -> Result<Self> {
        let text = cron.split_whitespace().collect::<Vec<_>>().join(" ");
        let parsed = parse_cron(&text);
        let zone = Tz::from_str(time_zone.trim());
        let mut wrong = Vec::new();
        if let Err(message) = &parsed {
            wrong.push(("cron", message.clone()));
        }
        if zone.is_err() {
            wrong.push((
                "time_zone",
                "Not a time zone of the IANA database, like Europe/Berlin or UTC.".to_owned(),
            ));
        }
        if jitter_seconds > MAX_JITTER_SECONDS {
            wrong
                .push(("jitter_seconds", format!("This has to be a number from 0 to {MAX_JITTER_SECONDS}.")));
        }
        let (Ok(cron), Ok(zone), true) = (parsed, zone, wrong.is_empty()) else {
            let first = wrong.first().map(|(_, message)| message.clone()).unwrap_or_default();
            let problem = Problem::new(crate::Code::Invalid, first);
            return Err(wrong
                .into_iter()
                .fold(problem, |problem, (field, message)| problem.field(field, message)));
        };
        let offset = TimeDelta::seconds((seed % (u64::from(jitter_seconds) + 1)) as i64);
        let schedule = Self { cron, text, zone, offset };
        if schedule.next_after(Utc::now()).is_none() {
            return Err(Problem::invalid("cron", "This is never due: there is no such day."));
        }
        Ok(schedule)
    }

    /// The five fields, separated by single spaces.
    pub fn cron(&self) -> &str {
        &self.text
    }

    /// The zone's name in the IANA database.
    pub fn time_zone(&self) -> &'static str {
        self.zone.name()
    }

    /// What it says, in English: "At 06:00, on weekdays."
    pub fn description(&self) -> String {
        self.cron.describe()
    }

    /// When it is due next, later than `at`; `None` if never again.
    pub fn next_after(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let local = (at - self.offset).with_timezone(&self.zone);
        let next = self.cron.find_next_occurrence(&local, false).ok()?;
        Some(next.with_timezone(&Utc) + self.offset)
    }
}

fn parse_cron(text: &str) -> Result<Cron, String> {
    let fields = text.split(' ').filter(|field| !field.is_empty()).count();
    if fields != 5 || text.starts_with('@') {
        return Err("Five fields are needed: minute, hour, day of month, month, day of week.".to_owned());
    }
    if text.chars().count() > MAX_CHARS {
        return Err(format!("At most {MAX_CHARS} characters."));
    }
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    parser.parse(text).map_err(|_| {
        "Not a valid cron expression. `0 6 * * 1-5` is due at 6:00 from Monday to Friday, `*/15 * * * *` every 15 minutes."
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// The first `N` times after a moment, in UTC.
    fn due<const N: usize>(cron: &str, zone: &str, after: &str) -> [String; N] {
        let schedule = CronSchedule::parse(cron, zone, 0, 0).unwrap();
        let mut now = at(after);
        std::array::from_fn(|_| {
            now = schedule.next_after(now).unwrap();
            now.format("%m-%d %H:%M").to_string()
        })
    }

    /// Berlin: 2026-03-29 02:00 becomes 03:00, 2026-10-25 03:00 becomes 02:00 again.
    #[test]
    fn time_in_the_skipped_hour_is_due_once_after_the_gap() {
        let before = "2026-03-28T12:00:00Z";
        assert_eq!(due("30 2 * * *", "Europe/Berlin", before), ["03-29 01:00", "03-30 00:30"]);
        assert_eq!(
            due("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:29:00Z"),
            ["03-29 00:30", "03-29 01:00"]
        );
        assert_eq!(due("0 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z"), ["03-29 01:00", "03-29 02:00"]);
        // New York, 2026-03-08.
        assert_eq!(
            due("15 2 * * *", "America/New_York", "2026-03-08T00:00:00Z"),
            ["03-08 07:00", "03-09 06:15"]
        );
    }

    #[test]
    fn fixed_time_in_the_repeated_hour_is_due_once_and_intervals_go_on() {
        let before = "2026-10-24T12:00:00Z";
        assert_eq!(due("30 2 * * *", "Europe/Berlin", before), ["10-25 00:30", "10-26 01:30"]);
        assert_eq!(
            due("*/30 * * * *", "Europe/Berlin", "2026-10-24T23:59:00Z"),
            ["10-25 00:00", "10-25 00:30", "10-25 01:00", "10-25 01:30", "10-25 02:00"]
        );
        // Half an hour: Lord Howe, 2026-04-05 02:00 becomes 01:30 again.
        assert_eq!(
            due("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00:00Z"),
            ["04-04 14:45", "04-05 15:15"]
        );
    }

    #[test]
    fn months_and_leap_years() {
        assert_eq!(due("0 0 31 * *", "UTC", "2026-01-31T00:00:00Z"), ["03-31 00:00", "05-31 00:00"]);
        assert_eq!(due("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z"), ["02-29 00:00"]);
        // Either of the two days, as Vixie cron has it.
        assert_eq!(due("0 0 1 * MON", "UTC", "2026-05-30T00:00:00Z"), ["06-01 00:00", "06-08 00:00"]);
    }

    #[test]
    fn jitter_is_a_constant_of_the_seed() {
        let plain = CronSchedule::parse("0 * * * *", "UTC", 0, 77).unwrap();
        let spread = CronSchedule::parse("0 * * * *", "UTC", 600, 77).unwrap();
        let mut now = at("2026-01-01T00:00:00Z");
        let mut offsets = std::collections::HashSet::new();
        for _ in 0..10 {
            let (due, later) = (plain.next_after(now).unwrap(), spread.next_after(now).unwrap());
            offsets.insert((later - due).num_seconds().rem_euclid(3600));
            now = due;
        }
        assert_eq!(offsets.into_iter().collect::<Vec<_>>(), [77]);
        // A jitter longer than the interval loses no run.
        let long = CronSchedule::parse("*/5 * * * *", "UTC", 3600, 3000).unwrap();
        let first = long.next_after(at("2026-01-01T00:00:00Z")).unwrap();
        assert_eq!(long.next_after(first).unwrap() - first, TimeDelta::minutes(5));
    }

    #[test]
    fn wrong_fields_are_named_together() {
        for bad in [
            "",
            "* * * *",
            "* * * * * *",
            "0 0 * * * * 2027",
            "@daily",
            "61 * * * *",
            "0 25 * * *",
            "a b c d e",
            "* * * * 9",
        ] {
            let problem = CronSchedule::parse(bad, "UTC", 0, 0).unwrap_err();
            assert_eq!(problem.fields[0].field, "cron", "{bad}");
        }
        assert_eq!(CronSchedule::parse("0 0 30 2 *", "UTC", 0, 0).unwrap_err().fields[0].field, "cron");
        let problem = CronSchedule::parse("nonsense", "Mars/Base", MAX_JITTER_SECONDS + 1, 0).unwrap_err();
        let fields: Vec<_> = problem.fields.iter().map(|field| field.field.as_ref()).collect();
        assert_eq!(fields, ["cron", "time_zone", "jitter_seconds"]);
        let fine = CronSchedule::parse("  0   6 * *  mon-fri ", "europe/berlin", 0, 0);
        assert!(fine.is_err(), "names of zones are as the database writes them");
        assert_eq!(
            CronSchedule::parse(" 0  6 * * mon-fri", "Europe/Berlin", 0, 0).unwrap().cron(),
            "0 6 * * mon-fri"
        );
    }
}
