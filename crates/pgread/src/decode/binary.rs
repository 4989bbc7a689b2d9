//! Values as PostgreSQL's binary format sends them.

use crate::wire::Failure;

/// What a cell becomes.
pub(super) enum Decoded<T> {
    Value(T),
    /// The stored type can't hold it: this is what PostgreSQL prints.
    Exact(String),
    /// The same, and that is what was sent.
    AsSent,
}

/// PostgreSQL counts from 2000-01-01, Arrow from 1970-01-01; in days.
pub(super) const EPOCH_DAYS: i32 = 10_957;
/// The same in microseconds.
pub(super) const EPOCH: i64 = EPOCH_DAYS as i64 * 86_400_000_000;

#[inline]
pub(super) fn as_sent<T>(value: Option<T>) -> Result<Decoded<T>, Failure> {
    Ok(value.map_or(Decoded::AsSent, Decoded::Value))
}

#[inline]
pub(super) fn binary<const N: usize>(cell: &[u8]) -> Result<[u8; N], Failure> {
    cell.try_into().map_err(|_| Failure::Protocol(format!("a binary value of {} bytes, not {N}", cell.len())))
}

/// `date_send`: days since 2000-01-01.
#[inline]
pub(super) fn date(cell: &[u8]) -> Result<Decoded<i32>, Failure> {
    let days = i32::from_be_bytes(binary(cell)?);
    match days {
        i32::MAX => Ok(Decoded::Exact("infinity".into())),
        i32::MIN => Ok(Decoded::Exact("-infinity".into())),
        _ => match days.checked_add(EPOCH_DAYS) {
            Some(days) => Ok(Decoded::Value(days)),
            None => Err(Failure::Protocol("a date after the last one that PostgreSQL has".into())),
        },
    }
}

/// `timestamp_send`: microseconds since 2000-01-01. The last 30 years before PostgreSQL's end of time
/// (294276 AD) are too far from 1970 for 64 bits.
#[inline]
pub(super) fn timestamp(cell: &[u8], print: fn(&mut String, i64)) -> Result<Decoded<i64>, Failure> {
    let micros = i64::from_be_bytes(binary(cell)?);
    Ok(match micros {
        i64::MAX => Decoded::Exact("infinity".into()),
        i64::MIN => Decoded::Exact("-infinity".into()),
        _ => match micros.checked_add(EPOCH) {
            Some(value) => Decoded::Value(value),
            None => Decoded::Exact(beyond(micros, print)),
        },
    })
}

/// The text of a moment that is beyond 64 bits of microseconds since 1970: 400 years are a whole number of
/// weeks and days in the Gregorian calendar, so it looks like the one 400 years before but for the year.
#[cold]
pub(super) fn beyond(micros: i64, print: fn(&mut String, i64)) -> String {
    const FOUR_CENTURIES: i64 = 146_097 * 86_400_000_000;
    let mut text = String::new();
    print(&mut text, micros - FOUR_CENTURIES + EPOCH);
    let (year, rest) = text.split_once('-').unwrap_or((&text, ""));
    let year: i64 = year.parse().unwrap_or_default();
    format!("{}-{rest}", year + 400)
}

/// Appends a uuid as `uuid_out` prints it.
#[inline]
pub(super) fn uuid(text: &mut Vec<u8>, uuid: [u8; 16]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut out = [b'-'; 36];
    let mut at = 0;
    for (index, byte) in uuid.into_iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            at += 1;
        }
        out[at] = HEX[usize::from(byte >> 4)];
        out[at + 1] = HEX[usize::from(byte & 15)];
        at += 2;
    }
    text.extend_from_slice(&out);
}
