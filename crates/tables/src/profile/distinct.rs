//! How many different values there are, and which are found most, in bounded memory.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// The first bits of a hash choose one of so many registers: an error of about 3 %.
const REGISTERS: usize = 1024;
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
}

/// Of a machine word (the finaliser of MurmurHash3).
#[inline]
pub(crate) fn hash_word(word: u64) -> u64 {
    let mut hash = word ^ (word >> 33);
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

/// Of bytes, eight at a time.
#[inline]
pub(crate) fn hash_bytes(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut hash = bytes.len() as u64 ^ 0x9e37_79b9_7f4a_7c15;
    for word in words {
        hash = (hash.rotate_left(29) ^ u64::from_le_bytes(*word)).wrapping_mul(0x9ddf_ea08_eb38_2d69);
        hash ^= hash >> 32;
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    hash_word(hash.rotate_left(29) ^ u64::from_le_bytes(last))
}

impl Distinct {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, counted: Some(HashMap::default()), registers: Box::new([0; REGISTERS]) }
    }

    /// `text` is asked for once for each value that is counted.
    #[inline]
    pub(crate) fn add(&mut self, hash: u64, text: impl FnOnce() -> String) {
        match &mut self.counted {
            Some(counted) => match counted.get_mut(&hash) {
                Some(one) => one.rows += 1,
                None => self.add_new(hash, 1, Some(text()).filter(|text| text.len() <= MAX_SHOWN_BYTES)),
            },
            None => self.register(hash),
        }
    }

    #[inline]
    fn register(&mut self, hash: u64) {
        let register = &mut self.registers[(hash >> 54) as usize];
        let zeros = ((hash << 10) | 1 << 9).leading_zeros() as u8 + 1;
        *register = zeros.max(*register);
    }

    #[cold]
    fn add_new(&mut self, hash: u64, rows: u64, text: Option<String>) {
        self.register(hash);
        let Some(counted) = &mut self.counted else { return };
        if counted.len() == self.most {
            // What was counted so far is in the registers.
            self.counted = None;
            return;
        }
        counted.insert(hash, Counted { rows, text: text.map(String::into_boxed_str) });
    }

    pub(crate) fn append(&mut self, other: Self) {
        for (mine, theirs) in self.registers.iter_mut().zip(*other.registers) {
            *mine = theirs.max(*mine);
        }
        match other.counted {
            None => self.counted = None,
            Some(theirs) => {
                for (hash, one) in theirs {
                    match self.counted.as_mut().and_then(|counted| counted.get_mut(&hash)) {
                        Some(mine) => mine.rows += one.rows,
                        None => self.add_new(hash, one.rows, one.text.map(String::from)),
                    }
                }
            }
        }
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

    #[test]
    fn few_are_exact_and_many_are_close() {
        for many in [0_u64, 1, 100, 101, 5_000, 200_000] {
            let (mut whole, mut half, mut other) =
                (Distinct::new(100), Distinct::new(100), Distinct::new(100));
            for n in 0..3 * many {
                let value = (n % many).to_string();
                whole.add(hash_bytes(value.as_bytes()), || value.clone());
                let part = if n % 2 == 0 { &mut half } else { &mut other };
                part.add(hash_bytes(value.as_bytes()), || value.clone());
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
    fn many_values_that_are_found_once_each_are_not_shown() {
        let found_once = |many: u64| {
            let mut distinct = Distinct::new(100);
            (0..many).for_each(|n| distinct.add(hash_word(n), || n.to_string()));
            distinct
        };
        assert_eq!((found_once(10).top().len(), found_once(11).top().len()), (10, 0));
        let mut distinct = found_once(11);
        distinct.add(hash_word(3), || "3".to_owned());
        assert_eq!((distinct.top().len(), distinct.top()[0]), (10, ("3", 2)));
    }

    #[test]
    fn long_values_are_counted_and_not_shown() {
        let mut distinct = Distinct::new(9);
        let long = "x".repeat(MAX_SHOWN_BYTES + 1);
        distinct.add(hash_bytes(long.as_bytes()), || long.clone());
        assert_eq!((distinct.count(), distinct.top().len(), distinct.texts()), ((1, true), 0, None));
    }
}
