//! The history of a table, and going back in it.

use crate::{Tables, runner::LEASE};
use mycorr_domain::{AnswerBudget, Column, Result, TableId, UserId};
use mycorr_meta::{Listed, Table, Version};
use std::sync::Arc;

/// How a version's columns differ from those of the version before. A column is known by its place at the
/// source, so a rename is seen as a change; where another table was read than before, by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnChanges {
    pub added: Vec<String>,
    pub removed: Vec<String>,
    /// Renamed or of another type.
    pub changed: Vec<String>,
}

impl ColumnChanges {
    /// What they take in an answer, about.
    fn bytes(&self) -> usize {
        [&self.added, &self.removed, &self.changed].into_iter().flatten().map(|name| name.len() + 4).sum()
    }

    pub(crate) fn between(before: &Version, after: &Version) -> Self {
        let another = match (&before.source, &after.source) {
            (Some(before), Some(after)) => !before.is_same_table(after),
            _ => false,
        };
        Self::of(&before.columns, &after.columns, another)
    }

    fn of(before: &[Column], after: &[Column], by_name: bool) -> Self {
        let find = |columns: &[Column], wanted: &Column| {
            columns.iter().position(|column| {
                if by_name { column.name == wanted.name } else { column.position == wanted.position }
            })
        };
        let mut changes = Self::default();
        for column in after {
            match find(before, column) {
                None => changes.added.push(column.name.clone()),
                Some(at) if before[at].name != column.name || before[at].pg_type != column.pg_type => {
                    changes.changed.push(column.name.clone());
                }
                Some(_) => {}
            }
        }
        for column in before {
            if find(after, column).is_none() {
                changes.removed.push(column.name.clone());
            }
        }
        changes
    }
}

/// Versions whose columns are in memory at the same time.
const MAX_HELD_VERSIONS: usize = 25;

impl Tables {
    /// The versions of a table, newest first, without their columns. Fewer than `limit` where what they changed
    /// comes to more than an answer may hold.
    ///
    /// # Errors
    /// `not_found`, `invalid` for a cursor that is none; `storage_unavailable`.
    pub async fn versions(
        &self,
        user: UserId,
        table: TableId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Listed<(Version, ColumnChanges)>> {
        let (table, _) = self.meta.table(user, table).await?;
        let mut all = Listed { items: Vec::new(), next: after.map(str::to_owned) };
        let mut bytes = 0;
        loop {
            // A version of a wide table has some hundred kilobytes of columns: few are held at a time.
            let count = (limit - all.items.len()).min(MAX_HELD_VERSIONS);
            let page = self.meta.versions(&table, all.next.as_deref(), count).await?;
            let mut olders: Vec<_> = page.items.iter().skip(1).cloned().collect();
            if let Some(last) = page.items.last() {
                olders.extend(self.version_before(&table, last.version).await?);
            }
            let mut olders = olders.into_iter();
            for version in page.items {
                let changes = match olders.next() {
                    Some(before) => ColumnChanges::between(&before, &version),
                    None => ColumnChanges::default(),
                };
                bytes += changes.bytes();
                all.items.push((Version { columns: Arc::new([]), ..version }, changes));
            }
            all.next = page.next;
            if all.next.is_none() || all.items.len() == limit || bytes > AnswerBudget::BYTES {
                return Ok(all);
            }
        }
    }

    /// Makes a new version with the content of an old one.
    ///
    /// # Errors
    /// `not_found`, `forbidden`, `conflict` while a job is pending; `storage_full`, `storage_unavailable`.
    pub async fn restore(
        &self,
        user: UserId,
        table: TableId,
        version: i64,
    ) -> Result<(Version, ColumnChanges)> {
        let grant = self.meta.grant(user, table).await?;
        let work = self.meta.start_restore(&grant, version, LEASE).await?;
        self.made_by(user, table, work).await
    }

    /// Some numbers may be missing: versions can be deleted.
    pub(crate) async fn version_before(&self, table: &Table, number: i64) -> Result<Option<Version>> {
        Ok(self.meta.versions(table, Some(&number.to_string()), 1).await?.items.pop())
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
        let changes = ColumnChanges::of(&before, &after, false);
        assert_eq!(changes.added, ["new"]);
        assert_eq!(changes.removed, ["old"]);
        assert_eq!(changes.changed, ["title"]);
        assert_eq!(ColumnChanges::of(&after, &after, false), ColumnChanges::default());
        // Of another table, the same place means nothing.
        let another = [column(1, "old", "text"), column(2, "id", "integer")];
        let changes = ColumnChanges::of(&before, &another, true);
        let none: [String; 0] = [];
        assert_eq!((changes.added.as_slice(), changes.changed), (&none[..], vec!["id".to_owned()]));
        assert_eq!(changes.removed, ["name"]);
    }
}
