//! `numeric` of any size as text: read, put in order, and measured against whole numbers.

/// A finite number: 0.d1d2d3… · 10^`exponent`, d1 not zero and neither the last; zero has no digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finite {
    pub(crate) negative: bool,
    /// 0 to 9 each.
    digits: Vec<u8>,
    exponent: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Numeric {
    NegativeInfinity,
    Finite(Finite),
    Infinity,
    NaN,
}

impl Numeric {
    /// As `numeric_in` reads it (PostgreSQL, "Numeric Types"), but no hexadecimal and no underscores.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (negative, number) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        if text.eq_ignore_ascii_case("nan") {
            return Some(Self::NaN);
        }
        if number.eq_ignore_ascii_case("infinity") || number.eq_ignore_ascii_case("inf") {
            return Some(if negative { Self::NegativeInfinity } else { Self::Infinity });
        }
        let (number, exponent) = match number.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
            None => (number, 0),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let all = whole.bytes().chain(fraction.bytes());
        if !all.clone().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let mut digits: Vec<u8> = all.map(|byte| byte - b'0').collect();
        let mut exponent = i64::from(exponent) + whole.len() as i64;
        let leading = digits.iter().take_while(|&&digit| digit == 0).count();
        digits.drain(..leading);
        exponent -= leading as i64;
        while digits.last() == Some(&0) {
            digits.pop();
        }
        if digits.is_empty() {
            exponent = 0;
        }
        Some(Self::Finite(Finite { negative: negative && !digits.is_empty(), digits, exponent }))
    }

    /// Appends bytes that sort as PostgreSQL's `numeric_cmp` does: -Infinity, numbers, Infinity, NaN.
    pub(crate) fn key(&self, out: &mut Vec<u8>) {
        match self {
            Self::NegativeInfinity => out.push(0),
            Self::Finite(number) => number.key(out),
            Self::Infinity => out.push(4),
            Self::NaN => out.push(5),
        }
    }
}

impl Finite {
    /// Class, exponent, digits in pairs, an end below every digit; for negatives all inverted.
    fn key(&self, out: &mut Vec<u8>) {
        if self.digits.is_empty() {
            return out.push(2);
        }
        out.push(if self.negative { 1 } else { 3 });
        let start = out.len();
        out.extend(((self.exponent as u64) ^ (1 << 63)).to_be_bytes());
        // From 1 to 100, so that no pair is at the end's place when it is inverted.
        out.extend(self.digits.chunks(2).map(|pair| pair[0] * 10 + pair.get(1).unwrap_or(&0) + 1));
        out.push(0);
        if self.negative {
            out[start..].iter_mut().for_each(|byte| *byte = !*byte);
        }
    }

    /// The largest whole number of units of 10^-`scale` that is not above this one, and whether that is all
    /// of it. None beyond 128 bits.
    pub(crate) fn floor(&self, scale: u8) -> Option<(i128, bool)> {
        // So many digits are left of the point then.
        let places = self.exponent + i64::from(scale);
        if places > 39 {
            return None;
        }
        let whole = places.clamp(0, self.digits.len() as i64) as usize;
        let mut units: i128 = 0;
        for &digit in &self.digits[..whole] {
            units = units.checked_mul(10)?.checked_add(digit.into())?;
        }
        for _ in whole as i64..places {
            units = units.checked_mul(10)?;
        }
        let exact = whole == self.digits.len();
        if self.negative {
            units = -units - i128::from(!exact);
        }
        Some((units, exact))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(text: &str) -> Vec<u8> {
        let mut key = Vec::new();
        Numeric::parse(text).unwrap().key(&mut key);
        key
    }

    #[test]
    fn numbers_sort_as_numbers() {
        let ascending = [
            "-Infinity",
            "-1e131071",
            "-100",
            "-99.99",
            "-12.3",
            "-12",
            "-1.23",
            "-1.2",
            "-1.0001",
            "-1",
            "-0.001",
            "0",
            "1e-16383",
            "0.00099",
            "0.001",
            "0.5",
            "1",
            "1.0001",
            "1.2",
            "1.23",
            "9",
            "10",
            "12",
            "99",
            "100",
            "1e131071",
            "inf",
            "NaN",
        ];
        for pair in ascending.windows(2) {
            assert!(key(pair[0]) < key(pair[1]), "{pair:?}");
        }
        for equal in [["1.0", "1"], ["-0.00", "0"], ["0100e-2", "1.000"], [".5", "0.5"], ["5.", "5"]] {
            assert_eq!(key(equal[0]), key(equal[1]), "{equal:?}");
        }
        for bad in ["", "-", ".", "1e", "e1", "1.2.3", "1 2", "0x1", "--1", "١"] {
            assert_eq!(Numeric::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn keys_agree_with_integers(a: i64, b: i64, scale in 0u8..9) {
            let text = |n: i64| format!("{n}e-{scale}");
            prop_assert_eq!(a.cmp(&b), key(&text(a)).cmp(&key(&text(b))));
        }

        /// Numbers that begin alike, with many zeros.
        #[test]
        fn keys_agree_where_digits_do(a in "-?[09]{1,18}", b in "-?[09]{1,18}", scale in 0u8..9) {
            let number = |text: &str| text.parse::<i64>().unwrap();
            let text = |n: &str| format!("{n}e-{scale}");
            prop_assert_eq!(number(&a).cmp(&number(&b)), key(&text(&a)).cmp(&key(&text(&b))));
        }

        #[test]
        fn floors_agree_with_division(n: i64, scale in 0u32..12, kept in 0u8..12) {
            let Some(Numeric::Finite(number)) = Numeric::parse(&format!("{n}e-{scale}")) else { panic!() };
            let (n, shift) = (i128::from(n) * 10i128.pow(kept.into()), 10i128.pow(scale));
            prop_assert_eq!(number.floor(kept), Some((n.div_euclid(shift), n.rem_euclid(shift) == 0)));
        }

        #[test]
        fn nothing_panics(text: String) {
            if let Some(Numeric::Finite(number)) = Numeric::parse(&text) {
                number.floor(3);
            }
        }
    }
}
