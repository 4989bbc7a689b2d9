//! Text by its collation.

use mycorr_domain::Collation;
use std::borrow::Cow;

#[derive(Debug)]
pub(crate) enum Collator {
    /// The C collation, and those that can't be followed.
    Bytes,
}

impl Collator {
    pub(crate) fn new(_collation: &Collation) -> Self {
        Self::Bytes
    }

    pub(crate) fn write(&self, text: &str, key: &mut Vec<u8>) -> Option<()> {
        terminated(text, key)
    }
}

/// The bytes and an end below all of them: text has no zero byte (manual, "Character Types").
pub(crate) fn terminated(text: &str, key: &mut Vec<u8>) -> Option<()> {
    if text.contains('\0') {
        return None;
    }
    key.extend(text.as_bytes());
    key.push(0);
    Some(())
}

/// Lower case as `lower` makes it under the database's collation.
#[derive(Debug)]
pub(crate) enum Lower {
    Ascii,
    /// Letter by letter, as the C library does.
    Letters,
    /// With what depends on its neighbours, as ICU does.
    Words,
}

impl Lower {
    pub(crate) fn new(collation: &Collation) -> Self {
        match (collation.provider, collation.locale.as_deref()) {
            ('c' | 'b', Some("C" | "POSIX")) => Self::Ascii,
            ('i', _) | ('b', Some("PG_UNICODE_FAST")) => Self::Words,
            _ => Self::Letters,
        }
    }

    pub(crate) fn of<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self {
            Self::Ascii => text.to_ascii_lowercase().into(),
            Self::Letters => text.chars().filter_map(|char| char.to_lowercase().next()).collect(),
            Self::Words => text.to_lowercase().into(),
        }
    }
}
