//! One value as a person sees it, and how many of them fit into an answer.

use sha2::{Digest as _, Sha256};

/// A cell of a page of rows: exactly the text that PostgreSQL's output function prints, or what stands for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    Null,
    Text(String),
    /// Bytes that are not valid UTF-8 (a `SQL_ASCII` database).
    Bytes(Vec<u8>),
    /// A cell that does not fit into the answer.
    Large(Box<LargeCell>),
}

/// What stands for a cell that does not fit: its digest, its length in bytes and its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LargeCell {
    pub sha256: [u8; 32],
    pub length: u64,
    pub preview: String,
}

impl Cell {
    /// The longest cell that is in an answer as a whole, in bytes.
    pub const MAX_BYTES: usize = 1 << 20;

    /// The cell of what PostgreSQL printed.
    fn whole(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::Text(text),
            Err(error) => Self::Bytes(error.into_bytes()),
        }
    }
}

/// A cell that is read piece by piece and kept only as [`LargeCell`].
pub struct CellDigest {
    hash: Sha256,
    length: u64,
    beginning: Vec<u8>,
}

/// How much of a large cell is shown.
const PREVIEW_BYTES: usize = 256;

impl Default for CellDigest {
    fn default() -> Self {
        Self { hash: Sha256::new(), length: 0, beginning: Vec::new() }
    }
}

impl CellDigest {
    pub fn update(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.length += bytes.len() as u64;
        let missing = PREVIEW_BYTES - self.beginning.len();
        self.beginning.extend_from_slice(&bytes[..bytes.len().min(missing)]);
    }

    fn finish(self) -> LargeCell {
        let Self { hash, length, beginning } = self;
        // A character that is cut is left out; bytes that are not valid UTF-8 are shown as U+FFFD.
        let shown = match std::str::from_utf8(&beginning) {
            Err(error) if error.error_len().is_none() => &beginning[..error.valid_up_to()],
            _ => &beginning,
        };
        let preview = String::from_utf8_lossy(shown).into_owned();
        LargeCell { sha256: hash.finalize().into(), length, preview }
    }
}

/// The bytes that an answer may still have. Each of its cells is made here, in their order; a cell that is
/// larger than [`Cell::MAX_BYTES`] or than what is left becomes a [`LargeCell`].
#[derive(Clone, Debug)]
pub struct AnswerBudget {
    /// For cells as a whole.
    left: usize,
    /// For everything, with what each cell takes however small it is.
    total: usize,
}

/// A digest, a length and a beginning are not smaller than a cell of so many bytes.
const SMALL_BYTES: usize = PREVIEW_BYTES + 128;
/// What a cell takes beside its bytes.
const CELL_BYTES: usize = 32;

impl AnswerBudget {
    pub const BYTES: usize = 8 << 20;

    /// For an answer of at most so many cells: some room is kept for what stands for those that don't fit.
    pub fn new(cells: usize) -> Self {
        let reserved = cells.saturating_mul(SMALL_BYTES).min(Self::BYTES / 4);
        Self { left: Self::BYTES - reserved, total: 2 * Self::BYTES }
    }

    /// An equal part for each of `parts` readers that work side by side.
    #[must_use]
    pub fn split(&self, parts: usize) -> Self {
        Self { left: self.left / parts.max(1), total: self.total / parts.max(1) }
    }

    /// Whether a cell of this length is taken as a whole.
    pub fn takes(&self, length: usize) -> bool {
        length <= Cell::MAX_BYTES && length <= self.left.max(SMALL_BYTES)
    }

    /// Nothing more should be added: even small cells have come to more than an answer may hold.
    pub fn is_spent(&self) -> bool {
        self.total == 0
    }

    /// The cell of what PostgreSQL printed, `None` for null.
    pub fn cell(&mut self, bytes: Option<impl AsRef<[u8]> + Into<Vec<u8>>>) -> Cell {
        let Some(bytes) = bytes else {
            self.spend(0);
            return Cell::Null;
        };
        let text = bytes.as_ref();
        if self.takes(text.len()) {
            let size = encoded_bytes(text);
            self.left = self.left.saturating_sub(size);
            self.spend(size);
            return Cell::whole(bytes.into());
        }
        let mut digest = CellDigest::default();
        digest.update(text);
        self.large(digest)
    }

    /// The cell of what was read piece by piece because it is not taken as a whole.
    pub fn large(&mut self, digest: CellDigest) -> Cell {
        self.spend(SMALL_BYTES);
        Cell::Large(Box::new(digest.finish()))
    }

    fn spend(&mut self, bytes: usize) {
        self.total = self.total.saturating_sub(bytes + CELL_BYTES);
    }
}

/// Bytes of a text in JSON.
fn encoded_bytes(text: &[u8]) -> usize {
    let encoded = |byte: &u8| match byte {
        b'"' | b'\\' => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.iter().map(encoded).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(budget: &mut AnswerBudget, bytes: usize) -> bool {
        match budget.cell(Some(vec![b'x'; bytes])) {
            Cell::Text(text) => text.len() == bytes,
            Cell::Large(large) => {
                assert_eq!((large.length, large.preview.len()), (bytes as u64, PREVIEW_BYTES));
                false
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn answer_holds_eight_mebibytes_of_whole_cells() {
        let mut budget = AnswerBudget::new(200);
        let cells: Vec<bool> = (0..200).map(|_| whole(&mut budget, 900_000)).collect();
        assert_eq!(cells.iter().filter(|whole| **whole).count(), 9);
        assert!(cells[..9].iter().all(|whole| *whole));
        assert!(!budget.is_spent());
        // A short cell takes no more room than its digest would.
        assert!(whole(&mut budget, 300));
    }

    #[test]
    fn cell_over_one_mebibyte_is_a_digest_even_when_there_is_room() {
        let mut budget = AnswerBudget::new(1);
        assert!(whole(&mut budget, Cell::MAX_BYTES));
        assert!(!whole(&mut budget, Cell::MAX_BYTES + 1));
    }

    #[test]
    fn very_many_small_cells_spend_the_budget() {
        let mut budget = AnswerBudget::new(1_600_000);
        let cells = (0..1_600_000).take_while(|_| {
            budget.cell(Some(*b"12345"));
            !budget.is_spent()
        });
        assert!((400_000..500_000).contains(&cells.count()));
    }

    #[test]
    fn control_characters_count_as_they_are_encoded() {
        let mut budget = AnswerBudget::new(0);
        for _ in 0..2 {
            assert!(matches!(budget.cell(Some(vec![1; 700_000])), Cell::Text(_)));
        }
        assert!(matches!(budget.cell(Some(vec![1; 700_000])), Cell::Large(_)));
    }

    #[test]
    fn digest_is_of_all_bytes_and_preview_ends_with_a_character() {
        let text = format!("x{}", "ü".repeat(1 << 20));
        let mut digest = CellDigest::default();
        text.as_bytes().chunks(1000).for_each(|chunk| digest.update(chunk));
        let Cell::Large(large) = AnswerBudget::new(1).large(digest) else { panic!() };
        assert_eq!(large.sha256, <[u8; 32]>::from(Sha256::digest(&text)));
        assert_eq!(large.preview, format!("x{}", "ü".repeat(127)));
        assert_eq!(Cell::Large(large), AnswerBudget::new(1).cell(Some(text.into_bytes())));
    }
}
