//! Rows to Arrow, a column at a time: first the cells of a stretch of messages are located, then each
//! column is decoded in one loop over them.

mod binary;
mod column;
mod spare;
mod text;

pub(crate) use column::ColumnBuilder;

use crate::wire::Failure;

/// Where the cells of some DataRow messages lie in the bytes that they came in: row by row, `width` a row.
#[derive(Default)]
pub(crate) struct Cells {
    /// Start and length; a length of [`NULL`] for null.
    places: Vec<(u32, u32)>,
    width: usize,
    rows: usize,
}

const NULL: u32 = u32::MAX;

impl Cells {
    pub(crate) fn new(width: usize) -> Self {
        Self { places: Vec::new(), width, rows: 0 }
    }

    pub(crate) fn clear(&mut self) {
        self.places.clear();
        self.rows = 0;
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Locates the cells of one DataRow, whose body (behind tag and length) is `bytes[start..end]`.
    /// Whatever does not add up is a violation of the protocol.
    pub(crate) fn locate(&mut self, bytes: &[u8], start: usize, end: usize) -> Result<(), Failure> {
        let bad = || Failure::Protocol("a row that does not fit its description".into());
        let body = bytes.get(..end).ok_or_else(bad)?;
        let count = body.get(start..start + 2).ok_or_else(bad)?;
        if usize::from(u16::from_be_bytes([count[0], count[1]])) != self.width {
            return Err(bad());
        }
        let mut at = start + 2;
        for _ in 0..self.width {
            let &[a, b, c, d] =
                body.get(at..at + 4).and_then(|four| four.first_chunk::<4>()).ok_or_else(bad)?;
            let length = u32::from_be_bytes([a, b, c, d]);
            at += 4;
            self.places.push((at as u32, length));
            if length != NULL {
                at = at.checked_add(length as usize).filter(|&next| next <= end).ok_or_else(bad)?;
            }
        }
        self.rows += 1;
        if at == end { Ok(()) } else { Err(bad()) }
    }

    /// The cells of a column, `None` for null.
    #[inline]
    pub(crate) fn column<'a>(
        &'a self,
        bytes: &'a [u8],
        column: usize,
    ) -> impl Iterator<Item = Option<&'a [u8]>> {
        self.places.iter().skip(column).step_by(self.width.max(1)).map(|&(start, length)| {
            (length != NULL).then(|| &bytes[start as usize..start as usize + length as usize])
        })
    }
}
