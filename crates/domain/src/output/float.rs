//! `float4out` and `float8out` with `extra_float_digits` = 1 (PostgreSQL 12 and newer): the shortest decimal
//! that reads back as the same bits, laid out as printf's `%g` would (src/common/d2s.c, f2s.c).

/// What tells one binary format of IEEE 754 from the other.
struct Format {
    mantissa_bits: u32,
    /// Of the lowest bit of a subnormal.
    least_exponent: i32,
    /// As many decimal digits tell any two values apart.
    most_digits: usize,
    /// From this decimal exponent on the layout is scientific.
    scientific_from: i32,
}

const FLOAT4: Format = Format { mantissa_bits: 23, least_exponent: -149, most_digits: 9, scientific_from: 6 };
const FLOAT8: Format =
    Format { mantissa_bits: 52, least_exponent: -1074, most_digits: 17, scientific_from: 15 };

pub fn float4(out: &mut String, value: f32) {
    if special(out, f64::from(value)) {
        return;
    }
    let bits = value.abs().to_bits();
    let shortest = Decimal::parse(ryu::Buffer::new().format_finite(value.abs()));
    print(out, &FLOAT4, u64::from(bits), shortest, |digits| {
        let text = format!("{:.*e}", digits - 1, value.abs());
        (text.parse() == Ok(value.abs())).then(|| Decimal::parse(&text))
    });
}

pub fn float8(out: &mut String, value: f64) {
    if special(out, value) {
        return;
    }
    let shortest = Decimal::parse(ryu::Buffer::new().format_finite(value.abs()));
    print(out, &FLOAT8, value.abs().to_bits(), shortest, |digits| {
        let text = format!("{:.*e}", digits - 1, value.abs());
        (text.parse() == Ok(value.abs())).then(|| Decimal::parse(&text))
    });
}

/// Prints what has no digits, and the sign of what has.
fn special(out: &mut String, value: f64) -> bool {
    if value.is_nan() {
        out.push_str("NaN");
        return true;
    }
    if value.is_sign_negative() {
        out.push('-');
    }
    if value.is_infinite() {
        out.push_str("Infinity");
    } else if value == 0.0 {
        out.push('0');
    }
    value.is_infinite() || value == 0.0
}

/// The shortest digits are Ryu's, but where Ryu accepts a decimal that lies exactly between two neighbours
/// (it would read back, by rounding to even), PostgreSQL's copy doesn't: there the closest decimal of more
/// digits is taken, which `rounded` gives if it reads back.
fn print(
    out: &mut String,
    format: &Format,
    bits: u64,
    mut decimal: Decimal,
    rounded: impl Fn(usize) -> Option<Decimal>,
) {
    if format.lies_between_neighbours(bits, &decimal) {
        decimal = (decimal.count() + 1..=format.most_digits)
            .filter_map(rounded)
            .find(|longer| !format.lies_between_neighbours(bits, longer))
            .expect("so many digits tell every value from its neighbours");
    }
    decimal.print(out, format.scientific_from);
}

impl Format {
    /// Whether the decimal is the exact middle between the value and the next one above or below.
    fn lies_between_neighbours(&self, bits: u64, decimal: &Decimal) -> bool {
        let Some(decimal) = decimal.odd_times_power_of_two() else { return false };
        let fraction = bits & ((1 << self.mantissa_bits) - 1);
        let biased = (bits >> self.mantissa_bits) as i32;
        // The value is mantissa · 2^exponent.
        let (mantissa, exponent) = match biased {
            0 => (fraction, self.least_exponent),
            _ => (fraction | 1 << self.mantissa_bits, self.least_exponent + biased - 1),
        };
        let mantissa = u128::from(mantissa);
        // Below a power of two, values are twice as dense.
        let below = match fraction == 0 && biased > 1 {
            true => (4 * mantissa - 1, exponent - 2),
            false => (2 * mantissa - 1, exponent - 1),
        };
        decimal == below || decimal == (2 * mantissa + 1, exponent - 1)
    }
}

/// `digits` · 10^`exponent`, not zero, the last digit not zero.
struct Decimal {
    digits: u64,
    exponent: i32,
}

impl Decimal {
    /// Reads `12.34`, `12e34` and `1.2e-34`.
    fn parse(text: &str) -> Self {
        let (number, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let mut exponent: i32 = exponent.parse().expect("an exponent is an integer");
        let mut digits = 0;
        let mut fraction = false;
        for byte in number.bytes() {
            match byte {
                b'.' => fraction = true,
                digit => {
                    digits = digits * 10 + u64::from(digit - b'0');
                    exponent -= i32::from(fraction);
                }
            }
        }
        while digits % 10 == 0 {
            digits /= 10;
            exponent += 1;
        }
        Self { digits, exponent }
    }

    fn count(&self) -> usize {
        self.digits.ilog10() as usize + 1
    }

    /// The value as (odd number, exponent of two), if it can be written so at all, and in 128 bits: what can't
    /// is no middle between two values either, whose odd number has at most 55 bits.
    fn odd_times_power_of_two(&self) -> Option<(u128, i32)> {
        let fives = 5u128.checked_pow(self.exponent.unsigned_abs())?;
        let digits = u128::from(self.digits);
        let number = if self.exponent >= 0 {
            digits.checked_mul(fives)?
        } else if digits.is_multiple_of(fives) {
            digits / fives
        } else {
            return None;
        };
        let twos = number.trailing_zeros();
        Some((number >> twos, self.exponent + twos as i32))
    }

    fn print(&self, out: &mut String, scientific_from: i32) {
        let digits = self.digits.to_string();
        let leading = self.exponent + digits.len() as i32 - 1;
        let zeros = |count: i32| std::iter::repeat_n('0', count as usize);
        if leading < -4 || leading >= scientific_from {
            out.push_str(&digits[..1]);
            if digits.len() > 1 {
                out.push('.');
                out.push_str(&digits[1..]);
            }
            out.push_str(if leading < 0 { "e-" } else { "e+" });
            if leading.abs() < 10 {
                out.push('0');
            }
            out.push_str(&leading.abs().to_string());
        } else if leading < 0 {
            out.push_str("0.");
            out.extend(zeros(-leading - 1));
            out.push_str(&digits);
        } else if self.exponent >= 0 {
            out.push_str(&digits);
            out.extend(zeros(self.exponent));
        } else {
            let (whole, fraction) = digits.split_at(leading as usize + 1);
            out.push_str(whole);
            out.push('.');
            out.push_str(fraction);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn f8(value: f64) -> String {
        let mut out = String::new();
        float8(&mut out, value);
        out
    }

    fn f4(value: f32) -> String {
        let mut out = String::new();
        float4(&mut out, value);
        out
    }

    /// As PostgreSQL 15 prints them.
    #[test]
    fn float8_as_postgresql_prints_it() {
        for (value, want) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (0.1 + 0.2, "0.30000000000000004"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (123456789012345.0, "123456789012345"),
            (100000000000000.0, "100000000000000"),
            (1e15, "1e+15"),
            (1234567890123456.0, "1.234567890123456e+15"),
            (1e22, "1e+22"),
            (1e23, "9.999999999999999e+22"),
            (9.5367431640625e-07, "9.5367431640625e-07"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (2f64.powi(50) + 0.25, "1.1258999068426242e+15"),
        ] {
            assert_eq!(f8(value), want);
        }
    }

    #[test]
    fn float4_as_postgresql_prints_it() {
        for (value, want) in [
            (0.1, "0.1"),
            (123456.0, "123456"),
            (1234567.0, "1.234567e+06"),
            (1e6, "1e+06"),
            (16777216.0, "1.6777216e+07"),
            (1e-45, "1e-45"),
            (f32::MAX, "3.4028235e+38"),
            (-0.0, "-0"),
        ] {
            assert_eq!(f4(value), want);
        }
    }

    proptest! {
        #[test]
        fn float8_reads_back(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assert!(value.is_nan() || f8(value).parse::<f64>().unwrap().to_bits() == bits);
        }

        #[test]
        fn float4_reads_back(bits: u32) {
            let value = f32::from_bits(bits);
            prop_assert!(value.is_nan() || f4(value).parse::<f32>().unwrap().to_bits() == bits);
        }
    }
}
