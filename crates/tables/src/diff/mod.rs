//! Which rows of two versions differ. The sidecars say which may; their cells say which do.

mod by_row;
mod content;
mod export;
mod fingerprint;
mod rows;
mod sidecar;
mod sorter;

pub(crate) use content::{Content, ContentHasher, is_comparable};
pub(crate) use export::write;

use crate::{
    export::{ExportRows, Shape, row_bytes, rows_in_order},
    hash::TextHashes,
    options::QueryOptions,
    row_numbers::{RowNumbers, RowNumbersWriter},
    version::{RowPlaces, Version},
};
use arrow_array::{Array, BooleanArray, RecordBatch};
use arrow_schema::DataType;
use datafusion::arrow::compute::kernels::cmp::distinct;
use fingerprint::{Hashed, fingerprints};
use futures::TryStreamExt;
use mycorr_domain::{Change, Column, DiffCounts, DiffPlan, Problem, Result, StoredColumn, output};
use sidecar::Sidecar;
use sorter::{Merged, Sorter, Triple};
use std::{borrow::Cow, cmp::Ordering, sync::Arc};
use tokio::task::JoinSet;

/// What a comparison takes beside the rows that it looks at: two sorts, and buffers.
const SORT_BYTES: usize = 64 << 20;
/// Buckets that are compared before others get their turn.
const BUCKETS_AT_A_TIME: usize = 64;

/// The rows that differ, by their numbers.
pub(crate) struct Differences {
    pub(crate) counts: DiffCounts,
    /// In the order of `from`.
    pub(crate) removed: RowNumbers,
    /// In the order of `to`.
    pub(crate) added: RowNumbers,
    /// In the order of `to`: their numbers there, and in `from`.
    pub(crate) changed: (RowNumbers, RowNumbers),
}

impl Differences {
    pub(crate) fn bytes(&self) -> u64 {
        let (after, before) = &self.changed;
        [&self.removed, &self.added, after, before].into_iter().map(RowNumbers::bytes).sum()
    }

    /// The numbers of such rows in `from` and in `to`.
    pub(crate) fn rows(&self, change: Change) -> (Option<&RowNumbers>, Option<&RowNumbers>) {
        match change {
            Change::Removed => (Some(&self.removed), None),
            Change::Added => (None, Some(&self.added)),
            Change::Changed => (Some(&self.changed.1), Some(&self.changed.0)),
        }
    }
}

/// A version with those of its columns that the other one has as well.
struct Side {
    version: Arc<Version>,
    shape: Shape,
    columns: Arc<[Column]>,
}

pub(crate) struct Comparison {
    from: Side,
    to: Side,
    /// How many columns the plan has, and the places there of those that both have.
    columns: usize,
    common: Vec<usize>,
    hashed: Arc<[Hashed]>,
    /// Whether a row's hash, as its file keeps it, is that of its common columns.
    whole_rows: bool,
    /// Places in `common`.
    key: Option<Arc<[usize]>>,
}

impl Comparison {
    pub(crate) async fn new(plan: &DiffPlan, from: Arc<Version>, to: Arc<Version>) -> Result<Self> {
        let common: Vec<usize> = (0..plan.columns.len()).filter(|&at| plan.is_common(at)).collect();
        let pairs = common.iter().filter_map(|&at| match plan.column(at) {
            (Some(before), Some(after)) => Some((before.clone(), after.clone())),
            _ => None,
        });
        let (before, after): (Vec<Column>, Vec<Column>) = pairs.unzip();
        let in_order = |columns: &[Column], all: &[Column]| {
            columns.len() == all.len() && columns.iter().zip(all).all(|(one, other)| one.field == other.field)
        };
        let whole_rows = in_order(&before, &plan.from.columns)
            && in_order(&after, &plan.to.columns)
            && before.iter().zip(&after).all(|(before, after)| Hashed::of(before) == Hashed::of(after));
        let hashed =
            before.iter().zip(&after).map(|(before, after)| Hashed::of_both(before, after)).collect();
        let place = |at: &usize| common.iter().position(|known| known == at);
        let key = plan.key.as_ref().map(|key| key.iter().filter_map(place).collect());
        let side = async |version: Arc<Version>, columns: Vec<Column>| {
            let columns: Arc<[Column]> = columns.into();
            let shape = Shape::new(&version, columns.clone()).await?;
            Ok::<_, Problem>(Side { version, shape, columns })
        };
        let (from, to) = (side(from, before).await?, side(to, after).await?);
        Ok(Self { from, to, columns: plan.columns.len(), common, hashed, whole_rows, key })
    }

    /// Memory that it takes, at most `most`.
    pub(crate) fn memory(&self, most: usize) -> usize {
        (2 * SORT_BYTES).min(most)
    }

    /// Compares with `memory` bytes.
    pub(crate) async fn run(self, memory: usize, options: &QueryOptions) -> Result<Differences> {
        let mut building = JoinSet::new();
        // A file of both versions holds the same rows, as long as its columns are the same to both.
        let shares = self.from.columns.iter().zip(&*self.to.columns).all(|(before, after)| {
            (&before.field, before.stored, &before.pg_type) == (&after.field, after.stored, &after.pg_type)
        });
        let own = |side: &Side, other: &Side| match shares {
            true => side.version.without_files_of(&other.version),
            false => ((*side.version).clone(), RowPlaces::default()),
        };
        let (before, after) = (own(&self.from, &self.to), own(&self.to, &self.from));
        if self.whole_rows && by_row::have_hashes([&before, &after]).await? {
            let sides = [&self.from, &self.to];
            let candidates = by_row::candidates(
                [&before, &after],
                sides,
                &self.hashed,
                self.key.as_deref(),
                memory,
                options,
            );
            return self.verify(candidates.await?, memory, options).await;
        }
        for (first, side, version) in [(true, &self.from, before), (false, &self.to, after)] {
            let columns = side.columns.clone();
            let (hashed, key, options) = (self.hashed.clone(), self.key.clone(), options.clone());
            building.spawn(async move {
                Ok::<_, Problem>((first, sidecar(version, columns, &hashed, key.as_deref(), &options).await?))
            });
        }
        let mut sidecars = (None, None);
        while let Some(built) = building.join_next().await {
            let (first, built) = built.map_err(Problem::bug)??;
            *(if first { &mut sidecars.0 } else { &mut sidecars.1 }) = Some(built);
        }
        let (Some(before), Some(after)) = sidecars else { return Err(Problem::bug("a sidecar is missing")) };
        let candidates = self.candidates(&before, &after, options).await?;
        drop((before, after));
        self.verify(candidates, memory, options).await
    }

    /// What the sidecars say, bucket by bucket.
    async fn candidates(
        &self,
        before: &Sidecar,
        after: &Sidecar,
        options: &QueryOptions,
    ) -> Result<Candidates> {
        let mut found = Candidates::new(options);
        let bits = before.bits().min(after.bits());
        for bucket in 0..1_usize << bits {
            if before.summary(bucket, bits) != after.summary(bucket, bits) {
                let (mut before, mut after) = (before.read(bucket, bits)?, after.read(bucket, bits)?);
                before.sort_unstable();
                after.sort_unstable();
                found.compare(&before, &after, self.key.is_some())?;
            }
            if bucket % BUCKETS_AT_A_TIME == 0 {
                tokio::task::yield_now().await;
            }
        }
        Ok(found)
    }

    /// Looks at the cells of the rows that may have changed.
    async fn verify(
        &self,
        candidates: Candidates,
        memory: usize,
        options: &QueryOptions,
    ) -> Result<Differences> {
        let Candidates { mut removed, mut added, changed } = candidates;
        let row_bytes = row_bytes(&self.from.version, &self.from.columns).await?
            + row_bytes(&self.to.version, &self.to.columns).await?;
        // A row is there as it was read, put together, and in its place.
        let at_a_time = (memory / 2 / 3 / row_bytes).max(1);
        let folder = options.spill_folder();
        let mut before = RowNumbersWriter::create(self.from.version.rows, folder)?;
        let mut after = RowNumbersWriter::create(self.to.version.rows, folder)?;
        let mut of_columns = vec![0; self.columns];
        let mut changed = changed.finish()?;
        loop {
            let pairs = take(&mut changed, at_a_time)?;
            if pairs.is_empty() {
                break;
            }
            let ids = |at: usize| pairs.iter().map(|pair| pair[at]).collect::<Vec<u64>>();
            let [old, new] = both_sides([(&self.from, ids(1)), (&self.to, ids(0))]).await?;
            let (old, new) = (self.from.shape.columns(&old), self.to.shape.columns(&new));
            let differs: Vec<BooleanArray> = old
                .iter()
                .zip(&new)
                .zip(&*self.hashed)
                .map(|((old, new), &hashed)| different(old, new, hashed, pairs.len()))
                .collect::<Result<_>>()?;
            for (row, &[to, from, _]) in pairs.iter().enumerate() {
                let of_key = self.key.iter().flat_map(|key| key.iter());
                if of_key.clone().any(|&at| differs[at].value(row)) {
                    // Two keys of one hash.
                    removed.push([from, 0, 0])?;
                    added.push([to, 0, 0])?;
                    continue;
                }
                let mut any = false;
                for (differs, &at) in differs.iter().zip(&self.common) {
                    if differs.value(row) {
                        any = true;
                        of_columns[at] += 1;
                    }
                }
                if any {
                    before.append(&[from])?;
                    after.append(&[to])?;
                }
            }
        }
        let (removed, added) = (
            numbers(removed.finish()?, self.from.version.rows, options)?,
            numbers(added.finish()?, self.to.version.rows, options)?,
        );
        let changed = (after.finish()?, before.finish()?);
        let counts =
            DiffCounts { removed: removed.len(), added: added.len(), changed: changed.0.len(), of_columns };
        Ok(Differences { counts, removed, added, changed })
    }
}

/// Rows of both sides, each in its own order, decoded side by side.
async fn both_sides(wanted: [(&Side, Vec<u64>); 2]) -> Result<[RecordBatch; 2]> {
    both(wanted.map(|(side, ids)| {
        let (version, shape) = (side.version.clone(), side.shape.clone());
        async move { rows_in_order(&version, &shape, &ids).await }
    }))
    .await
}

/// Does the work of two sides at the same time.
async fn both<T: Send + 'static>(
    work: [impl Future<Output = Result<T>> + Send + 'static; 2],
) -> Result<[T; 2]> {
    let mut tasks = JoinSet::new();
    for (at, work) in work.into_iter().enumerate() {
        tasks.spawn(async move { (at, work.await) });
    }
    let mut done = [None, None];
    while let Some(ended) = tasks.join_next().await {
        let (at, ended) = ended.map_err(Problem::bug)?;
        done[at] = Some(ended?);
    }
    match done {
        [Some(first), Some(second)] => Ok([first, second]),
        _ => Err(Problem::bug("the work of a side is missing")),
    }
}

fn take(sorted: &mut Merged, count: usize) -> Result<Vec<Triple>> {
    let mut taken = Vec::new();
    while taken.len() < count
        && let Some(triple) = sorted.next()?
    {
        taken.push(triple);
    }
    Ok(taken)
}

fn numbers(mut sorted: Merged, of: u64, options: &QueryOptions) -> Result<RowNumbers> {
    let mut rows = RowNumbersWriter::create(of, options.spill_folder())?;
    loop {
        let some = take(&mut sorted, 4096)?;
        if some.is_empty() {
            return rows.finish();
        }
        rows.append(&some.iter().map(|triple| triple[0]).collect::<Vec<_>>())?;
    }
}

/// The sidecar of some files of a version, made from their rows.
async fn sidecar(
    (version, places): (Version, RowPlaces),
    columns: Arc<[Column]>,
    hashed: &[Hashed],
    key: Option<&[usize]>,
    options: &QueryOptions,
) -> Result<Sidecar> {
    let rows = ExportRows::in_arrival(Arc::new(version), &[], columns, &[]).await?;
    let shape = rows.shape();
    let mut at = 0;
    let mut sorter = Sorter::new(options.spill_folder());
    let mut batches = rows.batches();
    while let Some(batch) = batches.try_next().await? {
        let columns: Vec<_> = shape.columns(&batch).into_iter().zip(hashed.iter().copied()).collect();
        let first = sorter.len();
        for [key, row, number] in fingerprints(&columns, &TextHashes::none(), key, batch.num_rows(), first) {
            sorter.push([key, row, places.of(number, &mut at)])?;
        }
    }
    Sidecar::build(sorter.len(), sorter.finish()?, options.spill_folder())
}

/// Rows of which the sidecars say that they differ.
struct Candidates {
    /// The number in `from`.
    removed: Sorter,
    /// The number in `to`.
    added: Sorter,
    /// The numbers in `to` and in `from`.
    changed: Sorter,
}

impl Candidates {
    fn new(options: &QueryOptions) -> Self {
        let sorter = || Sorter::new(options.spill_folder());
        Self { removed: sorter(), added: sorter(), changed: sorter() }
    }

    /// Compares rows of the same range of keys, in their order.
    fn compare(&mut self, before: &[Triple], after: &[Triple], keyed: bool) -> Result<()> {
        let (mut before, mut after) = (before, after);
        while let Some(key) = before.first().into_iter().chain(after.first()).map(|triple| triple[0]).min() {
            let of_key = |triples: &[Triple]| triples.iter().take_while(|triple| triple[0] == key).count();
            let ((old, rest), (new, others)) =
                (before.split_at(of_key(before)), after.split_at(of_key(after)));
            (before, after) = (rest, others);
            if keyed && let ([from], [to]) = (old, new) {
                // As it is mostly.
                if from[1] != to[1] {
                    self.changed.push([to[2], from[2], 0])?;
                }
                continue;
            }
            let (old, new) = left_over(old, new);
            let pairs = if keyed { old.len().min(new.len()) } else { 0 };
            for (from, to) in old.iter().zip(&new).take(pairs) {
                self.changed.push([*to, *from, 0])?;
            }
            old[pairs..].iter().try_for_each(|&from| self.removed.push([from, 0, 0]))?;
            new[pairs..].iter().try_for_each(|&to| self.added.push([to, 0, 0]))?;
        }
        Ok(())
    }
}

/// The numbers of the rows that have no equal on the other side. Both ascend.
fn left_over(old: &[Triple], new: &[Triple]) -> (Vec<u64>, Vec<u64>) {
    let (mut only_old, mut only_new) = (Vec::new(), Vec::new());
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        let order = match (old.get(i), new.get(j)) {
            (Some(old), Some(new)) => old[1].cmp(&new[1]),
            (Some(_), None) => Ordering::Less,
            _ => Ordering::Greater,
        };
        match order {
            Ordering::Less => only_old.push(old[i][2]),
            Ordering::Greater => only_new.push(new[j][2]),
            Ordering::Equal => {}
        }
        i += usize::from(order.is_le());
        j += usize::from(order.is_ge());
    }
    (only_old, only_new)
}

/// Which cells of a column print another text.
fn different(
    old: &StoredColumn<'_>,
    new: &StoredColumn<'_>,
    hashed: Hashed,
    rows: usize,
) -> Result<BooleanArray> {
    let plain =
        |stored: &StoredColumn<'_>| stored.exact.is_none_or(|exact| exact.null_count() == exact.len());
    // What is stored as text is the text.
    let comparable = hashed != Hashed::Text || old.native.data_type() == &DataType::Utf8;
    if comparable && old.native.data_type() == new.native.data_type() && plain(old) && plain(new) {
        return distinct(old.native, new.native).map_err(Problem::bug);
    }
    fn text<'a>(stored: &StoredColumn<'a>, row: usize) -> Option<Cow<'a, [u8]>> {
        output::bytes_of(stored.column, stored.native, stored.exact, row)
    }
    Ok((0..rows).map(|row| Some(text(old, row) != text(new, row))).collect())
}
