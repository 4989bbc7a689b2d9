//! What of a table is read: its columns, some of them masked, and the conditions that its rows meet. A value that a person
//! typed is only ever a parameter.

use super::{quote_into, target_into};
use mycorr_domain::{ColumnType, Filter, Mask, Operator, Problem, REDACTED, Result, source_name};
use std::fmt::Write;

/// What a SELECT without rows is called in the ledger, by which the server says whether it takes the conditions.
pub const CHECK_FILTER: &str = "check_filter";

/// Conditions that all hold, and the values that they compare with, as `$1` and so on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    texts: Vec<String>,
    pub parameters: Vec<String>,
}

/// What a SELECT asks for.
#[derive(Clone, Debug, Default)]
pub struct SelectList {
    /// Names as [`source_name`] writes them, and how they are masked.
    pub columns: Vec<(String, Option<Mask>)>,
    pub conditions: Conditions,
}

/// Pages of a table, up to whatever its end is by then if there is no `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pages {
    /// Without the table's descendants.
    pub only: bool,
    pub from: u64,
    pub to: Option<u64>,
}

impl Conditions {
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Adds a condition on a column that `describe` found. `operators` is the schema of its type's operators. The server
    /// gives each parameter the type of what it is compared with, and reads it with that type's own input function.
    ///
    /// # Errors
    /// `invalid` for a pattern that is none, and for `is.true` of what is no boolean.
    pub fn add(&mut self, filter: &Filter, stored: ColumnType, operators: &str) -> Result<()> {
        let mut column = String::new();
        quote_into(&mut column, &filter.column);
        let mut schema = String::new();
        quote_into(&mut schema, operators);
        let parameters = &mut self.parameters;
        let mut parameter = |value: String| {
            parameters.push(value);
            format!("${}", parameters.len())
        };
        let value = filter.values.first().cloned().unwrap_or_default();
        let mut compare =
            |operator: &str| format!("{column} OPERATOR({schema}.{operator}) {}", parameter(value.clone()));
        let text = match filter.operator {
            Operator::Eq => compare("="),
            Operator::Neq => compare("<>"),
            Operator::Gt => compare(">"),
            Operator::Gte => compare(">="),
            Operator::Lt => compare("<"),
            Operator::Lte => compare("<="),
            Operator::Like | Operator::Ilike => {
                let word = if filter.operator == Operator::Like { "LIKE" } else { "ILIKE" };
                let pattern = parameter(filter.sql_pattern()?);
                format!("({}) COLLATE \"default\" {word} {pattern}", printed(&column, stored))
            }
            Operator::In if filter.values.is_empty() => "false".to_owned(),
            // `IN` finds its operator by `search_path`, which is `pg_catalog` by then.
            Operator::In if operators == "pg_catalog" => {
                let list: Vec<String> = filter.values.iter().cloned().map(parameter).collect();
                format!("{column} IN ({})", list.join(", "))
            }
            Operator::In => {
                let equals =
                    |value: &String| format!("{column} OPERATOR({schema}.=) {}", parameter(value.clone()));
                let list: Vec<String> = filter.values.iter().map(equals).collect();
                format!("({})", list.join(" OR "))
            }
            // Of a row of nulls, `IS NULL` would be true.
            Operator::Is => match value.as_str() {
                "null" => format!("{column} IS NOT DISTINCT FROM NULL"),
                "not_null" => format!("{column} IS DISTINCT FROM NULL"),
                word if stored == ColumnType::Boolean => {
                    format!("{column} IS {}", if word == "true" { "TRUE" } else { "FALSE" })
                }
                _ => {
                    let message =
                        format!("is.true and is.false are for boolean columns; {:?} is none.", filter.column);
                    return Err(Problem::invalid("filter", message));
                }
            },
        };
        self.texts.push(text);
        Ok(())
    }
}

/// The column's text as the output function prints it, which is not what every cast to text gives. A column of text is
/// itself, so that an index can serve.
fn printed(column: &str, stored: ColumnType) -> String {
    match stored {
        ColumnType::Text => format!("{column}::text"),
        ColumnType::Char => column.to_owned(),
        _ => format!("CASE WHEN {column} IS DISTINCT FROM NULL THEN format('%s', {column}) END"),
    }
}

/// The SELECT of an import. A column whose values are hashed before they are stored is named so; of one that is redacted,
/// only whether there is a value is read.
pub fn select_rows(schema: &str, table: &str, wanted: &SelectList, pages: Option<Pages>) -> String {
    let mut sql = String::from("SELECT");
    for (at, (column, mask)) in wanted.columns.iter().enumerate() {
        sql.push_str(if at == 0 { " " } else { ", " });
        if *mask == Some(Mask::Redact) {
            sql.push_str("CASE WHEN ");
            quote_into(&mut sql, column);
            write!(sql, " IS DISTINCT FROM NULL THEN '{REDACTED}' END AS redacted")
                .expect("a String takes everything");
            continue;
        }
        quote_into(&mut sql, column);
        if *mask == Some(Mask::Hash) {
            sql.push_str(" AS hashed");
        } else if std::str::from_utf8(&source_name::to_bytes(column)).is_err() {
            // The description of the result repeats the names, and has no way to say such bytes.
            write!(sql, " AS c{}", at + 1).expect("a String takes everything");
        }
    }
    sql.push_str(" FROM ");
    if pages.is_some_and(|pages| pages.only) {
        sql.push_str("ONLY ");
    }
    target_into(&mut sql, schema, table);
    let bound = |operator: &str, page: u64| format!("ctid {operator} '({page},0)'");
    let pages = pages.into_iter().flat_map(|Pages { from, to, .. }| {
        [Some(bound(">=", from)), to.map(|to| bound("<", to))].into_iter().flatten()
    });
    condition_into(&mut sql, pages.chain(wanted.conditions.texts.iter().cloned()));
    sql
}

/// A SELECT that reads nothing: whether the server takes the conditions, and the values with their types.
pub fn check_filter(schema: &str, table: &str, conditions: &Conditions) -> String {
    let mut sql = String::from("SELECT FROM ");
    target_into(&mut sql, schema, table);
    condition_into(&mut sql, conditions.texts.iter().cloned());
    sql.push_str(" LIMIT 0");
    sql
}

fn condition_into(sql: &mut String, conditions: impl Iterator<Item = String>) {
    for (at, condition) in conditions.enumerate() {
        sql.push_str(if at == 0 { " WHERE " } else { " AND " });
        sql.push_str(&condition);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(columns: &[&str], filters: &[&str], operators: &str) -> SelectList {
        let mut conditions = Conditions::default();
        for filter in filters {
            conditions.add(&Filter::parse(filter).unwrap(), ColumnType::Int32, operators).unwrap();
        }
        let columns = columns.iter().map(|&column| (column.to_owned(), None)).collect();
        SelectList { columns, conditions }
    }

    #[test]
    fn no_value_is_in_the_text() {
        let filters = [r#"a.gte.'; DROP TABLE t; --"#, r#""we""ird".in.($1,x)"#, "a.is.null", "a.like.*x"];
        let wanted = wanted(&["a"], &filters, "pg_catalog");
        assert_eq!(
            select_rows("s", "t", &wanted, None),
            "SELECT \"a\" FROM \"s\".\"t\" WHERE \"a\" OPERATOR(\"pg_catalog\".>=) $1 AND \"we\"\"ird\" IN ($2, $3) \
             AND \"a\" IS NOT DISTINCT FROM NULL \
             AND (CASE WHEN \"a\" IS DISTINCT FROM NULL THEN format('%s', \"a\") END) COLLATE \"default\" LIKE $4"
        );
        assert_eq!(wanted.conditions.parameters, ["'; DROP TABLE t; --", "$1", "x", "%x"]);
    }

    #[test]
    fn operators_are_those_of_the_type() {
        let wanted = wanted(&["a"], &["a.in.(x,y)", "a.in.()"], "ext");
        assert_eq!(
            check_filter("s", "t", &wanted.conditions),
            "SELECT FROM \"s\".\"t\" WHERE (\"a\" OPERATOR(\"ext\".=) $1 OR \"a\" OPERATOR(\"ext\".=) $2) AND false LIMIT 0"
        );
    }

    #[test]
    fn ranges_are_bounded_by_pages_and_conditions() {
        let mut wanted = wanted(&["id", "email", "name"], &["id.lt.5"], "pg_catalog");
        wanted.columns[1].1 = Some(Mask::Hash);
        wanted.columns[2].1 = Some(Mask::Redact);
        assert_eq!(
            select_rows("s", "a FROM b", &wanted, Some(Pages { only: true, from: 5, to: Some(9) })),
            "SELECT \"id\", \"email\" AS hashed, CASE WHEN \"name\" IS DISTINCT FROM NULL THEN '[redacted]' END AS redacted \
             FROM ONLY \"s\".\"a FROM b\" WHERE ctid >= '(5,0)' AND ctid < '(9,0)' AND \"id\" OPERATOR(\"pg_catalog\".<) $1"
        );
        assert_eq!(
            select_rows("s", "t", &SelectList::default(), Some(Pages { only: false, from: 9, to: None })),
            r#"SELECT FROM "s"."t" WHERE ctid >= '(9,0)'"#
        );
    }
}
