//! The columns of a batch by their names, and those of them that hold what the stored types can't. To look for each of 1,600
//! columns among all of them would take longer than to write them.

use arrow_array::{ArrayRef, BinaryArray, RecordBatch, cast::AsArray};
use mycorr_domain::Column;
use std::collections::HashMap;

pub(crate) fn by_name(batch: &RecordBatch) -> HashMap<&str, &ArrayRef> {
    let names = batch.schema_ref().fields().iter().map(|field| field.name().as_str());
    names.zip(batch.columns()).collect()
}

/// The columns that stand behind a batch's own, by their names (see [`Column::exact_name`]): mostly there are none.
pub(crate) struct Companions<'a>(HashMap<&'a str, &'a BinaryArray>);

impl<'a> Companions<'a> {
    /// `columns` are the batch's own.
    pub(crate) fn of(batch: &'a RecordBatch, columns: usize) -> Self {
        let fields = batch.schema_ref().fields().iter().zip(batch.columns()).skip(columns);
        Self(fields.map(|(field, values)| (field.name().as_str(), values.as_binary::<i32>())).collect())
    }

    pub(crate) fn get(&self, column: &Column) -> Option<&'a BinaryArray> {
        (!self.0.is_empty()).then(|| self.0.get(column.exact_name().as_str()).copied()).flatten()
    }
}
