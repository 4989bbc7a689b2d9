//! Text by its collation.

use icu_collator::{
    CollatorBorrowed, CollatorPreferences,
    options::{AlternateHandling, CaseLevel, CollatorOptions, MaxVariable, Strength},
};
use icu_locale_core::Locale;
use mycorr_domain::{Collating, Collation};
use std::{borrow::Cow, fmt};

pub(crate) enum Collator {
    /// The C collation, and those that can't be followed.
    Bytes,
    Icu {
        collator: CollatorBorrowed<'static>,
        deterministic: bool,
    },
}

impl Collator {
    pub(crate) fn new(collation: &Collation) -> Self {
        let Collating::Icu(locale) = collation.collating() else { return Self::Bytes };
        // As in ICU, a locale that there is nothing for sorts as the root does.
        let locale = Locale::try_from_str(locale).unwrap_or(Locale::UNKNOWN);
        match CollatorBorrowed::try_new(CollatorPreferences::from(&locale), options(&locale)) {
            Ok(collator) => Self::Icu { collator, deterministic: collation.deterministic },
            Err(_) => Self::Bytes,
        }
    }

    pub(crate) fn write(&self, text: &str, key: &mut Vec<u8>) -> Option<()> {
        if let Self::Icu { collator, deterministic } = self {
            // It has no zero byte.
            let Ok(()) = collator.write_sort_key_to(text, key);
            key.push(0);
            if !deterministic {
                return Some(());
            }
        }
        // What a deterministic collation takes for equal is told apart by its bytes (`varstr_cmp`).
        terminated(text, key)
    }
}

/// The keywords of a locale that are no preferences but options.
fn options(locale: &Locale) -> CollatorOptions {
    let value = |key: &str| {
        let key = key.parse().ok()?;
        locale.extensions.unicode.keywords.get(&key).map(ToString::to_string)
    };
    let mut options = CollatorOptions::default();
    options.strength = match value("ks").as_deref() {
        Some("level1") => Some(Strength::Primary),
        Some("level2") => Some(Strength::Secondary),
        Some("level4") => Some(Strength::Quaternary),
        Some("identic" | "identical") => Some(Strength::Identical),
        _ => None,
    };
    options.alternate_handling = match value("ka").as_deref() {
        Some("shifted") => Some(AlternateHandling::Shifted),
        Some("noignore") => Some(AlternateHandling::NonIgnorable),
        _ => None,
    };
    options.case_level = match value("kc").as_deref() {
        Some("" | "true") => Some(CaseLevel::On),
        Some("false") => Some(CaseLevel::Off),
        _ => None,
    };
    options.max_variable = match value("kv").as_deref() {
        Some("space") => Some(MaxVariable::Space),
        Some("punct") => Some(MaxVariable::Punctuation),
        Some("symbol") => Some(MaxVariable::Symbol),
        Some("currency") => Some(MaxVariable::Currency),
        _ => None,
    };
    options
}

impl fmt::Debug for Collator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bytes => "bytes",
            Self::Icu { .. } => "ICU",
        })
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
