//! What the types of a table's columns are made of, put together from the rows of `sql::TYPES`.

use crate::wire::pipeline::Row;
use mycorr_domain::{Collation, ColumnType, RangeTree, TypeTree};
use serde::{Deserialize, de::DeserializeOwned};
use std::{cell::Cell, collections::HashMap};

/// Composite types within composite types make a tree large: beyond this, a column counts as one without order.
const MAX_NODES: usize = 4096;
const MAX_DEPTH: usize = 16;
const MAX_LABELS: usize = 10_000;
/// The oid of `pg_catalog.default` (`pg_collation.dat`).
const DEFAULT_COLLATION: u32 = 100;

pub(crate) struct Types {
    columns: HashMap<i16, ColumnRow>,
    types: HashMap<u32, TypeRow>,
    collations: HashMap<u32, CollationRow>,
}

#[derive(Deserialize)]
struct ColumnRow {
    position: i16,
    r#type: u32,
    collation: u32,
}

#[derive(Deserialize)]
struct TypeRow {
    oid: u32,
    name: String,
    kind: char,
    built_in: bool,
    extension: Option<String>,
    base: u32,
    /// Of a true array.
    element: Option<u32>,
    delimiter: char,
    labels: Option<Vec<String>>,
    range: Option<RangeRow>,
    /// Types and collations.
    fields: Option<Vec<(u32, u32)>>,
}

#[derive(Deserialize)]
struct RangeRow {
    subtype: u32,
    collation: u32,
    canonical: String,
    /// Unless it is the subtype's default one.
    operator_class: Option<String>,
}

#[derive(Deserialize)]
struct CollationRow {
    oid: u32,
    name: String,
    provider: char,
    locale: Option<String>,
    ctype: Option<String>,
    deterministic: bool,
}

impl CollationRow {
    fn collation(&self) -> Collation {
        Collation {
            name: self.name.clone(),
            provider: self.provider,
            locale: self.locale.clone(),
            deterministic: self.deterministic,
        }
    }
}

impl Types {
    /// None if the rows are not what was asked for.
    pub(crate) fn parse(rows: &[Row]) -> Option<Self> {
        let mut types = Self { columns: HashMap::new(), types: HashMap::new(), collations: HashMap::new() };
        for row in rows {
            let [Some(what), Some(content)] = &row[..] else { return None };
            match what.as_slice() {
                b"column" => {
                    let column: ColumnRow = json(content)?;
                    types.columns.insert(column.position, column);
                }
                b"type" => {
                    let one: TypeRow = json(content)?;
                    types.types.insert(one.oid, one);
                }
                b"collation" => {
                    let collation: CollationRow = json(content)?;
                    types.collations.insert(collation.oid, collation);
                }
                _ => return None,
            }
        }
        Some(types)
    }

    /// Of the column with this `attnum`; None where the stored type says all.
    pub(crate) fn of_column(&self, position: i16, stored: ColumnType) -> Option<TypeTree> {
        if !matches!(stored, ColumnType::Text | ColumnType::Char | ColumnType::Other) {
            return None;
        }
        let column = self.columns.get(&position)?;
        Some(self.tree(column.r#type, column.collation, 0, &Cell::new(0)))
    }

    fn tree(&self, oid: u32, collation: u32, depth: usize, nodes: &Cell<usize>) -> TypeTree {
        nodes.set(nodes.get() + 1);
        let Some(one) = self.types.get(&oid).filter(|_| depth < MAX_DEPTH && nodes.get() < MAX_NODES) else {
            return TypeTree::Unordered;
        };
        let part = |oid, collation| self.tree(oid, collation, depth + 1, nodes);
        match one.kind {
            'd' => part(one.base, collation),
            'e' => match &one.labels {
                Some(labels) if labels.len() > MAX_LABELS => TypeTree::Unordered,
                labels => TypeTree::Enum(labels.clone().unwrap_or_default()),
            },
            'c' => {
                let fields: Vec<TypeTree> =
                    one.fields.iter().flatten().map(|&(oid, collation)| part(oid, collation)).collect();
                match fields.contains(&TypeTree::Unordered) {
                    true => TypeTree::Unordered,
                    false => TypeTree::Record(fields),
                }
            }
            'r' | 'm' => {
                let Some(range) = one.range.as_ref().and_then(|range| self.range(range, part)) else {
                    return TypeTree::Unordered;
                };
                if one.kind == 'r' {
                    TypeTree::Range(range.into())
                } else {
                    TypeTree::Multirange(range.into())
                }
            }
            _ => match one.element {
                Some(element) => {
                    let delimiter = self.types.get(&element).map_or(',', |element| element.delimiter);
                    TypeTree::array(part(element, collation), delimiter)
                }
                None => self.base(one, collation),
            },
        }
    }

    fn range(&self, range: &RangeRow, part: impl Fn(u32, u32) -> TypeTree) -> Option<RangeTree> {
        let mut subtype = part(range.subtype, range.collation);
        match (range.operator_class.as_deref(), &mut subtype) {
            (None, _) => {}
            (
                Some("text_pattern_ops" | "varchar_pattern_ops" | "bpchar_pattern_ops"),
                TypeTree::Text(collation) | TypeTree::Bpchar(collation),
            ) => *collation = bytes(),
            _ => return None,
        }
        let discrete = matches!(
            range.canonical.as_str(),
            "int4range_canonical" | "int8range_canonical" | "daterange_canonical"
        );
        (subtype != TypeTree::Unordered).then_some(RangeTree { subtype, discrete })
    }

    fn base(&self, one: &TypeRow, collation: u32) -> TypeTree {
        match (one.built_in, one.extension.as_deref(), one.name.as_str()) {
            (true, _, "jsonb") => TypeTree::Jsonb(self.collation(DEFAULT_COLLATION)),
            (true, _, name) => TypeTree::built_in(name, &self.collation(collation)),
            (false, Some("citext"), "citext") => {
                // The case of a letter is told by the locale's other half.
                let mut lower = self.collation(DEFAULT_COLLATION);
                if let Some(row) = self.collations.get(&DEFAULT_COLLATION).filter(|row| row.provider == 'c') {
                    lower.locale = row.ctype.clone();
                }
                TypeTree::Citext { lower, collation: self.collation(collation) }
            }
            (false, Some(extension), name) => TypeTree::of_extension(extension, name),
            (false, None, _) => TypeTree::Unordered,
        }
    }

    /// `name` had no collation before PostgreSQL 12, and was compared by bytes.
    fn collation(&self, oid: u32) -> Collation {
        match oid {
            0 => bytes(),
            oid => self.collations.get(&oid).map_or_else(Collation::unknown, CollationRow::collation),
        }
    }
}

fn bytes() -> Collation {
    Collation { name: "C".into(), provider: 'c', locale: Some("C".into()), deterministic: true }
}

/// Names can hold any bytes where the database's encoding is SQL_ASCII.
fn json<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_str(&String::from_utf8_lossy(bytes)).ok()
}
