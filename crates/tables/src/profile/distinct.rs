//! How many different values there are, and which are found most, in bounded memory.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// The first bits of a hash choose one of so many registers: an error of about 3 %.
const INDEX_BITS: u32 = 10;
const REGISTERS: usize = 1 << INDEX_BITS;
/// Texts beyond are counted and not shown.
const MAX_SHOWN_BYTES: usize = 100;
pub(crate) const MAX_TOP: usize = 10;

/// A hash is its own hash.
#[derive(Default)]
pub(crate) struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only hashes are hashed")
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

struct Counted {
    rows: u64,
    /// `None` for a long one.
    text: Option<Box<str>>,
}

/// Counts values by their hashes: exactly while they are few.
pub(crate) struct Distinct {
    most: usize,
    /// All values, until there are more than `most`.
    counted: Option<HashMap<u64, Counted, BuildHasherDefault<Same>>>,
    /// HyperLogLog (Flajolet et al., 2007): the longest run of zeros in each register.
    registers: Box<[u8; REGISTERS]>,
    /// No register has less: a hash with no more zeros changes none.
    floor: u8,
}

/// Values that were met last are counted in so many places before they are looked up.
const RECENT: usize = 256;
/// So many values are hashed before they are counted.
const BLOCK: usize = 1024;

impl Distinct {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, counted: Some(HashMap::default()), registers: Box::new([0; REGISTERS]), floor: 0 }
    }

    /// Rows of one value. `text` is asked for once for each value that is counted.
    pub(crate) fn add(&mut self, hash: u64, rows: u64, text: impl FnOnce() -> String) {
        if self.counted.is_none() {
            self.register(hash);
        } else if self.meet(hash, text) {
            self.count_rows(hash, rows);
        }
    }

    /// Values, each of one row.
    #[inline]
    pub(crate) fn extend<V: Copy>(
        &mut self,
        mut values: impl Iterator<Item = V>,
        hash: impl Fn(V) -> u64,
        text: impl Fn(V) -> String,
    ) {
        if self.counted.is_some() {
            let mut recent = [(0, 0); RECENT];
            for value in &mut values {
                let hash = hash(value);
                let slot = &mut recent[hash as usize % RECENT];
                if slot.0 == hash && slot.1 > 0 {
                    slot.1 += 1;
                    continue;
                }
                let (other, counted) = std::mem::replace(slot, (hash, 1));
                self.count_rows(other, counted);
                if !self.meet(hash, || text(value)) {
                    break;
                }
            }
            recent.into_iter().for_each(|(hash, rows)| self.count_rows(hash, rows));
        }
        // Those that are left once there are too many to count are hashed in a loop that does nothing else.
        let mut hashes = [0; BLOCK];
        loop {
            let mut len = 0;
            for (slot, value) in hashes.iter_mut().zip(&mut values) {
                *slot = hash(value);
                len += 1;
            }
            self.estimate(&hashes[..len]);
            if len < BLOCK {
                return;
            }
        }
    }

    /// Values of which there are too many to count.
    fn estimate(&mut self, hashes: &[u64]) {
        // Where most change nothing they are sorted out; where it can't be guessed which do, each is looked up.
        if self.floor < 4 {
            hashes.iter().for_each(|hash| self.register(*hash));
        } else {
            let few = u64::MAX >> self.floor;
            let mut changed = false;
            for hash in hashes {
                if hash << INDEX_BITS <= few {
                    self.register(*hash);
                    changed = true;
                }
            }
            if !changed {
                return;
            }
        }
        self.floor = self.registers.iter().copied().min().unwrap_or_default();
    }

    #[inline]
    fn register(&mut self, hash: u64) {
        let register = &mut self.registers[(hash >> (u64::BITS - INDEX_BITS)) as usize];
        let zeros = ((hash << INDEX_BITS) | 1 << (INDEX_BITS - 1)).leading_zeros() as u8 + 1;
        *register = zeros.max(*register);
    }

    /// Makes a value one of those that are counted. False if there are too many by now: all that there were are in the
    /// registers.
    fn meet(&mut self, hash: u64, text: impl FnOnce() -> String) -> bool {
        let Some(counted) = &mut self.counted else { return false };
        if counted.contains_key(&hash) {
            return true;
        }
        if counted.len() < self.most {
            let text = Some(text()).filter(|text| text.len() <= MAX_SHOWN_BYTES).map(String::into_boxed_str);
            counted.insert(hash, Counted { rows: 0, text });
        } else {
            self.counted = None;
        }
        self.register(hash);
        self.counted.is_some()
    }

    /// More rows of a value that was met, while values are counted.
    fn count_rows(&mut self, hash: u64, rows: u64) {
        if rows > 0
            && let Some(one) = self.counted.as_mut().and_then(|counted| counted.get_mut(&hash))
        {
            one.rows += rows;
        }
    }

    pub(crate) fn append(&mut self, other: Self) {
        for (mine, theirs) in self.registers.iter_mut().zip(*other.registers) {
            *mine = theirs.max(*mine);
        }
        match other.counted {
            None => self.counted = None,
            Some(theirs) => {
                for (hash, one) in theirs {
                    let text = one.text.map(String::from);
                    // A text too long to be kept is as long here.
                    self.add(hash, one.rows, || text.unwrap_or_else(|| "x".repeat(MAX_SHOWN_BYTES + 1)));
                }
            }
        }
    }

    /// From now on, counts all values that come, if it counted all before.
    pub(super) fn count_all(&mut self) {
        self.most = usize::MAX;
    }

    /// How many there are, and whether that is exact.
    pub(crate) fn count(&self) -> (u64, bool) {
        if let Some(counted) = &self.counted {
            return (counted.len() as u64, true);
        }
        let m = REGISTERS as f64;
        let sum: f64 = self.registers.iter().map(|&zeros| f64::from(-i32::from(zeros)).exp2()).sum();
        let estimate = 0.7213 / (1.0 + 1.079 / m) * m * m / sum;
        let empty = self.registers.iter().filter(|&&zeros| zeros == 0).count();
        let estimate = match empty {
            // Few values: how many registers none of them met tells more.
            1.. if estimate <= 2.5 * m => m * (m / empty as f64).ln(),
            _ => estimate,
        };
        (estimate.round() as u64, false)
    }

    /// The texts of all values, if all were counted and are short.
    pub(crate) fn texts(&self) -> Option<Vec<&str>> {
        self.counted.as_ref()?.values().map(|one| one.text.as_deref()).collect()
    }

    /// The values that are found most, while all are counted. Where each of many is found once, they say nothing.
    pub(crate) fn top(&self) -> Vec<(&str, u64)> {
        let all = self.counted.iter().flat_map(|counted| counted.values());
        let mut top: Vec<_> = all.filter_map(|one| Some((one.text.as_deref()?, one.rows))).collect();
        top.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        if top.len() > MAX_TOP && top[0].1 == 1 {
            return Vec::new();
        }
        top.truncate(MAX_TOP);
        top
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::{hash_bytes, hash_word};

    #[test]
    fn few_are_exact_and_many_are_close() {
        for many in [0_u64, 1, 100, 101, 5_000, 200_000] {
            let (mut whole, mut half, mut other) =
                (Distinct::new(100), Distinct::new(100), Distinct::new(100));
            for n in 0..3 * many {
                let value = (n % many).to_string();
                whole.add(hash_bytes(value.as_bytes()), 1, || value.clone());
                let part = if n % 2 == 0 { &mut half } else { &mut other };
                part.add(hash_bytes(value.as_bytes()), 1, || value.clone());
            }
            half.append(other);
            for distinct in [&whole, &half] {
                let (count, exact) = distinct.count();
                assert_eq!(exact, many <= 100, "{many}");
                assert!(
                    count.abs_diff(many) <= if exact { 0 } else { many / 8 },
                    "{count} instead of {many}"
                );
                assert_eq!(distinct.top().len() as u64, if exact { many.min(10) } else { 0 });
                assert!(distinct.top().iter().all(|(_, rows)| *rows == 3));
            }
        }
    }

    #[test]
    fn values_far_apart_and_long_ones_are_estimated_as_well() {
        const MANY: u64 = 50_000;
        let check = |what: String, hash: &dyn Fn(u64) -> u64| {
            let mut distinct = Distinct::new(0);
            distinct.extend(0..MANY, hash, |_| unreachable!("none is counted exactly"));
            let (count, exact) = distinct.count();
            assert!(!exact && count.abs_diff(MANY) < MANY / 10, "{what}: {count} instead of {MANY}");
        };
        for apart in [1, 3, 100, 4096, 86_400_000_000, 1 << 44] {
            check(format!("numbers {apart} apart"), &|n| hash_word(n * apart));
        }
        for width in [1, 7, 8, 12, 16, 20, 32, 40, 64, 70, 200] {
            check(format!("texts of {width}"), &|n| hash_bytes(format!("{n:<width$}").as_bytes()));
            check(format!("texts of {width}, at the end"), &|n| hash_bytes(format!("{n:width$}").as_bytes()));
        }
    }

    #[test]
    fn registers_are_the_same_in_batches_of_any_size() {
        let of = |batch: usize| {
            let mut distinct = Distinct::new(10);
            let values: Vec<u64> = (0..300_000).collect();
            for values in values.chunks(batch) {
                distinct.extend(values.iter().copied(), hash_word, |value| value.to_string());
            }
            distinct.registers
        };
        assert!(of(1) == of(1000) && of(1) == of(300_000));
    }

    #[test]
    fn many_values_that_are_found_once_each_are_not_shown() {
        let found_once = |many: u64| {
            let mut distinct = Distinct::new(100);
            (0..many).for_each(|n| distinct.add(hash_word(n), 1, || n.to_string()));
            distinct
        };
        assert_eq!((found_once(10).top().len(), found_once(11).top().len()), (10, 0));
        let mut distinct = found_once(11);
        distinct.add(hash_word(3), 1, || "3".to_owned());
        assert_eq!((distinct.top().len(), distinct.top()[0]), (10, ("3", 2)));
    }

    #[test]
    fn long_values_are_counted_and_not_shown() {
        let mut distinct = Distinct::new(9);
        let long = "x".repeat(MAX_SHOWN_BYTES + 1);
        distinct.add(hash_bytes(long.as_bytes()), 1, || long.clone());
        assert_eq!((distinct.count(), distinct.top().len(), distinct.texts()), ((1, true), 0, None));
    }
}
