//! Dates, times and intervals as PostgreSQL prints them and people write them (ISO 8601, `DateStyle` ISO,
//! `IntervalStyle` postgres), as the numbers by which PostgreSQL compares them.

use mycorr_domain::output::days_from_civil;

pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const DAY: i64 = 86_400 * SECOND;

/// `-infinity` and `infinity`, below and above everything.
fn infinite(text: &str) -> Option<bool> {
    match text {
        "-infinity" => Some(false),
        "infinity" | "+infinity" => Some(true),
        _ => None,
    }
}

/// Days since 1970-01-01; the infinities are the extremes.
pub(crate) fn date(text: &str) -> Option<i64> {
    let text = text.trim();
    match infinite(text) {
        Some(above) => Some(if above { i64::MAX } else { i64::MIN }),
        None => {
            let (text, before_christ) = era(text);
            day(text, before_christ)
        }
    }
}

/// Microseconds since 1970-01-01 00:00 (UTC where the type has a zone, which may be left out); the
/// infinities are the extremes.
pub(crate) fn timestamp(text: &str, with_zone: bool) -> Option<i128> {
    let text = text.trim();
    if let Some(above) = infinite(text) {
        return Some(if above { i128::MAX } else { i128::MIN });
    }
    let (text, before_christ) = era(text);
    let (date, clock) = text.split_once([' ', 'T', 't']).unwrap_or((text, "00:00"));
    let (clock, west) = zone(clock.trim_start(), with_zone)?;
    let micros = i128::from(day(date, before_christ)?) * i128::from(DAY);
    Some(micros + i128::from(time(clock)?) + i128::from(west * SECOND))
}

/// Microseconds since midnight, up to 24:00.
pub(crate) fn time(text: &str) -> Option<i64> {
    let mut parts = text.trim().split(':');
    let (hour, minute) = (digits(parts.next()?, 1, 2)?, digits(parts.next()?, 2, 2)?);
    let second = parts.next().map_or(Some(0), second)?;
    let micros = (hour * 60 + minute) * 60 * SECOND + second;
    (parts.next().is_none() && minute < 60 && second <= 60 * SECOND && micros <= DAY).then_some(micros)
}

/// A number that sorts as `timetz_cmp` does: by the instant in UTC, then by the zone, west last.
pub(crate) fn timetz(text: &str) -> Option<i64> {
    let (clock, west) = zone(text.trim(), true)?;
    let instant = time(clock)? + west * SECOND;
    // A zone is less than 16 hours away: 17 bits.
    Some((instant << 17) + west + (1 << 16))
}

/// Microseconds with months of 30 days and days of 24 hours, as `interval_cmp` has it; the infinities
/// (PostgreSQL 17) are the extremes.
pub(crate) fn interval(text: &str) -> Option<i128> {
    let text = text.trim();
    if let Some(above) = infinite(text) {
        return Some(if above { i128::MAX } else { i128::MIN });
    }
    let mut micros = 0i128;
    let mut words = text.split_ascii_whitespace().peekable();
    words.peek()?;
    while let Some(word) = words.next() {
        let (sign, unsigned) = match word.as_bytes().first()? {
            b'-' => (-1, &word[1..]),
            b'+' => (1, &word[1..]),
            _ => (1, word),
        };
        if unsigned.contains(':') {
            let mut parts = unsigned.split(':');
            // More hours than a day has are fine here.
            let (hour, minute) = (digits(parts.next()?, 1, 12)?, digits(parts.next()?, 2, 2)?);
            let second = parts.next().map_or(Some(0), second)?;
            if parts.next().is_some() || minute > 59 || second >= 60 * SECOND {
                return None;
            }
            micros += sign * (i128::from(hour * 60 + minute) * 60 * i128::from(SECOND) + i128::from(second));
        } else {
            let count = i128::from(digits(unsigned, 1, 12)?);
            let days = |days: i128| days * i128::from(DAY);
            let seconds = |seconds: i128| seconds * i128::from(SECOND);
            micros += sign
                * count
                * match words.next()?.trim_end_matches('s') {
                    "year" => days(360),
                    "mon" | "month" => days(30),
                    "week" => days(7),
                    "day" => days(1),
                    "hour" => seconds(3600),
                    "minute" | "min" => seconds(60),
                    "second" | "sec" => seconds(1),
                    _ => return None,
                };
        }
    }
    Some(micros)
}

fn era(text: &str) -> (&str, bool) {
    match text.strip_suffix(" BC") {
        Some(text) => (text, true),
        None => (text, false),
    }
}

/// A number of so many digits.
fn digits(text: &str, least: usize, most: usize) -> Option<i64> {
    let fits = (least..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

/// `05.25` in microseconds.
fn second(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let fraction = digits(fraction, 1, 6)? * 10i64.pow(6 - fraction.len() as u32);
    Some(digits(whole, 2, 2)? * SECOND + fraction)
}

/// What stands before a zone (`Z`, `+02`, `-03:30`, `+00:19:32`), and its seconds west of UTC.
fn zone(text: &str, allowed: bool) -> Option<(&str, i64)> {
    let Some(at) = text.find(['+', '-', 'Z', 'z']) else { return Some((text, 0)) };
    if !allowed {
        return None;
    }
    let (clock, zone) = (text[..at].trim_end(), &text[at..]);
    if zone.eq_ignore_ascii_case("z") {
        return Some((clock, 0));
    }
    let mut parts = zone[1..].split(':');
    let mut seconds = digits(parts.next()?, 1, 2)? * 3600;
    for unit in [60, 1] {
        seconds += parts.next().map_or(Some(0), |part| digits(part, 2, 2).filter(|&n| n < 60))? * unit;
    }
    let in_range = parts.next().is_none() && seconds < 16 * 3600;
    in_range.then_some((clock, if zone.starts_with('+') { -seconds } else { seconds }))
}

/// `2000-01-31` in days since 1970-01-01.
fn day(text: &str, before_christ: bool) -> Option<i64> {
    let mut parts = text.split('-');
    let year = digits(parts.next()?, 4, 7)?;
    let (month, day) = (digits(parts.next()?, 1, 2)?, digits(parts.next()?, 1, 2)?);
    let year = if before_christ { 1 - year } else { year };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let valid = parts.next().is_none() && (1..=12).contains(&month) && (1..=longest).contains(&day);
    valid.then(|| days_from_civil(year, month, day))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mycorr_domain::output;
    use proptest::prelude::*;

    #[test]
    fn what_is_refused() {
        for bad in ["", "2024-02-30", "2023-02-29", "2024-13-01", "24-01-01", "2024-01-01x", "x", "2024-1"] {
            assert_eq!(date(bad), None, "{bad}");
        }
        for bad in ["2024-01-01 25:00", "2024-01-01 10:60", "2024-01-01 10:00+2:0", "2024-01-01 10:00+16"] {
            assert_eq!(timestamp(bad, true), None, "{bad}");
        }
        assert_eq!(timestamp("2024-01-01 10:00+02", false), None);
        for bad in ["", "24:00:01", "1", "10:0", "10:00:00.1234567", "-10:00"] {
            assert_eq!(time(bad), None, "{bad}");
        }
        for bad in ["", "1", "day", "1 dog", "1:2:3", "10:60", "1.5 days"] {
            assert_eq!(interval(bad), None, "{bad}");
        }
    }

    #[test]
    fn instants() {
        assert_eq!(timestamp("1970-01-01", true), Some(0));
        assert_eq!(timestamp("1970-01-01T01:00:00.5Z", true), Some(3_600_500_000));
        assert_eq!(timestamp("1970-01-01 02:00+02", true), Some(0));
        assert_eq!(timestamp("1969-12-31 20:30:00-03:30", true), Some(0));
        assert!(timestamp("294276-12-31 23:59:59.999999+00", true) > Some(i64::MAX.into()));
        assert!(timestamp("-infinity", true) < timestamp("4714-11-24 00:00:00+00 BC", true));
        assert!(time("24:00:00") > time("23:59:59.999999"));
    }

    /// The order of PostgreSQL 15.
    #[test]
    fn times_with_zone() {
        let ascending =
            ["00:00:00+15:59", "10:00:00+02", "09:00:00+01", "08:00:00+00", "07:00:00-01", "24:00:00-15:59"];
        for pair in ascending.windows(2) {
            assert!(timetz(pair[0]) < timetz(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn intervals() {
        assert_eq!(interval("1 mon"), interval("30 days"));
        assert_eq!(interval("1 day"), interval("24:00:00"));
        assert_eq!(
            interval("1 year 2 mons 3 days 04:05:06.5"),
            Some((423 * 86_400 + 14_706) * 1_000_000 + 500_000)
        );
        assert_eq!(interval("-1 mons +1 day -00:00:01"), Some(-(29 * 86_400 + 1) * 1_000_000));
        assert!(interval("-infinity") < interval("-178000000 years"));
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read(micros in -210_000_000_000_000_000i64..) {
            let mut text = String::new();
            output::timestamptz(&mut text, micros);
            prop_assert_eq!(timestamp(&text, true), Some(micros.into()));
            let mut text = String::new();
            output::date(&mut text, micros.div_euclid(DAY) as i32);
            prop_assert_eq!(date(&text), Some(micros.div_euclid(DAY)));
        }

        #[test]
        fn nothing_panics(text: String) {
            let _ = (date(&text), timestamp(&text, true), time(&text), timetz(&text), interval(&text));
        }

        #[test]
        fn nothing_panics_near_the_shape(text in "[0-9T:. +-]{0,40}( BC)?") {
            let _ = (date(&text), timestamp(&text, true), time(&text), timetz(&text), interval(&text));
        }
    }
}
