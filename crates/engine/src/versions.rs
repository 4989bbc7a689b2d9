//! The history of a table, and going back in it.

use crate::{Engine, runner::LEASE, to_the_end};
use mycorr_domain::{Column, Problem, Result, TableId, UserId};
use mycorr_meta::{JobState, Listed, Version};

/// How a version's columns differ from those of the version before. A column is known by its place at the
/// source, so a rename is seen as a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnChanges {
    pub added: Vec<String>,
    pub removed: Vec<String>,
    /// Renamed or of another type.
    pub changed: Vec<String>,
}

impl ColumnChanges {
    fn between(before: &[Column], after: &[Column]) -> Self {
        let find =
            |columns: &[Column], position| columns.iter().position(|c: &Column| c.position == position);
        let mut changes = Self::default();
        for column in after {
            match find(before, column.position) {
                None => changes.added.push(column.name.clone()),
                Some(at) if before[at].name != column.name || before[at].pg_type != column.pg_type => {
                    changes.changed.push(column.name.clone());
                }
                Some(_) => {}
            }
        }
        for column in before {
            if find(after, column.position).is_none() {
                changes.removed.push(column.name.clone());
            }
        }
        changes
    }
}

impl Engine {
    /// The versions of a table, newest first.
    pub async fn versions(
        &self,
        user: UserId,
        table: TableId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Listed<(Version, ColumnChanges)>> {
        let (table, _) = self.meta.table(user, table).await?;
        let page = self.meta.versions(&table, after, limit).await?;
        let mut olders = page.items.iter().skip(1).map(|version| version.columns.clone()).collect::<Vec<_>>();
        if let Some(last) = page.items.last().filter(|version| version.version > 1) {
            olders.push(self.meta.version(&table, Some(last.version - 1)).await?.columns);
        }
        let mut olders = olders.into_iter();
        Ok(page.map(|version| {
            let changes = match olders.next() {
                Some(before) => ColumnChanges::between(&before, &version.columns),
                None => ColumnChanges::default(),
            };
            (version, changes)
        }))
    }

    /// Makes a new version with the content of an old one.
    pub async fn restore(
        &self,
        user: UserId,
        table: TableId,
        version: i64,
    ) -> Result<(Version, ColumnChanges)> {
        let work = self.meta.start_restore(user, table, version, LEASE).await?;
        let job = work.job.id;
        let engine = self.clone();
        to_the_end(async move {
            engine.run(work, &Default::default()).await;
        })
        .await;
        let job = self.meta.job(user, job).await?;
        match (job.state, job.version, job.problem) {
            (JobState::Succeeded, Some(_), _) => {}
            (_, _, Some(problem)) => return Err(problem),
            _ => return Err(Problem::bug("a restore ended without a version")),
        }
        let (table, _) = self.meta.table(user, table).await?;
        let made = self.meta.version(&table, job.version).await?;
        let before = self.meta.version(&table, Some(made.version - 1)).await?;
        let changes = ColumnChanges::between(&before.columns, &made.columns);
        Ok((made, changes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mycorr_domain::ColumnType;

    fn column(position: i16, name: &str, pg_type: &str) -> Column {
        Column {
            name: name.into(),
            position,
            pg_type: pg_type.into(),
            stored: ColumnType::Text,
            nullable: true,
            field: name.into(),
            tree: None,
        }
    }

    #[test]
    fn a_rename_is_a_change_and_no_removal() {
        let before = [column(1, "id", "bigint"), column(2, "name", "text"), column(3, "old", "text")];
        let after = [column(1, "id", "bigint"), column(2, "title", "text"), column(5, "new", "text")];
        let changes = ColumnChanges::between(&before, &after);
        assert_eq!(changes.added, ["new"]);
        assert_eq!(changes.removed, ["old"]);
        assert_eq!(changes.changed, ["title"]);
        assert_eq!(ColumnChanges::between(&after, &after), ColumnChanges::default());
    }
}
