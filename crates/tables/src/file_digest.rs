//! What a file of rows holds, in 32 bytes: the same for the same cells in the same order, however the rows came in batches.
//! By it a file of an earlier version is known to hold what a new one would.

use arrow_array::{
    Array, ArrayRef, BinaryArray, GenericByteArray, StringArray, cast::AsArray, types::ByteArrayType,
};
use arrow_schema::{DataType, Field, Schema};
use blake3::Hasher;
use mycorr_domain::{Problem, Result};
use std::{collections::BTreeMap, ops::Range};

/// The cells of one column. Nulls are kept apart from values, so that what lies in their places does not matter.
#[derive(Clone, Default)]
pub(crate) struct ColumnDigest {
    values: Hasher,
    /// Of texts and bytes, whose ends the values alone do not tell.
    lengths: Option<Box<Hasher>>,
    nulls: Option<Box<Hasher>>,
    /// The last run of nulls: the next batch may go on with it.
    null_run: Range<u64>,
    rows: u64,
    null_count: u64,
}

impl ColumnDigest {
    /// # Errors
    /// A bug for a type that no column is stored as.
    pub(crate) fn add(&mut self, array: &ArrayRef) -> Result<()> {
        match array.nulls().filter(|nulls| nulls.null_count() > 0) {
            None => self.add_values(array, 0..array.len())?,
            Some(nulls) => {
                let mut end = 0;
                for (from, to) in nulls.valid_slices() {
                    self.add_nulls(end..from);
                    self.add_values(array, from..to)?;
                    end = to;
                }
                self.add_nulls(end..array.len());
            }
        }
        self.rows += array.len() as u64;
        Ok(())
    }

    fn add_nulls(&mut self, rows: Range<usize>) {
        if rows.is_empty() {
            return;
        }
        let rows = self.rows + rows.start as u64..self.rows + rows.end as u64;
        self.null_count += rows.end - rows.start;
        if self.null_run.end == rows.start {
            self.null_run.end = rows.end;
        } else {
            self.end_null_run();
            self.null_run = rows;
        }
    }

    fn end_null_run(&mut self) {
        let run = std::mem::take(&mut self.null_run);
        if !run.is_empty() {
            let nulls = self.nulls.get_or_insert_default();
            nulls.update(&run.start.to_le_bytes());
            nulls.update(&run.end.to_le_bytes());
        }
    }

    fn add_values(&mut self, array: &ArrayRef, rows: Range<usize>) -> Result<()> {
        match array.data_type() {
            DataType::Boolean => {
                let values = array.as_boolean();
                let bytes: Vec<u8> = rows.map(|row| u8::from(values.value(row))).collect();
                self.values.update(&bytes);
            }
            DataType::Utf8 => self.add_bytes::<<StringArray as Kind>::Of>(array, rows),
            DataType::Binary => self.add_bytes::<<BinaryArray as Kind>::Of>(array, rows),
            other => {
                let Some(width) = other.primitive_width() else {
                    return Err(Problem::bug(format!("a column is stored as {other}")));
                };
                let data = array.to_data();
                let start = (data.offset() + rows.start) * width;
                self.values.update(&data.buffers()[0].as_slice()[start..start + rows.len() * width]);
            }
        }
        Ok(())
    }

    fn add_bytes<T: ByteArrayType<Offset = i32>>(&mut self, array: &ArrayRef, rows: Range<usize>) {
        let array = array.as_bytes::<T>();
        let offsets = &array.value_offsets()[rows.start..=rows.end];
        self.values.update(&array.value_data()[offsets[0] as usize..offsets[rows.len()] as usize]);
        let lengths: Vec<u8> =
            offsets.windows(2).flat_map(|pair| (pair[1] - pair[0]).to_le_bytes()).collect();
        self.lengths.get_or_insert_default().update(&lengths);
    }

    fn finish(&self) -> [u8; 96] {
        let mut this = self.clone();
        this.end_null_run();
        let mut all = [0; 96];
        let parts = [this.values, *this.lengths.unwrap_or_default(), *this.nulls.unwrap_or_default()];
        for (place, part) in all.chunks_exact_mut(32).zip(parts) {
            place.copy_from_slice(part.finalize().as_bytes());
        }
        all
    }
}

/// The type of an array of bytes.
trait Kind {
    type Of: ByteArrayType<Offset = i32>;
}

impl<T: ByteArrayType<Offset = i32>> Kind for GenericByteArray<T> {
    type Of = T;
}

/// Of a whole file, whose first `native` columns are the table's. A companion that holds nothing is as good as none.
pub(crate) fn file_digest(schema: &Schema, native: usize, columns: &[ColumnDigest], rows: u64) -> String {
    let mut all = Hasher::new();
    all.update(b"mycorr.file.2\0");
    all.update(&rows.to_le_bytes());
    for (at, (field, column)) in schema.fields().iter().zip(columns).enumerate() {
        if at >= native && column.null_count == rows {
            continue;
        }
        let described = described(field);
        all.update(&(described.len() as u64).to_le_bytes());
        all.update(described.as_bytes());
        all.update(&column.finish());
    }
    all.finalize().to_string()
}

fn described(field: &Field) -> String {
    let metadata: BTreeMap<_, _> = field.metadata().iter().collect();
    format!("{:?} {:?} {} {metadata:?}", field.name(), field.data_type(), field.is_nullable())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{BooleanArray, Decimal128Array, Int32Array};
    use std::sync::Arc;

    fn digest(parts: &[ArrayRef], native: usize) -> String {
        let mut column = ColumnDigest::default();
        parts.iter().for_each(|part| column.add(part).unwrap());
        let schema = Schema::new(vec![Field::new("c", parts[0].data_type().clone(), true)]);
        file_digest(&schema, native, std::slice::from_ref(&column), column.rows)
    }

    #[test]
    fn rows_in_whatever_batches_are_the_same() {
        let arrays: [ArrayRef; 5] = [
            Arc::new(Int32Array::from(vec![Some(1), None, None, Some(0), None, Some(7)])),
            Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), Some(true), None, None])),
            Arc::new(StringArray::from(vec![None, Some("ab"), Some(""), None, Some("c"), Some("d")])),
            Arc::new(BinaryArray::from(vec![
                Some(b"ab".as_slice()),
                None,
                Some(b""),
                Some(b"c"),
                None,
                None,
            ])),
            Arc::new(Decimal128Array::from(vec![Some(1), Some(-1), Some(2), None, None, Some(3)])),
        ];
        for array in &arrays {
            let whole = digest(std::slice::from_ref(array), 1);
            for cut in 1..array.len() {
                let parts = [array.slice(0, cut), array.slice(cut, array.len() - cut)];
                assert_eq!(digest(&parts, 1), whole, "{array:?} cut at {cut}");
            }
            assert_ne!(digest(&[array.slice(0, 5)], 1), whole);
            assert_ne!(digest(&[array.slice(1, 5), array.slice(0, 1)], 1), whole);
        }
    }

    #[test]
    fn what_differs_in_one_cell_is_another() {
        let texts = |texts: Vec<Option<&str>>| -> ArrayRef { Arc::new(StringArray::from(texts)) };
        let all = [
            digest(&[texts(vec![Some("ab"), Some("c")])], 1),
            digest(&[texts(vec![Some("a"), Some("bc")])], 1),
            digest(&[texts(vec![Some("abc"), Some("")])], 1),
            digest(&[texts(vec![Some("abc"), None])], 1),
            digest(&[texts(vec![None, Some("abc")])], 1),
            digest(&[texts(vec![Some(""), Some("abc")])], 1),
            digest(&[texts(vec![None, None])], 1),
            digest(&[Arc::new(BinaryArray::from(vec![b"ab".as_slice(), b"c"]))], 1),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(all[..at].iter().all(|other| other != one), "{at}");
        }
    }

    #[test]
    fn what_lies_under_a_null_does_not_matter() {
        let values = |under: i32| -> ArrayRef {
            Arc::new(Int32Array::new(vec![1, under, 3].into(), Some(vec![true, false, true].into())))
        };
        assert_eq!(digest(&[values(2)], 1), digest(&[values(9)], 1));
        // A companion without values is as good as none, a column is not.
        let nulls: ArrayRef = Arc::new(Int32Array::new_null(2));
        let none = file_digest(&Schema::empty(), 0, &[], 2);
        assert_eq!(digest(std::slice::from_ref(&nulls), 0), none);
        assert_ne!(digest(&[nulls], 1), none);
    }
}
