//! A door for `benches/decode.rs`: one column, from the bytes of its messages to an array.

use crate::{
    decode::{Cells, ColumnBuilder},
    types::{self, ServerTraits},
};
use arrow_array::ArrayRef;
use mycorr_domain::Column;

/// A stretch of DataRow messages of one column.
pub struct Stretch {
    input: Vec<u8>,
    cells: Cells,
    builder: ColumnBuilder,
}

impl Stretch {
    /// `cell` makes the n-th cell in the format that the type map asks for; `None` for null.
    pub fn new(oid: u32, modifier: i32, rows: usize, cell: impl Fn(usize) -> Option<Vec<u8>>) -> Self {
        let mapping =
            types::map(oid, modifier, ServerTraits { shortest_floats: true, integer_datetimes: true });
        let column = Column {
            name: String::new(),
            position: 1,
            pg_type: String::new(),
            stored: mapping.stored,
            nullable: true,
            field: String::new(),
        };
        let mut input = Vec::new();
        for row in 0..rows {
            let cell = cell(row);
            let length = cell.as_ref().map_or(-1, |cell| cell.len() as i32);
            input.push(b'D');
            input.extend((10 + length.max(0)).to_be_bytes());
            input.extend(1i16.to_be_bytes());
            input.extend(length.to_be_bytes());
            input.extend(cell.into_iter().flatten());
        }
        Self { input, cells: Cells::new(1), builder: ColumnBuilder::new(&column, mapping.format) }
    }

    pub fn bytes(&self) -> u64 {
        self.input.len() as u64
    }

    /// # Panics
    /// When a cell is not what the type map asks for.
    pub fn decode(&mut self) -> ArrayRef {
        self.cells.clear();
        let mut at = 0;
        while let Some(&[b'D', a, b, c, d]) = self.input[at..].first_chunk() {
            let end = at + 1 + u32::from_be_bytes([a, b, c, d]) as usize;
            self.cells.locate(&self.input, at + 5, end).expect("rows of one column");
            at = end;
        }
        self.builder.extend(&self.cells, &self.input, 0).expect("cells of the type");
        let (array, companion) = self.builder.finish(self.cells.rows());
        assert!(companion.is_none(), "a cell that the stored type can't hold");
        array
    }
}
