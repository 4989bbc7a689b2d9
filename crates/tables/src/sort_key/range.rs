//! Ranges and multiranges: `range_cmp`, `multirange_cmp`.

use super::{SortKey, nested::quoted_until};
use crate::{datetime_key, order::signed};
use mycorr_domain::{RangeTree, Scalar, TypeTree};

/// Between one value and the next in a range that is always written `[a,b)`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Integer { most: i64 },
    Day,
}

impl Step {
    pub(super) fn of(range: &RangeTree) -> Option<Self> {
        match range.subtype {
            _ if !range.discrete => None,
            TypeTree::Scalar(Scalar::Int4) => Some(Self::Integer { most: i32::MAX.into() }),
            TypeTree::Scalar(Scalar::Int8) => Some(Self::Integer { most: i64::MAX }),
            TypeTree::Scalar(Scalar::Date) => Some(Self::Day),
            _ => None,
        }
    }

    fn number(self, text: &str) -> Option<i64> {
        match self {
            Self::Integer { .. } => text.trim().parse().ok(),
            Self::Day => datetime_key::date(text),
        }
    }

    /// The next number; infinite dates have none.
    fn next(self, number: i64) -> Option<i64> {
        match self {
            Self::Integer { most } => (number < most).then(|| number + 1),
            Self::Day => Some(number + 1),
        }
    }
}

struct Bound {
    /// The value's key; None for infinity.
    value: Option<Vec<u8>>,
    inclusive: bool,
}

impl Bound {
    fn is_finite(&self) -> bool {
        self.value.is_some()
    }
}

struct Range {
    lower: Bound,
    upper: Bound,
}

const EMPTY: u8 = 0;
const RANGE: u8 = 1;

pub(super) fn write(text: &str, subtype: &SortKey, step: Option<Step>, key: &mut Vec<u8>) -> Option<()> {
    let (range, rest) = parse(text.trim_start(), subtype, step)?;
    if !rest.trim_start().is_empty() {
        return None;
    }
    match range {
        None => key.push(EMPTY),
        Some(range) => {
            key.push(RANGE);
            range.write(key);
        }
    }
    Some(())
}

/// Each range behind a mark, and an end.
pub(super) fn write_multi(
    text: &str,
    subtype: &SortKey,
    step: Option<Step>,
    key: &mut Vec<u8>,
) -> Option<()> {
    let mut rest = text.trim().strip_prefix('{')?.strip_suffix('}')?.trim();
    let mut ranges: Vec<Range> = Vec::new();
    while !rest.is_empty() {
        let (range, tail) = parse(rest, subtype, step)?;
        ranges.extend(range);
        rest = tail.trim_start();
        if !rest.is_empty() {
            rest = rest.strip_prefix(',')?.trim_start();
            if rest.is_empty() {
                return None;
            }
        }
    }
    let written = |range: &Range| {
        let mut key = Vec::new();
        range.write(&mut key);
        key
    };
    ranges.sort_by_cached_key(written);
    let mut merged: Vec<Range> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if last.reaches(&range) => {
                if last.upper_key() < range.upper_key() {
                    last.upper = range.upper;
                }
            }
            _ => merged.push(range),
        }
    }
    for range in &merged {
        key.push(RANGE);
        range.write(key);
    }
    key.push(EMPTY);
    Some(())
}

impl Range {
    fn write(&self, key: &mut Vec<u8>) {
        match &self.lower.value {
            None => key.push(0),
            Some(value) => {
                key.push(1);
                key.extend(value);
                key.push(u8::from(!self.lower.inclusive));
            }
        }
        key.extend(self.upper_key());
    }

    fn upper_key(&self) -> Vec<u8> {
        match &self.upper.value {
            None => vec![2],
            Some(value) => {
                let mut key = vec![1];
                key.extend(value);
                key.push(u8::from(self.upper.inclusive));
                key
            }
        }
    }

    /// Whether nothing lies between this one and a later one.
    fn reaches(&self, later: &Self) -> bool {
        match (&self.upper.value, &later.lower.value) {
            (None, _) | (_, None) => true,
            (Some(end), Some(start)) => {
                start < end || (start == end && (self.upper.inclusive || later.lower.inclusive))
            }
        }
    }
}

/// A range at the beginning of a text, None in it if it is empty, and the rest of the text.
fn parse<'a>(text: &'a str, subtype: &SortKey, step: Option<Step>) -> Option<(Option<Range>, &'a str)> {
    if text.get(..5).is_some_and(|word| word.eq_ignore_ascii_case("empty")) {
        return Some((None, &text[5..]));
    }
    let lower_inclusive = text.starts_with('[');
    let rest = text.strip_prefix(['[', '('])?;
    let is_end = |char| matches!(char, ',' | ')' | ']');
    let (lower, rest) = quoted_until(rest, is_end)?;
    let (upper, rest) = quoted_until(rest.strip_prefix(',')?, is_end)?;
    let upper_inclusive = rest.starts_with(']');
    let rest = rest.strip_prefix([']', ')'])?;
    let bound = |text: Option<std::borrow::Cow<'_, str>>, inclusive, is_upper: bool| {
        let Some(text) = text else { return Some(Bound { value: None, inclusive: false }) };
        let mut value = Vec::new();
        subtype.write(&text, &mut value)?;
        let Some(step) = step else { return Some(Bound { value: Some(value), inclusive }) };
        let number = step.number(&text)?;
        let infinite = matches!(step, Step::Day) && matches!(number, i64::MIN | i64::MAX);
        // The lower bound is made inclusive and the upper one exclusive.
        Some(match inclusive == is_upper && !infinite {
            true => {
                Bound { value: Some(signed(step.next(number)?).to_be_bytes().into()), inclusive: !is_upper }
            }
            false => Bound { value: Some(value), inclusive },
        })
    };
    let raw = |text: &Option<std::borrow::Cow<'_, str>>| {
        let mut value = Vec::new();
        text.as_ref().map(|text| subtype.write(text, &mut value).map(|()| value)).unwrap_or(Some(Vec::new()))
    };
    if lower.is_some() && upper.is_some() && raw(&lower)? > raw(&upper)? {
        return None;
    }
    let (lower, upper) = (bound(lower, lower_inclusive, false)?, bound(upper, upper_inclusive, true)?);
    let empty = lower.is_finite()
        && upper.is_finite()
        && (lower.value > upper.value
            || (lower.value == upper.value && !(lower.inclusive && upper.inclusive)));
    Some(((!empty).then_some(Range { lower, upper }), rest))
}
