//! Integers that lie close together: each is counted in a place of its own, and all that is told of them follows from the
//! counts, exactly.

use super::integers::Number;

/// Counts of neighbours.
pub(super) struct Dense {
    /// The value that is counted in the first place.
    first: i64,
    /// How many rows have each value; no place before there is one.
    rows: Vec<u32>,
    most: usize,
    /// How many rows there may be until a place could overflow.
    left: u32,
}

impl Dense {
    /// Of values that lie in `most` places.
    pub(super) fn new(most: usize) -> Self {
        Self { first: 0, rows: Vec::new(), most, left: u32::MAX }
    }

    /// Counts values up to the first one that finds no place, which is given back.
    #[inline]
    pub(super) fn extend<T: Number>(
        &mut self,
        values: &mut impl Iterator<Item = T::Native>,
    ) -> Option<T::Native> {
        loop {
            let (rows, first) = (self.rows.as_mut_slice(), self.first);
            let next = values.find(|value| {
                let place = T::narrow(*value).wrapping_sub(first) as usize;
                match rows.get_mut(place) {
                    Some(rows) if T::is_narrow(*value) => {
                        *rows += 1;
                        false
                    }
                    _ => true,
                }
            })?;
            if !T::is_narrow(next) || !self.add(T::narrow(next), 1) {
                return Some(next);
            }
        }
    }

    /// Whether so many more rows can be counted.
    pub(super) fn reserve(&mut self, rows: u64) -> bool {
        let left = u32::try_from(rows).ok().and_then(|rows| self.left.checked_sub(rows));
        self.left = left.unwrap_or_default();
        left.is_some()
    }

    /// Rows of one value. False if there is no place for it beside the others.
    pub(super) fn add(&mut self, value: i64, rows: u32) -> bool {
        if self.place(value) >= self.rows.len() {
            let (mut least, mut most) = (value, value);
            for (value, _) in self.counted() {
                (least, most) = (least.min(value), most.max(value));
            }
            let Some(room) = (self.most as u64).checked_sub(most.abs_diff(least).saturating_add(1)) else {
                return false;
            };
            // With room on both sides.
            let first = least.saturating_sub((room / 2) as i64);
            let mut moved = Self { first, rows: vec![0; self.most], ..*self };
            for (value, rows) in self.counted() {
                let place = moved.place(value);
                moved.rows[place] = rows;
            }
            *self = moved;
        }
        let place = self.place(value);
        self.rows[place] += rows;
        true
    }

    /// All rows of the other one. False, and none of them, if they don't fit.
    pub(super) fn append(&mut self, other: &Self) -> bool {
        let Some(left) = self.left.checked_sub(u32::MAX - other.left) else { return false };
        let edges = [other.counted().next(), other.counted().last()];
        if !edges.into_iter().flatten().all(|(value, _)| self.add(value, 0)) {
            return false;
        }
        self.left = left;
        other.counted().for_each(|(value, rows)| {
            self.add(value, rows);
        });
        true
    }

    fn place(&self, value: i64) -> usize {
        value.wrapping_sub(self.first) as usize
    }

    /// Each value that there is, and how many rows have it.
    pub(super) fn counted(&self) -> impl Iterator<Item = (i64, u32)> + Clone {
        let places = self.rows.iter().enumerate().filter(|(_, rows)| **rows > 0);
        places.map(|(place, rows)| (self.first.wrapping_add(place as i64), *rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::types::{Decimal128Type, Int64Type};

    fn counts(most: usize, values: &[i64]) -> (Vec<(i64, u32)>, Option<i64>) {
        let mut dense = Dense::new(most);
        let rest = dense.extend::<Int64Type>(&mut values.iter().copied());
        (dense.counted().collect(), rest)
    }

    #[test]
    fn neighbours_are_counted_wherever_they_lie() {
        assert_eq!(counts(4, &[7, 5, 7, 8]), (vec![(5, 1), (7, 2), (8, 1)], None));
        assert_eq!(counts(4, &[7, 5, 9, 7]), (vec![(5, 1), (7, 1)], Some(9)));
        for edge in [i64::MIN, i64::MAX, 0] {
            let (a, b) = (edge.saturating_sub(1), edge.saturating_add(1));
            let values = [edge, a, b];
            let (counted, rest) = counts(4, &values);
            assert_eq!(rest, None);
            for (value, rows) in &counted {
                assert_eq!(values.iter().filter(|other| *other == value).count(), *rows as usize);
            }
            assert_eq!(counted.iter().map(|(_, rows)| rows).sum::<u32>(), 3);
        }
        assert_eq!(counts(4, &[i64::MIN, i64::MAX]), (vec![(i64::MIN, 1)], Some(i64::MAX)));
        assert_eq!(counts(0, &[1]), (vec![], Some(1)));
    }

    #[test]
    fn a_value_beyond_64_bits_has_no_place() {
        let mut dense = Dense::new(9);
        let beyond = (1_i128 << 64) + 1;
        assert_eq!(dense.extend::<Decimal128Type>(&mut [1, beyond, 1].into_iter()), Some(beyond));
        assert_eq!(dense.counted().collect::<Vec<_>>(), [(1, 1)]);
    }

    #[test]
    fn no_count_overflows() {
        let mut dense = Dense::new(1);
        assert!(dense.reserve(u64::from(u32::MAX) - 1) && dense.reserve(1) && !dense.reserve(1));
    }
}
