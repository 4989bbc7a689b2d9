//! Hashes of values and of rows, of 64 bits. They are kept in files: what they are for given bytes never changes.

use arrow_array::{RecordBatch, StringArray, cast::AsArray};

/// Of a machine word (the finaliser of MurmurHash3).
#[inline]
pub(crate) fn hash_word(word: u64) -> u64 {
    let mut hash = word ^ (word >> 33);
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

/// Two words are multiplied to 128 bits, of which the halves are put together (as wyhash does).
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

#[inline]
fn fold_pair(pair: &[u8; 16], keys: [u64; 2]) -> u64 {
    let words = u128::from_le_bytes(*pair);
    fold(words as u64 ^ keys[0], (words >> 64) as u64 ^ keys[1])
}

/// Of bytes, sixteen at a time. Up to 64, none of them waits for the one before.
#[inline]
pub(crate) fn hash_bytes(bytes: &[u8]) -> u64 {
    const KEYS: [[u64; 2]; 4] = [
        [0x9e37_79b9_7f4a_7c15, 0x9ddf_ea08_eb38_2d69],
        [0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db],
        [0x8ebc_6af0_9c88_c6e3, 0x5899_65cc_7537_4cc3],
        [0x1d8e_4e27_c47d_124f, 0xeb44_acca_b455_d165],
    ];
    let half = |half: &[u8; 4]| u64::from(u32::from_le_bytes(*half));
    let len = bytes.len();
    // Some of them come twice: how long the text is comes at the end.
    let folded = if let Some(last) = bytes.last_chunk::<16>() {
        let mut folded = fold_pair(last, KEYS[0]);
        let at = |at: usize, keys| bytes[at..].first_chunk::<16>().map_or(0, |pair| fold_pair(pair, keys));
        if len <= 32 {
            folded ^= at(0, KEYS[1]);
        } else if len <= 64 {
            folded ^= at(0, KEYS[1]) ^ at(16, KEYS[2]) ^ at(len - 32, KEYS[3]);
        } else {
            for pair in bytes[..len - 1].as_chunks::<16>().0 {
                folded = fold_pair(pair, [KEYS[1][0] ^ folded, KEYS[1][1]]);
            }
        }
        folded
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        fold(u64::from_le_bytes(*first) ^ KEYS[0][0], u64::from_le_bytes(*last) ^ KEYS[0][1])
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        fold(half(first) ^ KEYS[0][0], half(last) ^ KEYS[0][1])
    } else {
        fold(bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)) ^ KEYS[0][0], KEYS[0][1])
    };
    fold(folded ^ (len as u64).wrapping_mul(KEYS[1][0]), KEYS[1][1])
}

/// The hash of a row in the making: it takes in a cell after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RowHash(u64);

impl RowHash {
    pub(crate) const EMPTY: Self = Self(0x2d35_8dcc_aa6c_78a5);

    /// A word is folded with what there is, and both stay in the sum, so that none of them can wipe the other out.
    #[inline]
    pub(crate) fn word(&mut self, word: u64) {
        let (a, b) = (word ^ 0x8bb8_4b93_962e_acc9, self.0 ^ 0x4b33_a62e_d433_d4a3);
        self.0 = a ^ b ^ fold(a, b);
    }

    /// A number of 128 bits: as if it had 64 where it fits into them.
    #[inline]
    pub(crate) fn wide(&mut self, value: i128) {
        let (low, high) = (value as u64, (value >> 64) as u64);
        if high as i64 != low as i64 >> 63 {
            self.0 = self.0.rotate_left(17);
            self.word(high);
        }
        self.word(low);
    }

    #[inline]
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.word(hash_bytes(bytes));
    }

    /// Bytes in the place of a value of another type.
    #[inline]
    pub(crate) fn other(&mut self, bytes: &[u8]) {
        self.0 = self.0.rotate_left(29);
        self.bytes(bytes);
    }

    #[inline]
    pub(crate) fn null(&mut self) {
        self.0 = self.0.rotate_left(41);
        self.word(0);
    }

    pub(crate) fn finish(self) -> u64 {
        hash_word(self.0)
    }
}

/// The hashes of a batch's texts, made once for all who ask; a null has some hash.
pub(crate) struct TextHashes(Vec<Option<Vec<u64>>>);

impl TextHashes {
    /// Of the first `columns`.
    pub(crate) fn of(batch: &RecordBatch, columns: usize) -> Self {
        let columns = batch.columns().iter().take(columns);
        Self(columns.map(|values| values.as_string_opt::<i32>().map(Self::of_texts)).collect())
    }

    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    fn of_texts(values: &StringArray) -> Vec<u64> {
        let (data, ends) = (values.value_data(), values.value_offsets().windows(2));
        ends.map(|ends| hash_bytes(&data[ends[0] as usize..ends[1] as usize])).collect()
    }

    /// Of a column of texts, a hash for each row.
    pub(crate) fn column(&self, at: usize) -> Option<&[u64]> {
        self.0.get(at)?.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn texts_of_every_length_have_hashes_of_their_own() {
        let bytes: Vec<u8> = (0..70).map(|n| n * 3).collect();
        let mut texts = vec![Vec::new()];
        for to in 1..=bytes.len() {
            texts.push(bytes[..to].to_vec());
            // One byte changed, at each place.
            texts.extend((0..to).map(|at| {
                let mut text = bytes[..to].to_vec();
                text[at] ^= 0x80;
                text
            }));
        }
        let hashes: HashSet<u64> = texts.iter().map(|text| hash_bytes(text)).collect();
        assert_eq!(hashes.len(), texts.len());
    }

    #[test]
    fn neighbouring_rows_have_hashes_of_their_own() {
        let cells: Vec<Option<i64>> = std::iter::once(None).chain((-60..60).map(Some)).collect();
        let mut hashes = HashSet::new();
        for a in &cells {
            for b in &cells {
                for wide in [None, Some(1_i128 << 64), Some(-1 << 64), Some(1 << 100)] {
                    let mut row = RowHash::EMPTY;
                    for cell in [a, b] {
                        match cell {
                            Some(value) => row.word(*value as u64),
                            None => row.null(),
                        }
                    }
                    match wide {
                        Some(value) => row.wide(value),
                        None => row.null(),
                    }
                    hashes.insert(row.finish());
                }
            }
        }
        assert_eq!(hashes.len(), cells.len() * cells.len() * 4);
    }

    #[test]
    fn hashes_stay_what_they_are() {
        let mut row = RowHash::EMPTY;
        let mut seen = vec![row.finish()];
        row.word(7);
        seen.push(row.finish());
        row.wide(-1);
        seen.push(row.finish());
        row.wide(1 << 100);
        seen.push(row.finish());
        row.null();
        seen.push(row.finish());
        for len in [0, 1, 4, 8, 16, 17, 33, 64, 65, 200] {
            row.bytes(&vec![b'x'; len]);
            seen.push(row.finish());
        }
        row.other(b"infinity");
        seen.push(row.finish());
        let hashes: [u64; 16] = [
            0x3360_5fe8_2fa6_0161,
            0x0c48_ea9f_5e8a_5c84,
            0x7062_b746_c1ed_9606,
            0x90a7_cb67_0fe4_36eb,
            0x9cda_ac44_9084_cbc2,
            0x0f62_1eb2_27ac_37bf,
            0xae68_bee3_9def_0199,
            0x9e2f_4128_d157_f8e9,
            0xe1aa_105f_24f2_97b9,
            0xa942_ef45_6877_bfee,
            0xee6b_e374_3e52_0223,
            0x7512_3d3a_8db3_2593,
            0x7282_b38f_ebc9_c08a,
            0x5b61_517b_c710_81b6,
            0x71fc_dd2f_0195_c970,
            0x9546_92af_9a82_9777,
        ];
        assert_eq!(seen, hashes);
    }
}
