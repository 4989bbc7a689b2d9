//! Numbers of books, music, journals and goods (`isn`): all of them are an EAN of 13 digits, beside which a mark says
//! that its check digit is wrong.

use mycorr_domain::Scalar;

pub(super) fn number(scalar: Scalar, text: &str) -> Option<u64> {
    let text = text.trim();
    let (text, invalid) = match text.strip_suffix('!') {
        Some(text) => (text, true),
        None => (text, false),
    };
    let plain: String = text.chars().filter(|char| !matches!(char, '-' | ' ')).collect();
    let (digits, check) = plain.split_at_checked(plain.len().checked_sub(1)?)?;
    // A question mark asks for the right one.
    let (check, asked) = match check {
        "X" | "x" => (10, false),
        "?" => (0, true),
        check => (check.parse().ok()?, false),
    };
    let music = digits.strip_prefix(['M', 'm']);
    if !music.unwrap_or(digits).bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (ean, right) = match (scalar, digits.len()) {
        (Scalar::Isbn | Scalar::Ean13, 9) if music.is_none() => {
            (format!("978{digits}"), weighted(digits) == check)
        }
        (Scalar::Issn | Scalar::Ean13, 7) => (format!("977{digits}00"), weighted(digits) == check),
        (Scalar::Ismn | Scalar::Ean13, 9) => {
            let ean = format!("9790{}", music?);
            (ean.clone(), ean_check(&ean) == check)
        }
        (Scalar::Upc, 11) => (format!("0{digits}"), ean_check(&format!("0{digits}")) == check),
        (_, 12) if music.is_none() => (digits.to_owned(), ean_check(digits) == check),
        _ => return None,
    };
    let right = right || asked;
    if !right && !invalid {
        return None;
    }
    let number = ean.parse::<u64>().ok()? * 10 + ean_check(&ean);
    Some(number << 1 | u64::from(!right || invalid))
}

/// Of an ISBN or ISSN: weights from the length down to 2, modulo 11.
fn weighted(digits: &str) -> u64 {
    let weights = (2..=digits.len() as u64 + 1).rev();
    let sum: u64 = digits.bytes().zip(weights).map(|(digit, weight)| u64::from(digit - b'0') * weight).sum();
    (11 - sum % 11) % 11
}

fn ean_check(digits: &str) -> u64 {
    let weights = [1, 3].into_iter().cycle();
    let sum: u64 = digits.bytes().zip(weights).map(|(digit, weight)| u64::from(digit - b'0') * weight).sum();
    (10 - sum % 10) % 10
}
