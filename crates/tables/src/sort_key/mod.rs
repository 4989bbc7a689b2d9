//! Sort keys: bytes whose order is PostgreSQL's order of a type and whose equality is PostgreSQL's equality, made of
//! the text that its output function prints or that a person writes for it.
//!
//! A key ends where it says, so that keys can stand behind one another in the key of an array, a range or a row; a
//! null in there is above every value.

mod collate;
mod cube;
mod extension;
mod isn;
mod jsonb;
mod nested;
mod network;
mod range;
mod scalar;
#[cfg(test)]
mod tests;
mod tsvector;

use collate::{Collator, Lower};
use mycorr_domain::{Column, ColumnType, Scalar, TypeTree};
pub(crate) use scalar::uuid;
use std::{borrow::Cow, collections::HashMap};

/// A [`TypeTree`] made ready to compute keys.
#[derive(Debug)]
pub(crate) enum SortKey {
    /// By the bytes of what is shown.
    Unordered,
    Scalar(Scalar),
    Text(Collator),
    Bpchar(Collator),
    Citext(Lower, Collator),
    Jsonb(Collator),
    /// Each label's place.
    Enum(HashMap<String, u64>, Option<String>),
    Array(Box<SortKey>, u8),
    Range(Box<SortKey>, Option<range::Step>),
    Multirange(Box<SortKey>, Option<range::Step>),
    Record(Vec<SortKey>),
}

impl SortKey {
    /// For the columns that are stored as text and whose stored type does not tell their order.
    pub(crate) fn of(column: &Column) -> Self {
        match (column.stored, &column.tree) {
            (ColumnType::Text | ColumnType::Char | ColumnType::Other, Some(tree)) => Self::new(tree),
            (ColumnType::Char, None) => Self::Bpchar(Collator::Bytes),
            (ColumnType::Other, None) => Self::new(&TypeTree::of_name(&column.pg_type)),
            _ => Self::Text(Collator::Bytes),
        }
    }

    pub(crate) fn new(tree: &TypeTree) -> Self {
        match tree {
            TypeTree::Unordered => Self::Unordered,
            TypeTree::Scalar(scalar) => Self::Scalar(*scalar),
            TypeTree::Text(collation) => Self::Text(Collator::new(collation)),
            TypeTree::Bpchar(collation) => Self::Bpchar(Collator::new(collation)),
            TypeTree::Citext { lower, collation } => {
                Self::Citext(Lower::new(lower), Collator::new(collation))
            }
            TypeTree::Jsonb(collation) => Self::Jsonb(Collator::new(collation)),
            TypeTree::Enum(labels) => {
                Self::Enum(labels.iter().cloned().zip(0..).collect(), labels.first().cloned())
            }
            TypeTree::Array { element, delimiter } => {
                Self::Array(Box::new(Self::new(element)), u8::try_from(*delimiter).unwrap_or(b','))
            }
            TypeTree::Range(range) => {
                Self::Range(Box::new(Self::new(&range.subtype)), range::Step::of(range))
            }
            TypeTree::Multirange(range) => {
                Self::Multirange(Box::new(Self::new(&range.subtype)), range::Step::of(range))
            }
            TypeTree::Record(fields) => Self::Record(fields.iter().map(Self::new).collect()),
        }
    }

    /// Whether a key is the text's own bytes, where it stands alone.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self, Self::Unordered | Self::Text(Collator::Bytes))
    }

    /// Whether a key is one number of 64 bits.
    pub(crate) fn is_number(&self) -> bool {
        use Scalar::*;
        match self {
            Self::Enum(..) => true,
            Self::Scalar(scalar) => {
                matches!(
                    scalar,
                    Money | PgLsn | Xid8 | Tid | Char | Macaddr | Macaddr8 | Ean13 | Isbn | Ismn | Issn | Upc
                )
            }
            _ => false,
        }
    }

    /// The key as a number, see [`SortKey::is_number`].
    pub(crate) fn number(&self, text: &[u8]) -> Option<u64> {
        if let (Self::Scalar(Scalar::Char), &[byte]) = (self, text) {
            return Some(byte.into());
        }
        let mut key = Vec::with_capacity(8);
        self.write(std::str::from_utf8(text).ok()?, &mut key)?;
        Some(u64::from_be_bytes(key.try_into().ok()?))
    }

    /// Appends the key of a value. None if the text is no value of the type.
    pub(crate) fn write(&self, text: &str, key: &mut Vec<u8>) -> Option<()> {
        match self {
            Self::Unordered => collate::terminated(text, key),
            Self::Scalar(scalar) => scalar::write(*scalar, text, key),
            Self::Text(collator) => collator.write(text, key),
            Self::Bpchar(collator) => collator.write(text.trim_end_matches(' '), key),
            Self::Citext(lower, collator) => collator.write(&lower.of(text), key),
            Self::Jsonb(collator) => jsonb::write(text, collator, key),
            Self::Enum(places, _) => {
                key.extend(places.get(text)?.to_be_bytes());
                Some(())
            }
            Self::Array(element, delimiter) => nested::array(text, *delimiter, element, key),
            Self::Range(subtype, step) => range::write(text, subtype, *step, key),
            Self::Multirange(subtype, step) => range::write_multi(text, subtype, *step, key),
            Self::Record(fields) => nested::record(text, fields, key),
        }
    }

    /// A value, to show how one is written.
    pub(crate) fn example(&self) -> Cow<'static, str> {
        let fixed = match self {
            Self::Unordered | Self::Text(_) | Self::Bpchar(_) | Self::Citext(..) => "any text",
            Self::Jsonb(_) => r#"{"a": 1}"#,
            Self::Scalar(scalar) => scalar::example(*scalar),
            Self::Enum(_, first) => {
                return first.clone().map_or("one that the type does not have yet".into(), Into::into);
            }
            Self::Array(element, delimiter) => {
                let one = nested::quoted(&element.example());
                return format!("{{{one}{}{one}}}", char::from(*delimiter)).into();
            }
            Self::Range(subtype, _) => {
                return format!("[{},)", nested::quoted(&subtype.example())).into();
            }
            Self::Multirange(subtype, _) => {
                return format!("{{[{},)}}", nested::quoted(&subtype.example())).into();
            }
            Self::Record(fields) => {
                let fields: Vec<_> = fields.iter().map(|field| nested::quoted(&field.example())).collect();
                return format!("({})", fields.join(",")).into();
            }
        };
        fixed.into()
    }
}
