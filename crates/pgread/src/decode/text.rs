//! PostgreSQL's output text read back to numbers. Each answers `None` for a text that it cannot hold exactly:
//! such a cell is kept as the text that it is.

/// An integer as `int8out` prints it. No plus sign, no blanks, no needless zeros: what does not print back
/// the same is not taken.
#[inline]
pub(super) fn integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    // 18 digits never overflow.
    if digits.is_empty() || digits.len() > 18 || (digits[0] == b'0' && (digits.len() > 1 || negative)) {
        return std::str::from_utf8(text)
            .ok()?
            .parse()
            .ok()
            .filter(|_| digits.first().is_some_and(|&d| d != b'0'));
    }
    let mut value = 0i64;
    for &digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some(if negative { -value } else { value })
}

/// A numeric of exactly `scale` digits behind the point and at most `precision` in all, without its point.
#[inline]
pub(super) fn decimal(text: &[u8], precision: u8, scale: u8) -> Option<i128> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let scale = usize::from(scale);
    let point = match scale {
        0 => digits.len(),
        _ => digits.len().checked_sub(scale + 1).filter(|&at| digits[at] == b'.')?,
    };
    let (whole, fraction) = (&digits[..point], &digits[(point + 1).min(digits.len())..]);
    let canonical = match whole {
        [] => false,
        [b'0'] => true,
        [first, ..] => *first != b'0',
    };
    // The zero before the point is no digit of the number.
    let whole = if whole == b"0" { &[] } else { whole };
    let value = if !canonical {
        return None;
    } else if whole.len() + fraction.len() <= 18 {
        let mut value = 0i64;
        for &digit in whole.iter().chain(fraction) {
            let digit = digit.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            value = value * 10 + i64::from(digit);
        }
        i128::from(value)
    } else {
        // 10^38 fits into 127 bits, so 39 digits are the first that might not.
        if whole.len() + fraction.len() > 38 {
            return None;
        }
        let mut value = 0i128;
        for &digit in whole.iter().chain(fraction) {
            let digit = digit.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            value = value * 10 + i128::from(digit);
        }
        value
    };
    // PostgreSQL prints no negative zero.
    let fits = value < 10i128.pow(u32::from(precision)) && !(negative && value == 0);
    fits.then_some(if negative { -value } else { value })
}

/// A date in ISO style, `2024-02-29`, `12345-01-01` or `0044-03-15 BC`, in days since 1970-01-01.
#[inline]
pub(super) fn date(text: &[u8]) -> Option<i32> {
    let (text, bc) = match text.strip_suffix(b" BC") {
        Some(text) => (text, true),
        None => (text, false),
    };
    let [year @ .., b'-', m1, m2, b'-', d1, d2] = text else { return None };
    if year.len() < 4 || year.len() > 7 || (year.len() > 4 && year[0] == b'0') {
        return None;
    }
    let digit = |byte: u8| Some(byte.wrapping_sub(b'0')).filter(|&digit| digit <= 9).map(i64::from);
    let mut printed = 0;
    for &byte in year {
        printed = printed * 10 + digit(byte)?;
    }
    let month = digit(*m1)? * 10 + digit(*m2)?;
    let day = digit(*d1)? * 10 + digit(*d2)?;
    // There is no year 0: before 1 AD comes 1 BC.
    let year = if bc { 1 - printed } else { printed };
    if printed == 0 || !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    i32::try_from(days_from_civil(year, month, day)).ok()
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar. After Howard Hinnant, "chrono-compatible
/// low-level date algorithms", `days_from_civil`.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use mycorr_domain::output;
    use proptest::prelude::*;

    fn printed(print: impl FnOnce(&mut String)) -> String {
        let mut text = String::new();
        print(&mut text);
        text
    }

    proptest! {
        #[test]
        fn integers_come_back(value: i64) {
            prop_assert_eq!(integer(value.to_string().as_bytes()), Some(value));
        }

        #[test]
        fn dates_come_back(days in -2_440_588..=2_145_031_948) {
            prop_assert_eq!(date(printed(|out| output::date(out, days)).as_bytes()), Some(days));
        }

        #[test]
        fn decimals_come_back(value in -(10i128.pow(38) - 1)..10i128.pow(38), scale in 0u8..=38, shorter in 0u32..38) {
            let value = value / 10i128.pow(shorter);
            let text = printed(|out| output::decimal(out, value, scale));
            prop_assert_eq!(decimal(text.as_bytes(), 38, scale), Some(value));
        }

        /// What is taken prints back as it was, so that nothing is changed without a word.
        #[test]
        fn what_is_taken_prints_back(text in "-?[0-9]{0,20}(\\.[0-9]{0,4})?|[0-9-]{8,12}( BC)?") {
            if let Some(value) = integer(text.as_bytes()) {
                prop_assert_eq!(&value.to_string(), &text);
            }
            if let Some(value) = decimal(text.as_bytes(), 20, 2) {
                prop_assert_eq!(&printed(|out| output::decimal(out, value, 2)), &text);
            }
            if let Some(days) = date(text.as_bytes()) {
                prop_assert_eq!(&printed(|out| output::date(out, days)), &text);
            }
        }
    }

    #[test]
    fn what_a_number_cannot_hold_stays_text() {
        for text in ["", "-", "NaN", "Infinity", "1e5", "-0", "+1", "01", "9223372036854775808", " 1", "0x1"]
        {
            assert_eq!(integer(text.as_bytes()), None, "{text}");
        }
        for text in ["NaN", "1.2", "1.234", "123.45", "-0.00", ".12", "0012.00", "1,20", ""] {
            assert_eq!(decimal(text.as_bytes(), 4, 2), None, "{text}");
        }
        for text in ["infinity", "-infinity", "2023-02-29", "0000-01-01", "2024-1-1", "2024-13-01", ""] {
            assert_eq!(date(text.as_bytes()), None, "{text}");
        }
        assert_eq!(integer(b"-9223372036854775808"), Some(i64::MIN));
    }
}
