//! The first rows of a sorted view without sorting the rest: whoever sorts a table looks at its head first.

use crate::{
    index::View,
    order::Key,
    packed,
    scan::{Group, ROW},
};
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, cast::AsArray, types::UInt64Type};
use arrow_schema::DataType;
use datafusion::arrow::compute::filter_record_batch;
use futures::TryStreamExt;
use mycorr_domain::{Problem, Result};
use std::{cmp::Ordering, sync::Arc};
use tokio::task::JoinSet;

/// So many rows the head of a view holds.
pub(crate) const HEAD_ROWS: usize = 1000;
/// What batches take, for each reader.
const BATCH_BYTES: usize = 4 << 20;

/// How many rows a view has, and the numbers of its first [`HEAD_ROWS`].
pub(crate) struct Head {
    pub(crate) total: u64,
    pub(crate) rows: Vec<u64>,
}

impl View {
    /// Memory that it takes to find the head.
    pub(crate) fn head_memory(&self, parallel: usize) -> usize {
        let kept = 2 * HEAD_ROWS * 2 * self.key_bytes();
        (4 * BATCH_BYTES).saturating_add(kept).saturating_mul(parallel)
    }

    /// The columns pass by once, and what can't be among the first is not even packed.
    pub(crate) async fn head(self, parallel: usize) -> Result<Head> {
        let view = Arc::new(self);
        let mut readers = JoinSet::new();
        for groups in view.scan.partitions(parallel) {
            readers.spawn(view.clone().head_of(groups));
        }
        let mut all = Best::default();
        while let Some(done) = readers.join_next().await {
            let part = done.map_err(Problem::bug)??;
            all.total += part.total;
            all.rows.extend(part.rows);
        }
        all.cut();
        Ok(Head { total: all.total, rows: all.rows.into_iter().map(|row| row.number).collect() })
    }

    async fn head_of(self: Arc<Self>, groups: Vec<Group>) -> Result<Best> {
        let mut best = Best::default();
        let mut batches = std::pin::pin!(self.scan.clone().batches(groups, BATCH_BYTES));
        while let Some(batch) = batches.try_next().await? {
            self.offer(batch, &mut best)?;
        }
        Ok(best)
    }

    fn offer(&self, batch: RecordBatch, best: &mut Best) -> Result<()> {
        let batch = self.conditions.filter(batch)?;
        best.total += batch.num_rows() as u64;
        let descending: Vec<bool> = self.sort.iter().map(|(_, descending)| *descending).collect();
        let first = self.keys(0, &batch)?;
        let Some(wanted) = best.may_hold(&first, descending[0]) else { return Ok(()) };
        let batch = filter_record_batch(&batch, &wanted).map_err(Problem::bug)?;
        let keys: Vec<ArrayRef> =
            (0..self.sort.len()).map(|at| self.keys(at, &batch)).collect::<Result<_>>()?;
        let numbers = batch
            .column_by_name(ROW)
            .ok_or_else(|| Problem::bug("a batch without row numbers"))?
            .as_primitive();
        let packed = packed::pack(&keys, &descending, numbers);
        for (at, number) in numbers.values().iter().enumerate() {
            best.rows.push(Row {
                packed: packed::bytes(&packed, at),
                first: key(&keys[0], at),
                number: *number,
            });
        }
        if best.rows.len() > 2 * HEAD_ROWS {
            best.cut();
        }
        Ok(())
    }
}

/// A row with its place in the order, and the first of its keys.
struct Row {
    packed: Vec<u8>,
    first: Option<Key>,
    number: u64,
}

#[derive(Default)]
struct Best {
    total: u64,
    rows: Vec<Row>,
    /// The first key of the last row, once there are enough: whoever is behind it is not among the first.
    last: Option<Option<Key>>,
}

impl Best {
    /// Which rows of a batch may be among the first, by the first of their keys; none if no row may.
    fn may_hold(&self, keys: &ArrayRef, descending: bool) -> Option<BooleanArray> {
        let Some(last) = &self.last else { return Some(BooleanArray::from(vec![true; keys.len()])) };
        let holds = |order: Ordering| if descending { order.is_ge() } else { order.is_le() };
        // Nulls are above everything.
        let wanted: BooleanArray = match (last, keys.as_primitive_opt::<UInt64Type>()) {
            (Some(Key::Number(last)), Some(keys)) => keys
                .iter()
                .map(|key| Some(holds(key.map_or(Ordering::Greater, |key| key.cmp(last)))))
                .collect(),
            (Some(Key::Bytes(last)), None) => keys
                .as_binary::<i32>()
                .iter()
                .map(|key| Some(holds(key.map_or(Ordering::Greater, |key| key.cmp(last)))))
                .collect(),
            _ => (0..keys.len())
                .map(|at| Some(holds(if keys.is_null(at) { Ordering::Equal } else { Ordering::Less })))
                .collect(),
        };
        (wanted.true_count() > 0).then_some(wanted)
    }

    /// Keeps the first ones, in their order.
    fn cut(&mut self) {
        self.rows.sort_unstable_by(|one, other| one.packed.cmp(&other.packed));
        self.rows.truncate(HEAD_ROWS);
        if self.rows.len() == HEAD_ROWS {
            self.last = self.rows.last().map(|row| row.first.clone());
        }
    }
}

fn key(keys: &ArrayRef, at: usize) -> Option<Key> {
    if keys.is_null(at) {
        return None;
    }
    Some(match keys.data_type() {
        DataType::UInt64 => Key::Number(keys.as_primitive::<UInt64Type>().value(at)),
        _ => Key::Bytes(keys.as_binary::<i32>().value(at).to_vec()),
    })
}
