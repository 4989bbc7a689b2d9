//! Certificates in the shapes in which people have them: PEM (RFC 7468), and what editors, secret managers, one-line
//! fields and programming languages make of it.

use openssl::base64::decode_block;
use std::borrow::Cow;

/// A block of PEM: its label, and its body if that is Base64 up to its own END.
pub(super) struct Block {
    pub(super) label: String,
    pub(super) der: Option<Vec<u8>>,
}

const DASHES: &str = "-----";

/// How PEM, SSH2's keys and PuTTY's begin in Base64: four dashes, `PuTTY-`.
const ENCODED: [&str; 2] = ["LS0tLS", "UHVUVFkt"];

/// The text without the escapes of JSON, shells and URLs, and what was Base64 of PEM within it.
pub(super) fn readable(text: &str) -> String {
    let mut text = Cow::Borrowed(text.trim_start_matches('\u{feff}'));
    if text.contains("%20") || text.contains("%0A") || text.contains("%0a") {
        text = percent_decoded(&text).into();
    }
    // A text that went through two programs is escaped twice. PEM itself holds no backslash.
    for _ in 0..3 {
        if text.contains('\\') {
            text = unescaped(&text).into();
        }
    }
    if ENCODED.iter().any(|begin| text.contains(begin)) {
        let mut decoded = from_base64(&text);
        if decoded.contains('\\') {
            decoded = unescaped(&decoded);
        }
        text.to_mut().push_str(&decoded);
    }
    text.into_owned()
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tail)) = rest.split_once('\\') {
        plain.push_str(before);
        let code = tail.strip_prefix('u').and_then(|tail| u32::from_str_radix(tail.get(..4)?, 16).ok());
        rest = match (tail.chars().next(), code.and_then(char::from_u32)) {
            (Some('u'), Some(c)) => {
                plain.push(c);
                &tail[5..]
            }
            (Some('n' | 'r' | 't'), _) => {
                plain.push('\n');
                &tail[1..]
            }
            (Some(c), _) => {
                plain.push(c);
                &tail[c.len_utf8()..]
            }
            (None, _) => "",
        };
    }
    plain.push_str(rest);
    plain
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tail)) = rest.split_once('%') {
        bytes.extend(before.bytes());
        let decoded = tail.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(decoded.unwrap_or(b'%'));
        rest = if decoded.is_some() { &tail[2..] } else { tail };
    }
    bytes.extend(rest.bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

fn from_base64(text: &str) -> String {
    let mut decoded = String::new();
    let mut words = text.split(|c: char| !is_base64(c)).peekable();
    while let Some(word) = words.next() {
        let Some(at) = ENCODED.iter().filter_map(|begin| word.find(begin)).min() else { continue };
        let mut whole = word.to_owned();
        // `base64` breaks its lines.
        while let Some(next) = words
            .next_if(|next| !whole.ends_with('=') && !ENCODED.iter().any(|begin| next.starts_with(begin)))
        {
            whole.push_str(next);
        }
        // What was encoded may begin with something else, and the word with a name and an equals sign.
        for start in [Some(0), Some(at).filter(|at| *at > 0)].into_iter().flatten() {
            let part = &whole[start..];
            if let Ok(bytes) = decode_block(&part[..part.len() / 4 * 4]) {
                decoded.push('\n');
                decoded.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
    }
    decoded
}

fn is_base64(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=')
}

/// Whether a private key stands in it, under any of the names of PEM, OpenSSH, SSH2, PGP and PuTTY.
pub(super) fn holds_private_key(text: &str) -> bool {
    let squeezed: String = text
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .collect::<String>()
        .to_ascii_uppercase();
    let begun = |(at, _): (usize, &str)| {
        let before = &squeezed[at.saturating_sub(40)..at];
        ["-BEGIN", "-END"]
            .iter()
            .any(|word| before.rfind(word).is_some_and(|begin| !before[begin + word.len()..].contains('-')))
    };
    squeezed.match_indices("PRIVATEKEY").any(begun) || squeezed.contains("PUTTY-USER-KEY-FILE")
}

/// The blocks of a readable text, in order. One that is commented out is none.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("-----BEGIN") {
        let line = rest[..at].rsplit('\n').next().unwrap_or_default().trim_start();
        let commented = line.starts_with('#') || line.starts_with("//");
        rest = &rest[at + "-----BEGIN".len()..];
        let Some((label, tail)) = rest.split_once(DASHES).filter(|(label, _)| label.len() <= 64) else {
            continue;
        };
        rest = tail;
        if commented {
            continue;
        }
        let label = words(label);
        let body = rest.find(DASHES).and_then(|end| {
            let (end_label, tail) = rest[end..].strip_prefix("-----END")?.split_once(DASHES)?;
            (words(end_label) == label).then_some((&rest[..end], tail))
        });
        let der = body.and_then(|(body, tail)| {
            rest = tail;
            decode_block(&plain_base64(body)).ok()
        });
        blocks.push(Block { label, der });
    }
    blocks
}

fn words(label: &str) -> String {
    label.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Without what a program's source or an editor puts around lines: quotes, commas, plus signs between strings.
fn plain_base64(body: &str) -> String {
    let around = |c: char| matches!(c, '"' | '\'' | '`' | ',' | ';');
    body.split_whitespace()
        .filter(|word| *word != "+" && *word != ".")
        .map(|word| word.trim_matches(around))
        .collect()
}
