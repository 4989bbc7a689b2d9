//! Names at a source as text. PostgreSQL's names are bytes: in a `SQL_ASCII` database they may be no UTF-8, and JSON
//! has no way to say such bytes.
//!
//! A byte that is no part of UTF-8 is written `\xHH`, in lower-case hexadecimal. So that every text leads back to the
//! same bytes, a backslash that stands before `x` and two hexadecimal digits is written `\x5c`. Every other name is
//! its own text.

use std::borrow::Cow;

/// The most bytes that a name can have. PostgreSQL keeps 63 (`NAMEDATALEN - 1`); servers that were built with a larger
/// `NAMEDATALEN` exist, and four times as long is let through.
pub const MAX_NAME_BYTES: usize = 255;

/// The text of a name.
pub fn from_bytes(mut name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    loop {
        let (valid, rest) = match std::str::from_utf8(name) {
            Ok(valid) => (valid, &[][..]),
            Err(error) => {
                let (valid, rest) = name.split_at(error.valid_up_to());
                (std::str::from_utf8(valid).unwrap_or_default(), rest)
            }
        };
        for (at, c) in valid.char_indices() {
            if c == '\\' && escaped(&valid.as_bytes()[at..]).is_some() {
                text.push_str("\\x5c");
            } else {
                text.push(c);
            }
        }
        let Some((byte, rest)) = rest.split_first() else { return text };
        text.push_str(&format!("\\x{byte:02x}"));
        name = rest;
    }
}

/// The bytes of a name's text.
pub fn to_bytes(text: &str) -> Cow<'_, [u8]> {
    if !text.contains("\\x") {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut rest = text.as_bytes();
    let mut name = Vec::with_capacity(rest.len());
    while let Some(&first) = rest.first() {
        let (byte, length) = match escaped(rest) {
            Some(byte) => (byte, 4),
            None => (first, 1),
        };
        name.push(byte);
        rest = &rest[length..];
    }
    Cow::Owned(name)
}

/// The byte that a text begins with, if that is written as `\xHH`.
fn escaped(text: &[u8]) -> Option<u8> {
    let Some(&[b'\\', b'x', high, low]) = text.first_chunk() else { return None };
    let digit = |digit: u8| char::from(digit).to_digit(16);
    Some((digit(high)? << 4 | digit(low)?) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_its_text_unless_it_is_no_utf8() {
        for (name, text) in [
            (b"orders".as_slice(), "orders"),
            ("größe".as_bytes(), "größe"),
            (b"caf\xe9", "caf\\xe9"),
            (b"\xe9\xe8x", "\\xe9\\xe8x"),
            (b"\xc3", "\\xc3"),
            (b"\xc3(\xff", "\\xc3(\\xff"),
            (b"a\\b", "a\\b"),
            (b"a\\xg1", "a\\xg1"),
            (b"a\\xe9", "a\\x5cxe9"),
            (b"\\x5c", "\\x5cx5c"),
            (b"\\\xe9", "\\\\xe9"),
            (b"\\x4\xe9", "\\x4\\xe9"),
            (b"", ""),
        ] {
            assert_eq!(from_bytes(name), text);
            assert_eq!(*to_bytes(text), *name, "{text}");
        }
    }

    #[test]
    fn every_name_comes_back() {
        // Every name of four letters out of those that mean something here.
        let letters = [b'\\', b'x', b'5', b'c', b'e', 0xc3, 0xa9, b' '];
        for n in 0..letters.len().pow(5) {
            let name: Vec<u8> = (0..5).map(|at| letters[n / letters.len().pow(at) % letters.len()]).collect();
            assert_eq!(*to_bytes(&from_bytes(&name)), name, "{name:?}");
        }
    }
}
