//! What of a table at a source is wanted: the rows that meet conditions, and values that are to be hidden before
//! anything is stored.

use crate::{
    problem::{Problem, Result},
    query::{Filter, MAX_COLUMNS},
    source_name::MAX_NAME_BYTES,
};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::{collections::BTreeMap, fmt};
use zeroize::Zeroizing;

/// What is stored instead of a column's values. NULL stays NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mask {
    /// HMAC-SHA-256 of the text that PostgreSQL prints, under a key that each Model has, in hexadecimal: equal values
    /// stay equal throughout a Model.
    Hash,
    /// [`REDACTED`], whatever the value is. The source is not asked for it.
    Redact,
}

/// What stands for a value that is redacted.
pub const REDACTED: &str = "[redacted]";

/// Which rows of a table come over, and which columns are masked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// All of them must hold. Columns are named as at the source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filter: Vec<Filter>,
    /// By the column's name at the source.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub masks: BTreeMap<String, Mask>,
}

impl Selection {
    pub fn is_empty(&self) -> bool {
        self.filter.is_empty() && self.masks.is_empty()
    }

    /// # Errors
    /// `invalid` for a value that no type has, and for a mask of a column that can't be, or is not among those that were
    /// chosen.
    pub fn check(&self, chosen: Option<&[String]>) -> Result<()> {
        let values = self.filter.iter().flat_map(|filter| filter.values.iter().chain([&filter.column]));
        if values.into_iter().any(|value| value.contains('\0')) {
            return Err(Problem::invalid("filter", "PostgreSQL has no text with a zero byte."));
        }
        if self.masks.len() > MAX_COLUMNS {
            return Err(Problem::invalid("masks", format!("At most {MAX_COLUMNS} columns can be masked.")));
        }
        for name in self.masks.keys() {
            if name.is_empty() || name.len() > 4 * MAX_NAME_BYTES {
                return Err(Problem::invalid("masks", "No column of PostgreSQL can have this name."));
            }
            if chosen.is_some_and(|chosen| !chosen.contains(name)) {
                let message = format!("Column {name:?} is masked, but is not among the columns to import.");
                return Err(Problem::invalid("masks", message));
            }
        }
        Ok(())
    }
}

/// The key under which a Model's values are hashed. Overwritten with zeros when dropped; never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct MaskKey(Zeroizing<[u8; Self::BYTES]>);

impl MaskKey {
    pub const BYTES: usize = 32;
    /// The length of a hash in hexadecimal digits.
    pub const HASH_DIGITS: usize = 64;

    pub fn new(key: [u8; Self::BYTES]) -> Self {
        Self(Zeroizing::new(key))
    }

    pub fn hasher(&self) -> MaskHasher {
        MaskHasher(Hmac::new_from_slice(&*self.0).expect("HMAC takes a key of any length (RFC 2104)"))
    }
}

impl fmt::Debug for MaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskKey(..)")
    }
}

/// A [`MaskKey`] made ready for many values.
#[derive(Clone)]
pub struct MaskHasher(Hmac<Sha256>);

impl MaskHasher {
    /// HMAC-SHA-256 (RFC 2104) of a value's text.
    pub fn hash(&self, text: &[u8]) -> [u8; MaskKey::HASH_DIGITS] {
        let mut mac = self.0.clone();
        mac.update(text);
        let mut digits = [0; MaskKey::HASH_DIGITS];
        hex::encode_to_slice(mac.finalize().into_bytes(), &mut digits).expect("two digits per byte");
        digits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2, with the key filled up with zeros, which HMAC does anyway.
    #[test]
    fn hashes_are_hmac_sha_256() {
        let mut key = [0; MaskKey::BYTES];
        key[..4].copy_from_slice(b"Jefe");
        let hash = MaskKey::new(key).hasher().hash(b"what do ya want for nothing?");
        assert_eq!(&hash, b"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn a_key_is_never_printed() {
        assert_eq!(format!("{:?}", MaskKey::new([7; MaskKey::BYTES])), "MaskKey(..)");
    }

    #[test]
    fn a_selection_is_kept_as_the_texts_of_its_conditions() {
        let selection = Selection {
            filter: vec![
                Filter::parse("price.gte.10").unwrap(),
                Filter::parse(r#""a.b".in.("x,y",z)"#).unwrap(),
            ],
            masks: [("email".to_owned(), Mask::Hash)].into(),
        };
        let json = serde_json::to_string(&selection).unwrap();
        assert_eq!(
            json,
            r#"{"filter":["price.gte.10","\"a.b\".in.(\"x,y\",\"z\")"],"masks":{"email":"hash"}}"#
        );
        assert_eq!(serde_json::from_str::<Selection>(&json).unwrap(), selection);
        assert_eq!(serde_json::from_str::<Selection>("{}").unwrap(), Selection::default());
        assert!(selection.check(None).is_ok());
        assert!(selection.check(Some(&["price".to_owned()])).is_err());
    }
}
