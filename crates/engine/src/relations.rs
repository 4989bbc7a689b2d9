//! How the tables of a Model refer to one another, by the foreign keys that were at the source.

use crate::Models;
use mycorr_domain::{Column, ForeignKey, ModelId, Result, SourceRecord, TableId, UserId};
use mycorr_meta::{Table, Version};

/// Columns of a table whose values are those of another one.
pub struct Relation {
    pub name: String,
    pub table: TableId,
    pub columns: Vec<String>,
    pub to_schema: String,
    pub to_table: String,
    /// The table of the Model that holds what is referred to, and its columns, in the order of `columns`.
    pub to: Option<(TableId, Vec<String>)>,
}

/// So many tables are read from the metadata at a time.
const TABLES_AT_ONCE: usize = 1000;

impl Models {
    /// The foreign keys of a Model's tables, as they were when the newest versions were read.
    ///
    /// # Errors
    /// `not_found`; `storage_unavailable`.
    pub async fn relations(&self, user: UserId, id: ModelId) -> Result<Vec<Relation>> {
        let mut tables: Vec<Table> = Vec::new();
        let mut after = None;
        loop {
            let listed = self.meta.tables(user, id, after.as_deref(), TABLES_AT_ONCE).await?;
            tables.extend(listed.items);
            after = listed.next;
            if after.is_none() {
                break;
            }
        }
        let sourced: Vec<(TableId, &Version, &SourceRecord)> = tables
            .iter()
            .filter_map(|table| {
                let head = table.head.as_ref()?;
                Some((table.id, head, head.source.as_ref()?))
            })
            .collect();
        let relation = |&(table, version, source): &(TableId, &Version, &SourceRecord), key: &ForeignKey| {
            let is_target =
                |record: &SourceRecord| record.connection == source.connection && record.oid == key.to_oid;
            // Of several copies the one whose columns are all there.
            let to = sourced.iter().filter(|(_, _, record)| is_target(record));
            let to = to.filter_map(|(id, version, _)| Some((*id, names(&version.columns, &key.to_columns)?)));
            Some(Relation {
                name: key.name.clone(),
                table,
                columns: names(&version.columns, &key.columns)?,
                to_schema: key.to_schema.clone(),
                to_table: key.to_table.clone(),
                to: to.min_by_key(|(id, _)| *id),
            })
        };
        let keys = sourced.iter().flat_map(|table| table.2.foreign_keys.iter().map(move |key| (table, key)));
        Ok(keys.filter_map(|(table, key)| relation(table, key)).collect())
    }
}

/// What the columns at these places are called; `None` unless all are there.
fn names(columns: &[Column], places: &[i16]) -> Option<Vec<String>> {
    let name = |&place: &i16| columns.iter().find(|column| column.position == place);
    places.iter().map(|place| Some(name(place)?.name.clone())).collect()
}
