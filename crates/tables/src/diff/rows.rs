//! Rows that differ, page by page: what two versions differ in is found once and kept.

use super::{Comparison, Differences};
use crate::{DeltaStore, page, queries::Queries, version::Version};
use mycorr_domain::{Change, DiffPage, DiffPlan, DiffRow, Problem, Result};
use std::sync::Arc;

/// A page of differences is put together from so many: removed, added, and both sides of the changed.
const DIFF_PARTS: usize = 4;

impl DeltaStore {
    pub(crate) async fn both(&self, plan: &DiffPlan) -> Result<(Arc<Version>, Arc<Version>)> {
        let (from, to) = (&plan.from, &plan.to);
        Ok((self.version(from.table, from.version).await?, self.version(to.table, to.version).await?))
    }

    /// What differs is found once for all who wait for it, and given up when nobody does.
    pub(crate) async fn differences(&self, plan: &DiffPlan) -> Result<Arc<Differences>> {
        let Queries { options, sorts, diffs, .. } = &self.queries;
        let find = async {
            let comparison = async {
                let (from, to) = self.both(plan).await?;
                Comparison::new(plan, from, to).await
            };
            let (comparison, options, sorts) = (comparison.await?, options.clone(), sorts.clone());
            let work = self.workers.run(async move {
                let memory = comparison.memory(sorts.bytes() / 4 * 3);
                let _permit = sorts.acquire(memory).await?;
                comparison.run(memory, &options).await
            });
            work.await.map(Arc::new)
        };
        let key = (plan.to.table, plan.from.version, plan.to.version);
        diffs.try_get_with(key, find).await.map_err(|problem: Arc<Problem>| (*problem).clone())
    }

    /// Those of `change`, or of all kinds one after the other.
    pub(crate) async fn differing_rows(
        &self,
        plan: &DiffPlan,
        change: Option<Change>,
        offset: u64,
        limit: usize,
    ) -> Result<DiffPage> {
        let found = self.differences(plan).await?;
        let (from, to) = self.both(plan).await?;
        let mut page = DiffPage { rows: Vec::new(), held: Vec::new() };
        let mut skip = offset;
        for change in Change::ALL.into_iter().filter(|kind| change.is_none_or(|change| change == *kind)) {
            let total = found.counts.of(change);
            let range = skip.min(total)..skip.saturating_add((limit - page.rows.len()) as u64).min(total);
            skip = skip.saturating_sub(total);
            let wanted = page.rows.len() + (range.end - range.start) as usize;
            let mut sides = [None, None];
            let numbers = found.rows(change);
            let both = [(numbers.0, &from, &plan.from), (numbers.1, &to, &plan.to)];
            for (side, (numbers, version, at)) in sides.iter_mut().zip(both) {
                let Some(numbers) = numbers else { continue };
                let ids = numbers.slice(range.clone())?;
                let (rows, held) =
                    page::rows(version, &at.columns, ids, &self.workers, &self.queries.pages, DIFF_PARTS)
                        .await?;
                page.held.push(held);
                *side = Some(rows.into_iter());
            }
            let [mut before, mut after] = sides;
            loop {
                let (before, after) =
                    (before.as_mut().map(Iterator::next), after.as_mut().map(Iterator::next));
                // What an answer may hold is used up where one side has no more.
                if matches!(before, Some(None)) || matches!(after, Some(None)) {
                    break;
                }
                page.rows.push(DiffRow { change, before: before.flatten(), after: after.flatten() });
            }
            if page.rows.len() < wanted || page.rows.len() == limit {
                break;
            }
        }
        Ok(page)
    }
}
