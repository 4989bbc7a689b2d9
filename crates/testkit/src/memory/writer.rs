//! What is written to a table in memory: batches, checked as they come.

use super::{MemoryStore, Version, bytes, query::bytes_of};
use arrow_array::RecordBatch;
use async_trait::async_trait;
use mycorr_domain::{Column, Committed, Result, Section, Snapshot, StoreVersion, TableWriter, WriteRight};
use std::{borrow::Cow, sync::Arc};

pub(super) struct MemoryWriter {
    pub(super) store: MemoryStore,
    pub(super) right: WriteRight,
    pub(super) columns: Vec<Column>,
    /// Of each section.
    pub(super) sections: Vec<Vec<RecordBatch>>,
}

#[async_trait]
impl TableWriter for MemoryWriter {
    async fn write_section(&mut self, section: Section, batch: RecordBatch) -> Result<()> {
        assert!(section.index < section.of, "{section:?}");
        let missing = section.of.saturating_sub(self.sections.len());
        self.sections.extend(std::iter::repeat_n(Vec::new(), missing));
        let schema = batch.schema();
        let fits = schema.fields().len() >= self.columns.len()
            && self.columns.iter().zip(schema.fields()).all(|(column, field)| {
                column.field == *field.name() && column.stored.arrow() == *field.data_type()
            });
        assert!(fits, "the batch does not fit the table's columns: {schema:?}");
        let companions = &schema.fields()[self.columns.len()..];
        for companion in companions {
            let known = self.columns.iter().any(|column| column.exact_field() == **companion);
            assert!(known, "{companion:?} is no column's companion");
        }
        if let Some(before) = self.sections[section.index].last() {
            for field in before.schema().fields() {
                assert!(
                    schema.field_with_name(field.name()).is_ok(),
                    "{field:?} came once and comes no more"
                );
            }
        }
        self.sections[section.index].push(batch);
        Ok(())
    }

    async fn finish(&mut self) -> Result<u64> {
        Ok(bytes(&self.sections.concat()))
    }

    async fn has_rows_of(&mut self, at: &Snapshot) -> Result<bool> {
        let sorted = |batches: &[RecordBatch]| {
            let text = |(batch, row): (&RecordBatch, usize)| {
                let columns = at.columns.iter().enumerate();
                columns.map(|(n, column)| bytes_of(batch, n, column, row).map(Cow::into_owned)).collect()
            };
            let rows = batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| (batch, row)));
            let mut rows: Vec<Vec<_>> = rows.map(text).collect();
            rows.sort();
            rows
        };
        let version = self.store.version(at.table, at.version)?;
        Ok(sorted(&version.batches) == sorted(&self.sections.concat()))
    }

    async fn commit(self: Box<Self>) -> Result<Committed> {
        self.store.commit(self.right, self.sections.concat().into())
    }

    async fn stage(self: Box<Self>) -> Result<Committed> {
        let batches: Arc<[RecordBatch]> = self.sections.concat().into();
        let fence = self.right.fence();
        let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum();
        let bytes = bytes(&batches);
        let committed = Committed { version: StoreVersion::staged(fence), rows, bytes, size_bytes: bytes };
        let staged = Version { job: self.right.job(), committed, batches, removed: false };
        let mut tables = self.store.0.lock().unwrap();
        tables.entry(self.right.table()).or_default().staged.insert(fence, staged);
        Ok(committed)
    }

    fn bytes(&self) -> u64 {
        bytes(&self.sections.concat())
    }
}
