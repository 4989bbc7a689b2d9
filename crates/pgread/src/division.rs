//! How a table is divided into ranges of pages, for several connections to read: each a stretch of the order in which one
//! SELECT reads the table, all of about as many pages.

use crate::{
    catalogue::{TableDescription, TableKind},
    client::Client,
    reader::{Reader, unreadable},
    sql::{self, Pages, SelectList},
    wire::pipeline::Row,
};
use mycorr_domain::Result;

/// No import opens more connections.
pub const MAX_CONNECTIONS: usize = 8;
/// A smaller part of a table is not worth the log-in: 128 kB.
const MIN_PAGES: u64 = 16;
/// Each of a table's descendants takes a SELECT.
const MAX_LEAVES: usize = 1000;
/// TID range scans (release notes of PostgreSQL 14).
const MIN_MAJOR: u32 = 14;

/// A table with pages.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Leaf {
    oid: u32,
    schema: String,
    name: String,
    pages: u64,
}

/// Pages of one leaf, up to whatever its end is by then if there is no `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageRange {
    leaf: usize,
    from: u64,
    to: Option<u64>,
}

/// Into how many parts a table can be divided, and why not into more.
#[derive(Clone, Debug)]
pub struct Division {
    /// In the order in which one SELECT reads them.
    leaves: Vec<Leaf>,
    connections: usize,
    /// How many more than these there is room for.
    spare: usize,
    /// Of a table with descendants: its oid, and what belongs to it, which has to be the same under the snapshot.
    pub(crate) members: Option<(String, String)>,
    note: Option<String>,
}

impl Division {
    fn whole(note: impl Into<String>) -> Self {
        Self { leaves: Vec::new(), connections: 1, spare: 0, members: None, note: Some(note.into()) }
    }

    /// How many connections it is worth to read with, at least 1.
    pub fn connections(&self) -> usize {
        self.connections
    }

    /// The same, with one connection left to count and hash the rows under the snapshot of those that read them. `None`
    /// where that can't be proven, or there is room for only one.
    #[must_use]
    pub fn beside_check(&self) -> Option<Self> {
        let provable = !self.leaves.is_empty() && self.connections + self.spare > 1;
        let connections = self.connections - usize::from(self.spare == 0 && provable);
        provable.then(|| Self { connections, ..self.clone() })
    }

    /// Why there are fewer connections than were allowed, for people to read.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// The statements of each of `parts` connections, in the order of the rows.
    pub(crate) fn statements(&self, parts: usize, wanted: &SelectList) -> Vec<Vec<String>> {
        let statement = |&PageRange { leaf, from, to }: &PageRange| {
            let leaf = &self.leaves[leaf];
            let pages = Pages { only: self.members.is_some(), from, to };
            sql::select_rows(&leaf.schema, &leaf.name, wanted, Some(pages))
        };
        let pages: Vec<u64> = self.leaves.iter().map(|leaf| leaf.pages).collect();
        divide(&pages, parts).iter().map(|ranges| ranges.iter().map(statement).collect()).collect()
    }
}

/// Divides leaves of so many pages into `parts` stretches. Each leaf is covered from its first page to beyond its last.
fn divide(pages: &[u64], parts: usize) -> Vec<Vec<PageRange>> {
    let total: u64 = pages.iter().sum();
    let mut out: Vec<Vec<PageRange>> = vec![Vec::new(); parts.max(1)];
    let (mut part, mut before) = (0, 0);
    for (leaf, &pages) in pages.iter().enumerate() {
        let mut from = 0;
        // Where this part ends, counted from the leaf's first page.
        while part + 1 < out.len() {
            let end = total * (part as u64 + 1) / out.len() as u64;
            let Some(to) = end.checked_sub(before).filter(|&to| to < pages) else { break };
            if to > from {
                out[part].push(PageRange { leaf, from, to: Some(to) });
                from = to;
            }
            part += 1;
        }
        out[part].push(PageRange { leaf, from, to: None });
        before += pages;
    }
    out
}

impl Client {
    /// Finds out into how many parts, at most `most`, `table` can be divided. What stands in the way is no error.
    pub async fn divide(&mut self, table: &TableDescription, most: usize) -> Division {
        if most <= 1 {
            return Division { leaves: Vec::new(), connections: 1, spare: 0, members: None, note: None };
        }
        match self.try_divide(table, most).await {
            Ok(division) => division,
            Err(refusal) => Division::whole(format!("One connection was used: {refusal}")),
        }
    }

    async fn try_divide(&mut self, table: &TableDescription, most: usize) -> Result<Division, String> {
        let major = self.server().major();
        if major.is_none_or(|major| major < MIN_MAJOR) {
            let version = &self.server().version;
            return Err(format!(
                "reading ranges of a table takes PostgreSQL 14 or newer, and this is {version}."
            ));
        }
        match table.entry.kind {
            TableKind::Table | TableKind::MaterializedView | TableKind::PartitionedTable => {}
            TableKind::View => return Err("a view has no pages that could be divided.".into()),
            TableKind::ForeignTable => {
                return Err("a foreign table has no pages that could be divided.".into());
            }
        }
        let free = self.capacity().await?;
        let (leaves, tree) = self.leaves(table).await?;
        let members = match tree {
            true => Some(self.members(table.oid).await?),
            false => None,
        };
        let pages: u64 = leaves.iter().map(|leaf| leaf.pages).sum();
        let worth = usize::try_from(pages / MIN_PAGES).unwrap_or(usize::MAX).max(1);
        let room = most.min(free.saturating_add(1));
        let connections = room.min(worth);
        let count = if connections == 1 {
            "One connection was".into()
        } else {
            format!("{connections} connections were")
        };
        let note = if connections == most {
            None
        } else if connections == worth {
            Some(format!("{count} used: the table is small ({pages} pages)."))
        } else {
            Some(format!(
                "{count} used: the role, the database and the server have room for {free} more than the first."
            ))
        };
        Ok(Division { leaves, connections, spare: room - connections, members, note })
    }

    /// How many more connections there is room for.
    async fn capacity(&mut self) -> Result<usize, String> {
        let rows = self.attempt(sql::CAPACITY.name, sql::CAPACITY.text, &[]).await;
        let rows =
            rows.map_err(|_| "how many connections there is room for can't be looked up.".to_owned())?;
        let read = |row: &Row| -> Result<(Vec<i64>, bool, Option<String>)> {
            let mut row = Reader::new(row);
            let mut numbers = Vec::new();
            for _ in 0..6 {
                let number = row.optional()?.map(|text| text.parse());
                numbers
                    .push(number.transpose().map_err(|_| unreadable("a count is no number"))?.unwrap_or(0));
            }
            Ok((numbers, row.flag()?, row.optional()?))
        };
        let (numbers, standby, extensions) = rows
            .first()
            .and_then(|row| read(row).ok())
            .ok_or("how many connections there is room for can't be looked up.")?;
        if standby {
            return Err("this server is a standby, whose snapshots can't be compared.".into());
        }
        if let Some(extensions) = extensions {
            return Err(format!("the extension {extensions} keeps rows elsewhere than in a table's pages."));
        }
        // Pairs of a limit, -1 for none, and what is taken of it.
        let free = numbers.chunks(2).filter(|pair| pair[0] >= 0).map(|pair| (pair[0] - pair[1]).max(0));
        Ok(usize::try_from(free.min().unwrap_or(i64::MAX)).unwrap_or(usize::MAX))
    }

    /// The tables with pages in the order in which one SELECT reads them, and whether the table has descendants.
    async fn leaves(&mut self, table: &TableDescription) -> Result<(Vec<Leaf>, bool), String> {
        let unknown = || "what the table consists of can't be looked up.".to_owned();
        let parameters = [table.oid.to_string(), (MAX_LEAVES + 1).to_string()];
        let parameters = [parameters[0].as_str(), &parameters[1]];
        let rows =
            self.attempt(sql::RANGES.name, sql::RANGES.text, &parameters).await.map_err(|_| unknown())?;
        if rows.len() > MAX_LEAVES {
            return Err(format!("the table has more than {MAX_LEAVES} partitions."));
        }
        let tree = rows.len() > 1;
        let mut leaves = Vec::new();
        for row in &rows {
            let mut row = Reader::new(row);
            let mut read = || -> Result<_> {
                let leaf = |row: &mut Reader<'_>| -> Result<_> {
                    Ok((row.number()?, row.name()?, row.name()?, row.text()?, row.number()?))
                };
                Ok((leaf(&mut row)?, row.flag()?, row.flag()?, row.flag()?))
            };
            let ((oid, schema, name, kind, pages), heap, readable, hidden) = read().map_err(|_| unknown())?;
            let what = if tree { format!("the partition {schema}.{name}") } else { "the table".to_owned() };
            match kind.as_str() {
                "p" => continue,
                "r" | "m" if heap => {}
                _ => return Err(format!("{what} has no pages that could be divided.")),
            }
            if !readable {
                return Err(format!("the role may not read {what} as a whole, and so no ranges of it."));
            }
            // A policy of a partition does not count when it is read through its parent.
            if hidden && tree {
                return Err(format!("row-level security is on for {what}."));
            }
            let oid = u32::try_from(oid).map_err(|_| unknown())?;
            leaves.push(Leaf { oid, schema, name, pages });
        }
        if tree {
            if table.row_security {
                return Err("row-level security is on for the table.".into());
            }
            self.put_in_order(table, &mut leaves).await?;
        }
        Ok((leaves, tree))
    }

    /// The order in which PostgreSQL reads partitions is that of their bounds, which no catalogue tells.
    async fn put_in_order(&mut self, table: &TableDescription, leaves: &mut [Leaf]) -> Result<(), String> {
        let unknown = || "in which order the partitions are read can't be found out.".to_owned();
        let text = sql::partition_order(&table.entry.schema, &table.entry.name);
        let rows = self.attempt(sql::PARTITION_ORDER, &text, &[]).await.map_err(|_| unknown())?;
        let oids: Result<Vec<u64>> = rows.iter().map(|row| Reader::new(row).number()).collect();
        let oids = oids.map_err(|_| unknown())?;
        let place = |leaf: &Leaf| oids.iter().position(|&oid| oid == u64::from(leaf.oid));
        if leaves.iter().any(|leaf| leaf.pages > 0 && place(leaf).is_none()) {
            return Err(unknown());
        }
        // Where one without a page comes makes no difference, unless it is filled before the snapshot.
        leaves.sort_by_key(|leaf| place(leaf).unwrap_or(usize::MAX));
        Ok(())
    }

    async fn members(&mut self, oid: u32) -> Result<(String, String), String> {
        let oid = oid.to_string();
        let rows = self.attempt(sql::MEMBERS.name, sql::MEMBERS.text, &[&oid]).await;
        let members = rows.ok().and_then(|rows| Reader::new(rows.first()?).text().ok());
        let members = members.ok_or("the partitions can't be looked up.")?;
        if members.contains(":true") {
            return Err("a partition is being detached.".into());
        }
        Ok((oid, members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(leaf: usize, from: u64, to: Option<u64>) -> PageRange {
        PageRange { leaf, from, to }
    }

    #[test]
    fn one_table_is_divided_evenly_and_the_last_range_is_open() {
        assert_eq!(
            divide(&[100], 3),
            [vec![range(0, 0, Some(33))], vec![range(0, 33, Some(66))], vec![range(0, 66, None)]]
        );
        assert_eq!(divide(&[0], 1), [vec![range(0, 0, None)]]);
    }

    #[test]
    fn partitions_are_spread_in_their_order() {
        assert_eq!(
            divide(&[10, 0, 50, 40], 2),
            [
                vec![range(0, 0, None), range(1, 0, None), range(2, 0, Some(40))],
                vec![range(2, 40, None), range(3, 0, None)],
            ]
        );
        // A part that ends where a leaf does.
        assert_eq!(divide(&[50, 50], 2), [vec![range(0, 0, None)], vec![range(1, 0, None)]]);
    }

    /// Whatever the sizes: every page once, in order, each leaf with an open end, no part far from its share.
    #[test]
    fn every_page_is_in_one_range() {
        for pages in [vec![1], vec![0, 0, 7], vec![3, 1000, 2, 0], vec![16; 40], vec![1 << 40, 1]] {
            for parts in 1..=8 {
                let divided = divide(&pages, parts);
                assert_eq!(divided.len(), parts);
                let all: Vec<PageRange> = divided.concat();
                for (leaf, _) in pages.iter().enumerate() {
                    let mut next = Some(0);
                    for range in all.iter().filter(|range| range.leaf == leaf) {
                        assert_eq!(next, Some(range.from));
                        next = range.to;
                    }
                    assert_eq!(next, None, "{pages:?} {parts}");
                }
                assert!(all.is_sorted_by_key(|range| (range.leaf, range.from)));
            }
        }
    }
}
