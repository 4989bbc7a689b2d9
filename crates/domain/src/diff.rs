//! How two versions of a table are compared, and what comes of it.

use crate::{
    cell::Cell,
    column::Column,
    source::{SourceRecord, UniqueKey},
    store::{Held, Snapshot},
};

/// Two versions, and what of them belongs together.
#[derive(Clone, Debug)]
pub struct DiffPlan {
    pub from: Snapshot,
    pub to: Snapshot,
    /// The columns of `to`, then those of `from` that are gone.
    pub columns: Vec<DiffColumn>,
    /// What rows are known by: places in `columns`. `None`: the whole row, as far as both versions have it; rows that are
    /// equal are counted.
    pub key: Option<Vec<usize>>,
}

/// A column by its places in the two versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiffColumn {
    pub from: Option<usize>,
    pub to: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    Removed,
    Added,
    /// A cell of a column that both versions have prints another text.
    Changed,
}

impl Change {
    pub const ALL: [Self; 3] = [Self::Removed, Self::Added, Self::Changed];
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiffCounts {
    pub removed: u64,
    pub added: u64,
    pub changed: u64,
    /// For each column of the plan, the changed rows in which it differs.
    pub of_columns: Vec<u64>,
}

impl DiffCounts {
    pub fn of(&self, change: Change) -> u64 {
        match change {
            Change::Removed => self.removed,
            Change::Added => self.added,
            Change::Changed => self.changed,
        }
    }
}

/// A row that differs: its cells in the columns of `from` and of `to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffRow {
    pub change: Change,
    pub before: Option<Vec<Cell>>,
    pub after: Option<Vec<Cell>>,
}

/// Some of the rows that differ. Fewer than asked for when they come to more than an answer may hold.
#[derive(Clone, Debug)]
pub struct DiffPage {
    pub rows: Vec<DiffRow>,
    pub held: Vec<Held>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiffFormat {
    /// A line for each side of a row; the first column says which.
    Csv,
    /// The same, all of it text.
    Parquet,
    /// daff's "highlighter diff format", as CSV.
    Daff,
}

impl DiffPlan {
    /// Columns are known by their place at the source, or by name where the versions came from different tables; rows by
    /// the first key that both versions had.
    pub fn new(
        (from, from_source): (Snapshot, Option<&SourceRecord>),
        (to, to_source): (Snapshot, Option<&SourceRecord>),
    ) -> Self {
        let by_name = matches!((from_source, to_source), (Some(a), Some(b)) if !a.is_same_table(b));
        let same = |a: &Column, b: &Column| match by_name {
            true => a.name == b.name,
            false => a.position == b.position,
        };
        let of_to = to.columns.iter().enumerate().map(|(at, column)| DiffColumn {
            from: from.columns.iter().position(|before| same(before, column)),
            to: Some(at),
        });
        let mut columns: Vec<DiffColumn> = of_to.collect();
        let gone = |before: &&(usize, &Column)| !columns.iter().any(|column| column.from == Some(before.0));
        let before: Vec<_> = from.columns.iter().enumerate().collect();
        let gone: Vec<_> =
            before.iter().filter(gone).map(|(at, _)| DiffColumn { from: Some(*at), to: None }).collect();
        columns.extend(gone);
        let mut this = Self { from, to, columns, key: None };
        this.key = this.common_key(from_source, to_source);
        this
    }

    fn common_key(&self, from: Option<&SourceRecord>, to: Option<&SourceRecord>) -> Option<Vec<usize>> {
        fn usable(source: Option<&SourceRecord>) -> impl Iterator<Item = &UniqueKey> {
            let keys = source.and_then(|source| source.keys.as_ref()).into_iter().flatten();
            keys.filter(|key| (key.primary || key.not_null) && !key.columns.is_empty())
        }
        let places = |key: &UniqueKey, side: fn(&DiffColumn) -> Option<usize>, columns: &[Column]| {
            let place = |position: &i16| {
                let at =
                    |column: &DiffColumn| side(column).is_some_and(|at| columns[at].position == *position);
                self.columns.iter().position(at).filter(|&at| self.is_common(at))
            };
            key.columns.iter().map(place).collect::<Option<Vec<usize>>>()
        };
        let sorted = |mut places: Vec<usize>| {
            places.sort_unstable();
            places
        };
        let before: Vec<_> = usable(from)
            .filter_map(|key| places(key, |column| column.from, &self.from.columns).map(sorted))
            .collect();
        usable(to)
            .filter_map(|key| places(key, |column| column.to, &self.to.columns))
            .find(|key| before.contains(&sorted(key.clone())))
    }

    /// Whether both versions have this column.
    pub fn is_common(&self, at: usize) -> bool {
        self.columns[at].from.is_some() && self.columns[at].to.is_some()
    }

    /// The column as each version has it.
    pub fn column(&self, at: usize) -> (Option<&Column>, Option<&Column>) {
        let DiffColumn { from, to } = self.columns[at];
        (from.map(|at| &self.from.columns[at]), to.map(|at| &self.to.columns[at]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        column::ColumnType,
        id::{ConnectionId, TableId},
        store::StoreVersion,
    };

    fn snapshot(columns: &[(i16, &str)]) -> Snapshot {
        let column = |&(position, name): &(i16, &str)| Column {
            name: name.into(),
            position,
            pg_type: "text".into(),
            stored: ColumnType::Text,
            nullable: true,
            field: name.into(),
            tree: None,
        };
        let columns = columns.iter().map(column).collect();
        Snapshot { table: TableId::new(), version: StoreVersion(0), columns }
    }

    fn source(oid: u32, keys: &[(&[i16], bool)]) -> SourceRecord {
        let key = |&(columns, not_null): &(&[i16], bool)| UniqueKey {
            name: String::new(),
            primary: false,
            columns: columns.to_vec(),
            not_null,
        };
        SourceRecord {
            connection: ConnectionId::from_uuid(uuid::Uuid::nil()),
            schema: String::new(),
            table: String::new(),
            oid,
            chosen: None,
            keys: Some(keys.iter().map(key).collect()),
            foreign_keys: Vec::new(),
            server_version: String::new(),
            role: String::new(),
            row_security: false,
            filter: Vec::new(),
            masks: Vec::new(),
            change: None,
        }
    }

    #[test]
    fn renamed_column_is_the_same_and_a_key_is_one_of_both_versions() {
        let (from, to) =
            (snapshot(&[(1, "id"), (2, "a"), (3, "gone")]), snapshot(&[(4, "new"), (2, "b"), (1, "id")]));
        let keys: &[(&[i16], bool)] = &[(&[2], false), (&[1, 2], true), (&[1], true)];
        let plan = DiffPlan::new(
            (from.clone(), Some(&source(7, &[(&[2, 1], true)]))),
            (to.clone(), Some(&source(7, keys))),
        );
        let pairs: Vec<_> = plan.columns.iter().map(|column| (column.from, column.to)).collect();
        assert_eq!(pairs, [(None, Some(0)), (Some(1), Some(1)), (Some(0), Some(2)), (Some(2), None)]);
        assert_eq!(plan.key, Some(vec![2, 1]));
        // A key of one version alone, or one that can be null, is none.
        for before in [source(7, &[(&[2], false)]), source(7, &[(&[3], true)]), source(7, &[])] {
            let plan = DiffPlan::new((from.clone(), Some(&before)), (to.clone(), Some(&source(7, keys))));
            assert_eq!(plan.key, None);
        }
        assert_eq!(DiffPlan::new((from.clone(), None), (to.clone(), None)).key, None);
        // In another table the same place means nothing.
        let other = DiffPlan::new((from, Some(&source(7, &[(&[1], true)]))), (to, Some(&source(8, keys))));
        assert_eq!(other.columns[1], DiffColumn { from: None, to: Some(1) });
        assert_eq!((other.columns[2], other.key), (DiffColumn { from: Some(0), to: Some(2) }, Some(vec![2])));
    }
}
