//! What a column's values come to, whatever their order: how many there are, and the sum of the hashes of their texts. A
//! database computes the same, so that what is stored can be compared with it.

use crate::{export::StoredColumn, output};
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

/// How a text is hashed, as the server can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextHash {
    /// `hashtextextended(text, 0)`, of PostgreSQL 11 and newer.
    Lookup3,
    /// The first 64 bits of `md5(text)`, as a signed number.
    Md5,
}

impl TextHash {
    pub fn hash(self, text: &[u8]) -> i64 {
        match self {
            Self::Lookup3 => lookup3(text) as i64,
            Self::Md5 => {
                let digest = Md5::digest(text);
                i64::from_be_bytes(digest[..8].try_into().expect("MD5 has 16 bytes"))
            }
        }
    }
}

/// Of a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnChecksum {
    /// Values that are not null.
    pub values: u64,
    /// Of the hashes of their texts.
    pub sum: i128,
}

/// Of all columns of a version or a table, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksums {
    pub rows: u64,
    pub columns: Vec<ColumnChecksum>,
}

/// What a source computed, and how its figures are to be repeated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceChecksums {
    pub hash: TextHash,
    pub checksums: Checksums,
}

impl Checksums {
    pub fn new(columns: usize) -> Self {
        Self { rows: 0, columns: vec![ColumnChecksum::default(); columns] }
    }

    /// Adds rows of which `columns` are all columns.
    pub fn add(&mut self, columns: &[StoredColumn<'_>], rows: usize, hash: TextHash) {
        self.rows += rows as u64;
        for (stored, checksum) in columns.iter().zip(&mut self.columns) {
            let StoredColumn { column, native, exact } = *stored;
            for row in 0..rows {
                if let Some(text) = output::bytes_of(column, native, exact, row) {
                    checksum.values += 1;
                    checksum.sum += i128::from(hash.hash(&text));
                }
            }
        }
    }
}

/// PostgreSQL's `hash_bytes_extended` (`hashfn.c`) with the seed 0 on a little-endian machine: Bob Jenkins, "lookup3.c".
fn lookup3(bytes: &[u8]) -> u64 {
    let word = |bytes: &[u8]| {
        let mut word = [0; 4];
        word[..bytes.len().min(4)].copy_from_slice(&bytes[..bytes.len().min(4)]);
        u32::from_le_bytes(word)
    };
    let start = 0x9e37_79b9_u32.wrapping_add(bytes.len() as u32).wrapping_add(3_923_095);
    let [mut a, mut b, mut c] = [start; 3];
    let (chunks, rest) = bytes.as_chunks::<12>();
    let step = |x: &mut u32, y: u32, z: &mut u32, add: u32, turn: u32| {
        *x = x.wrapping_sub(y);
        *x ^= y.rotate_left(turn);
        *z = z.wrapping_add(add);
    };
    for chunk in chunks {
        a = a.wrapping_add(word(&chunk[..4]));
        b = b.wrapping_add(word(&chunk[4..8]));
        c = c.wrapping_add(word(&chunk[8..]));
        let y = c;
        step(&mut a, y, &mut c, b, 4);
        let y = a;
        step(&mut b, y, &mut a, c, 6);
        let y = b;
        step(&mut c, y, &mut b, a, 8);
        let y = c;
        step(&mut a, y, &mut c, b, 16);
        let y = a;
        step(&mut b, y, &mut a, c, 19);
        let y = b;
        step(&mut c, y, &mut b, a, 4);
    }
    let part = |from: usize| rest.get(from..).unwrap_or_default();
    a = a.wrapping_add(word(&part(0)[..part(0).len().min(4)]));
    b = b.wrapping_add(word(&part(4)[..part(4).len().min(4)]));
    // The lowest byte of the last word is kept for the length.
    c = c.wrapping_add(word(&part(8)[..part(8).len().min(3)]) << 8);
    let end = |x: &mut u32, y: u32, turn: u32| {
        *x ^= y;
        *x = x.wrapping_sub(y.rotate_left(turn));
    };
    end(&mut c, b, 14);
    end(&mut a, c, 11);
    end(&mut b, a, 25);
    end(&mut c, b, 16);
    end(&mut a, c, 4);
    end(&mut b, a, 14);
    end(&mut c, b, 24);
    u64::from(b) << 32 | u64::from(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASHES: &[(&str, i64, i64)] = &[
        ("", -6_939_563_903_564_495_251, -3_162_216_497_309_240_828),
        ("a", 3_591_986_179_850_072_241, 919_145_239_626_757_800),
        ("abc", -6_747_756_470_228_489_321, -8_070_080_442_485_551_184),
        ("abcd", -1_038_429_303_365_892_052, -2_090_671_554_581_500_269),
        ("abcdefg", -6_158_032_784_613_548_338, 8_846_877_330_041_071_953),
        ("abcdefgh", -8_882_191_227_074_733_005, -1_667_386_836_265_978_700),
        ("abcdefghi", -3_278_210_106_038_014_113, -8_455_056_266_830_547_182),
        ("abcdefghijk", 3_112_909_444_737_856_467, -7_874_037_296_740_645_984),
        ("abcdefghijkl", -7_556_637_188_122_330_412, -6_932_774_827_667_214_116),
        ("abcdefghijklm", 8_871_624_171_452_417_744, 2_499_143_549_899_175_603),
        (
            "Größe über alles, and longer than twenty-four bytes",
            -5_002_031_123_994_438_367,
            8_690_249_481_164_768_377,
        ),
    ];

    /// As PostgreSQL 15 says: `SELECT hashtextextended(t COLLATE "C", 0), ('x' || left(md5(t), 16))::bit(64)::bigint`.
    #[test]
    fn hashes_are_those_of_postgresql() {
        for (text, lookup3, md5) in HASHES {
            assert_eq!(TextHash::Lookup3.hash(text.as_bytes()), *lookup3, "{text:?}");
            assert_eq!(TextHash::Md5.hash(text.as_bytes()), *md5, "{text:?}");
        }
    }
}
