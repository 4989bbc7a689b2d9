//! `tsvector`: `silly_cmp_tsvector`, which begins with the bytes that a value takes.

use super::scalar::bytes;

/// A word with its places, each a position and a weight from 0 (D) to 3 (A).
struct Word {
    text: Vec<u8>,
    places: Vec<(u16, u8)>,
}

const MAX_POSITION: u32 = (1 << 14) - 1;
const MAX_PLACES: usize = 256;

pub(super) fn write(text: &str, key: &mut Vec<u8>) -> Option<()> {
    let words = parse(text)?;
    // Words and, where they have places, a count and the places, at even addresses.
    let stored = words.iter().fold(0, |stored: usize, word| match word.places.len() {
        0 => stored + word.text.len(),
        places => (stored + word.text.len()).next_multiple_of(2) + 2 + places * 2,
    });
    key.extend((8 + 4 * words.len() as u32 + stored as u32).to_be_bytes());
    key.extend((words.len() as u32).to_be_bytes());
    for Word { text, places } in &words {
        key.push(u8::from(places.is_empty()));
        bytes(text, key);
        if !places.is_empty() {
            key.extend((!(places.len() as u16)).to_be_bytes());
        }
        for (position, weight) in places {
            key.extend((!position).to_be_bytes());
            key.push(!weight);
        }
    }
    Some(())
}

/// Words in their order, none of them twice, as `tsvectorin` leaves them.
fn parse(text: &str) -> Option<Vec<Word>> {
    let mut words: Vec<Word> = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (word, tail) = word(rest)?;
        let (places, tail) = places(tail)?;
        words.push(Word { text: word.into_bytes(), places });
        rest = tail.trim_start();
    }
    words.sort_by(|a, b| a.text.cmp(&b.text));
    words.dedup_by(|later, kept| {
        let same = later.text == kept.text;
        if same {
            kept.places.append(&mut later.places);
        }
        same
    });
    for word in &mut words {
        word.places.sort_by_key(|&(position, weight)| (position, !weight));
        word.places.dedup_by_key(|&mut (position, _)| position);
        word.places.truncate(MAX_PLACES);
    }
    Some(words)
}

fn word(text: &str) -> Option<(String, &str)> {
    let mut word = String::new();
    let quoted = text.starts_with('\'');
    let mut chars = text.char_indices().peekable();
    if quoted {
        chars.next();
    }
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => word.push(chars.next()?.1),
            '\'' if quoted && chars.peek().is_some_and(|&(_, next)| next == '\'') => {
                word.push('\'');
                chars.next();
            }
            '\'' if quoted => return (!word.is_empty()).then_some((word, &text[at + 1..])),
            char if !quoted && (char == ':' || char.is_ascii_whitespace()) => {
                return (!word.is_empty()).then_some((word, &text[at..]));
            }
            char => word.push(char),
        }
    }
    (!quoted && !word.is_empty()).then_some((word, ""))
}

/// `:1A,2`
fn places(text: &str) -> Option<(Vec<(u16, u8)>, &str)> {
    let Some(mut rest) = text.strip_prefix(':') else { return Some((Vec::new(), text)) };
    let mut places = Vec::new();
    loop {
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        let position: u32 = rest[..length].parse().ok().filter(|&position| position > 0)?;
        rest = &rest[length..];
        let mut weight = 0;
        if let Some(letter) = rest.chars().next().filter(|letter| "ABCDabcd*".contains(*letter)) {
            weight = match letter.to_ascii_lowercase() {
                'a' | '*' => 3,
                'b' => 2,
                'c' => 1,
                _ => 0,
            };
            rest = &rest[1..];
        }
        places.push((position.min(MAX_POSITION) as u16, weight));
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => {
                return (rest.is_empty() || rest.starts_with(|char: char| char.is_ascii_whitespace()))
                    .then_some((places, rest));
            }
        }
    }
}
