//! Rows as they arrive, decoded into batches.

use super::Scan;
use crate::wire::{Failure, stream::MAX_MESSAGE_BYTES};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema};
use mycorr_domain::Column;
use postgres_protocol::message::backend::Message;
use std::sync::Arc;

/// A batch is handed over when it has come to so many bytes, as sent, or rows.
const BATCH_BYTES: usize = 2 << 20;
const BATCH_ROWS: usize = 64 << 10;
/// So many bytes of rows are gone through once for each column: they and the places of their cells stay in the
/// processor's cache.
const DECODE_CHUNK_BYTES: usize = 128 << 10;

/// So much of a row over the limit is read to see which column makes it so large.
const MAX_NAMING_BYTES: usize = 64 << 10;

impl Scan {
    pub(super) async fn batch(&mut self) -> Result<Option<RecordBatch>, Failure> {
        let mut rows = 0;
        let mut bytes = 0;
        while !self.ready && rows < BATCH_ROWS && bytes < BATCH_BYTES {
            let taken = if self.complete {
                0
            } else {
                self.locate(rows, DECODE_CHUNK_BYTES.min(BATCH_BYTES - bytes))?
            };
            if taken > 0 {
                let input = self.client.wire.input();
                for (at, builder) in self.builders.iter_mut().enumerate() {
                    builder.extend(&self.cells, input, at)?;
                }
                self.client.wire.take(taken);
                rows += self.cells.rows();
                bytes += taken;
                continue;
            }
            match self.client.wire.peek(MAX_MESSAGE_BYTES)? {
                Some((b'D', length)) if !self.complete => {
                    let wanted = if length > self.limits.row { length.min(MAX_NAMING_BYTES) } else { length };
                    let missing = wanted.saturating_sub(self.client.wire.input().len()).max(1);
                    self.client.wire.fill(missing).await?;
                }
                None => self.client.wire.fill(5).await?,
                // CommandComplete, ReadyForQuery, an error, or a notice in between.
                Some(_) => match self.client.wire.message().await? {
                    Message::CommandComplete(_) if !self.complete => {
                        self.selects -= 1;
                        self.complete = self.selects == 0;
                        if !self.complete {
                            self.client.finish_one(self.rows + rows as u64);
                        }
                    }
                    Message::ReadyForQuery(_) if self.complete => self.ready = true,
                    _ => return Err(Failure::Protocol("unexpected message among the rows".into())),
                },
            }
        }
        self.rows += rows as u64;
        if rows == 0 { Ok(None) } else { Ok(Some(self.assemble(rows))) }
    }

    /// Locates the cells of the DataRows that are there in full, and says how many bytes they take. `before` is
    /// how many rows the batch already has.
    fn locate(&mut self, before: usize, most_bytes: usize) -> Result<usize, Failure> {
        self.cells.clear();
        let Self { client, cells, limits, rows, .. } = self;
        let input = client.wire.input();
        let mut at = 0;
        while before + cells.rows() < BATCH_ROWS && at < most_bytes {
            let Some(&[b'D', a, b, c, d]) = input[at..].first_chunk::<5>() else { break };
            let length = u32::from_be_bytes([a, b, c, d]) as usize;
            if length > limits.row {
                if input.len() - at < length.min(MAX_NAMING_BYTES) {
                    break;
                }
                let row = *rows + (before + cells.rows()) as u64;
                return Err(too_large(&input[at..], row, length, limits.row));
            }
            let end = at + 1 + length;
            if length < 6 {
                return Err(Failure::Protocol("a row shorter than its count of columns".into()));
            }
            if end > input.len() {
                break;
            }
            cells.locate(input, at + 5, end)?;
            at = end;
        }
        Ok(at)
    }

    fn assemble(&mut self, rows: usize) -> RecordBatch {
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.builders.len());
        let mut companions = Vec::new();
        for (builder, column) in self.builders.iter_mut().zip(&self.columns) {
            let (array, exact) = builder.finish(rows);
            arrays.push(array);
            companions.extend(exact.map(|exact| (column.exact_field(), exact)));
        }
        if self.fields.fields().len() != self.columns.len() + companions.len() {
            let fields = self.columns.iter().map(Column::arrow_field);
            let fields = fields.chain(companions.iter().map(|(field, _)| field.clone()));
            self.fields = Arc::new(Schema::new(fields.collect::<Vec<Field>>()));
        }
        arrays.extend(companions.into_iter().map(|(_, exact)| exact));
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(self.fields.clone(), arrays, &options)
            .expect("every builder has a cell for every row, of its column's type")
    }
}

/// Names the column that takes a row over the limit, as far as its cells have arrived.
fn too_large(message: &[u8], row: u64, bytes: usize, limit: usize) -> Failure {
    let mut at = 7;
    let mut column = None;
    for index in 0.. {
        let Some(&[a, b, c, d]) = message.get(at..).and_then(|rest| rest.first_chunk::<4>()) else { break };
        let length = u32::from_be_bytes([a, b, c, d]);
        at += 4 + if length == u32::MAX { 0 } else { length as usize };
        column = Some(index);
        if at > limit {
            break;
        }
    }
    Failure::RowTooLarge { row, column, bytes: bytes as u64 }
}
