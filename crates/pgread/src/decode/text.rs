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
            // The standard library's would take a plus sign.
            .filter(|_| matches!(digits.first(), Some(b'1'..=b'9')));
    }
    let value = number(0, digits)?;
    Some(if negative { -value } else { value })
}

/// `before` with these digits behind it: at most 18 digits in all, which never overflow.
#[inline]
fn number(before: i64, digits: &[u8]) -> Option<i64> {
    let mut value = before;
    let mut strange = false;
    // Looked at once behind the loop: no branch for each digit.
    for &digit in digits {
        let digit = digit.wrapping_sub(b'0');
        strange |= digit > 9;
        value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
    }
    (!strange).then_some(value)
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
        i128::from(number(number(0, whole)?, fraction)?)
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
        fn decimals_come_back(value in -(10i128.pow(38) - 1)..10i128.pow(38), scale in 0u8..=38, shorter in 0u32..38) {
            let value = value / 10i128.pow(shorter);
            let text = printed(|out| output::decimal(out, value, scale));
            prop_assert_eq!(decimal(text.as_bytes(), 38, scale), Some(value));
        }

        /// What is taken prints back as it was, so that nothing is changed without a word.
        #[test]
        fn what_is_taken_prints_back(text in "-?[0-9]{0,20}(\\.[0-9]{0,4})?|[0-9-]{8,12}") {
            if let Some(value) = integer(text.as_bytes()) {
                prop_assert_eq!(&value.to_string(), &text);
            }
            if let Some(value) = decimal(text.as_bytes(), 20, 2) {
                prop_assert_eq!(&printed(|out| output::decimal(out, value, 2)), &text);
            }
        }
    }

    #[test]
    fn what_a_number_cannot_hold_stays_text() {
        for text in [
            "",
            "-",
            "NaN",
            "Infinity",
            "1e5",
            "-0",
            "+1",
            "01",
            "9223372036854775808",
            " 1",
            "0x1",
            "+1000000000000000000",
            "-+100000000000000000",
        ] {
            assert_eq!(integer(text.as_bytes()), None, "{text}");
        }
        for text in ["NaN", "1.2", "1.234", "123.45", "-0.00", ".12", "0012.00", "1,20", ""] {
            assert_eq!(decimal(text.as_bytes(), 4, 2), None, "{text}");
        }
        assert_eq!(integer(b"-9223372036854775808"), Some(i64::MIN));
    }
}
