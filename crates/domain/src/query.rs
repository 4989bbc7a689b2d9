//! Which rows of a version are wanted: `?offset=&limit=&sort=-price,id&filter=price.gte.10`.

use crate::{
    filter_group::FilterGroup,
    problem::{Problem, Result},
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Rows `offset .. offset + limit` of what remains after `filters`, in the order of `sort`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowQuery {
    pub offset: u64,
    pub limit: usize,
    /// Empty: the order of arrival.
    pub sort: Vec<Sort>,
    /// All of them must hold.
    pub filters: Vec<FilterGroup>,
    /// The columns that are wanted, by name and in this order; `None` for all.
    pub columns: Option<Vec<String>>,
}

/// What a request may ask for. The stores themselves take any number.
pub const MAX_FILTERS: usize = 32;
pub const MAX_IN_VALUES: usize = 1000;
pub const MAX_SORT_COLUMNS: usize = 16;
/// What a query's result can have in PostgreSQL (its manual, "PostgreSQL Limits").
pub const MAX_COLUMNS: usize = 1664;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sort {
    pub column: String,
    pub descending: bool,
}

/// `column.operator.value` as PostgREST writes it. A column whose name holds a dot stands in double quotes. It is stored
/// and printed as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Filter {
    pub column: String,
    pub operator: Operator,
    /// For [`Operator::In`] the list's members, for all others exactly one.
    pub values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    Eq,
    Neq,
    Gt,
    Gte,
    Lt,
    Lte,
    /// `%` or `*` for any text, `_` for any character, `\` before either for itself.
    Like,
    Ilike,
    In,
    /// `null`, `not_null`, `true` or `false`.
    Is,
}

impl Operator {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Neq => "neq",
            Self::Gt => "gt",
            Self::Gte => "gte",
            Self::Lt => "lt",
            Self::Lte => "lte",
            Self::Like => "like",
            Self::Ilike => "ilike",
            Self::In => "in",
            Self::Is => "is",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "eq" => Self::Eq,
            "neq" => Self::Neq,
            "gt" => Self::Gt,
            "gte" => Self::Gte,
            "lt" => Self::Lt,
            "lte" => Self::Lte,
            "like" => Self::Like,
            "ilike" => Self::Ilike,
            "in" => Self::In,
            "is" => Self::Is,
            _ => return None,
        })
    }
}

impl Sort {
    /// Parses `-price,id,"odd, name"`, at most [`MAX_SORT_COLUMNS`] of them.
    pub fn parse_list(text: &str) -> Result<Vec<Self>> {
        let bad = |message: &str| Problem::invalid("sort", message);
        let mut sorts: Vec<Self> = Vec::new();
        let mut rest = (!text.is_empty()).then_some(text);
        while let Some(text) = rest {
            let descending = text.starts_with('-');
            let (column, tail) = word(text.strip_prefix('-').unwrap_or(text), ',')
                .ok_or_else(|| bad("A double quote is not closed."))?;
            if column.is_empty() {
                return Err(bad(
                    "Name the columns, separated by commas, with a minus sign before those that descend.",
                ));
            }
            if sorts.iter().any(|sort| sort.column == column) {
                return Err(bad("A column can be sorted by only once."));
            }
            if sorts.len() == MAX_SORT_COLUMNS {
                return Err(bad(&format!("Rows can be sorted by at most {MAX_SORT_COLUMNS} columns.")));
            }
            sorts.push(Self { column, descending });
            rest = tail;
        }
        Ok(sorts)
    }
}

/// Parses the names of the columns that are wanted: `id,price,"odd, name"`.
pub fn parse_columns(text: &str) -> Result<Vec<String>> {
    let bad = |message: &str| Problem::invalid("columns", message);
    let mut columns: Vec<String> = Vec::new();
    let mut rest = Some(text);
    while let Some(text) = rest {
        let (column, tail) = word(text, ',').ok_or_else(|| bad("A double quote is not closed."))?;
        if column.is_empty() {
            return Err(bad("Name the columns, separated by commas."));
        }
        if columns.contains(&column) {
            return Err(bad("A column can be named only once."));
        }
        if columns.len() == MAX_COLUMNS {
            return Err(bad(&format!("At most {MAX_COLUMNS} columns can be named.")));
        }
        columns.push(column);
        rest = tail;
    }
    Ok(columns)
}

impl Filter {
    /// Parses all filters of a request, at most [`MAX_FILTERS`].
    pub fn parse_list(texts: &[impl AsRef<str>]) -> Result<Vec<Self>> {
        if texts.len() > MAX_FILTERS {
            let message =
                format!("A request can have at most {MAX_FILTERS} filters, this one has {}.", texts.len());
            return Err(Problem::invalid("filter", message));
        }
        texts.iter().map(|text| Self::parse(text.as_ref())).collect()
    }

    pub fn parse(text: &str) -> Result<Self> {
        let bad = |message: &str| Problem::invalid("filter", message);
        let shape = "A filter is written column.operator.value, for example price.gte.10.";
        let (column, rest) = word(text, '.').ok_or_else(|| bad("A double quote is not closed."))?;
        let (name, value) = rest.and_then(|rest| rest.split_once('.')).ok_or_else(|| bad(shape))?;
        let operator = Operator::parse(name)
            .ok_or_else(|| bad("The operators are eq, neq, gt, gte, lt, lte, like, ilike, in and is."))?;
        if column.is_empty() {
            return Err(bad(shape));
        }
        let values = match operator {
            Operator::In => list(value).ok_or_else(|| bad("A list is written (a,b,\"c,d\")."))?,
            Operator::Is if !matches!(value, "null" | "not_null" | "true" | "false") => {
                return Err(bad("After is comes null, not_null, true or false."));
            }
            _ => vec![value.to_owned()],
        };
        if values.len() > MAX_IN_VALUES {
            let message =
                format!("A list can have at most {MAX_IN_VALUES} values, this one has {}.", values.len());
            return Err(bad(&message));
        }
        Ok(Self { column, operator, values })
    }
}

impl Filter {
    /// The pattern of [`Operator::Like`] and [`Operator::Ilike`] as one of SQL's: `*` is `%`, and a backslash takes the
    /// meaning from what follows.
    ///
    /// # Errors
    /// `invalid` for one that ends with a single backslash.
    pub fn sql_pattern(&self) -> Result<String> {
        let mut sql = String::new();
        let mut rest = self.values.first().map_or("", String::as_str).chars();
        while let Some(char) = rest.next() {
            match char {
                '*' => sql.push('%'),
                '\\' => match rest.next() {
                    Some('*') => sql.push('*'),
                    Some(char) => sql.extend(['\\', char]),
                    None => {
                        return Err(Problem::invalid(
                            "filter",
                            "A pattern can't end with a single backslash; two of them mean one.",
                        ));
                    }
                },
                char => sql.push(char),
            }
        }
        Ok(sql)
    }
}

impl fmt::Display for Filter {
    /// Text that parses to the same filter.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        if self.column.contains('.') || self.column.starts_with('"') {
            f.write_str(&quoted(&self.column))?;
        } else {
            f.write_str(&self.column)?;
        }
        write!(f, ".{}.", self.operator.as_str())?;
        match self.operator {
            Operator::In => {
                let members: Vec<String> = self.values.iter().map(|value| quoted(value)).collect();
                write!(f, "({})", members.join(","))
            }
            _ => f.write_str(self.values.first().map_or("", String::as_str)),
        }
    }
}

impl From<Filter> for String {
    fn from(filter: Filter) -> Self {
        filter.to_string()
    }
}

impl TryFrom<String> for Filter {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        Self::parse(&text).map_err(|problem| problem.detail)
    }
}

/// The members of `(a,"b,c")`.
pub(crate) fn list(text: &str) -> Option<Vec<String>> {
    let text = text.strip_prefix('(')?.strip_suffix(')')?;
    let mut members = Vec::new();
    let mut rest = (!text.is_empty()).then_some(text);
    while let Some(text) = rest {
        let (member, tail) = word(text, ',')?;
        members.push(member);
        rest = tail;
    }
    Some(members)
}

/// The text before the first `separator`, or within double quotes (doubled where meant), and what follows
/// the separator if there is one.
fn word(text: &str, separator: char) -> Option<(String, Option<&str>)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        return Some(match text.split_once(separator) {
            Some((word, tail)) => (word.to_owned(), Some(tail)),
            None => (text.to_owned(), None),
        });
    };
    let mut word = String::new();
    loop {
        let (part, tail) = rest.split_once('"')?;
        word.push_str(part);
        match tail.strip_prefix('"') {
            Some(more) => {
                word.push('"');
                rest = more;
            }
            None if tail.is_empty() => return Some((word, None)),
            None => return Some((word, Some(tail.strip_prefix(separator)?))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(column: &str, operator: Operator, values: &[&str]) -> Filter {
        Filter { column: column.into(), operator, values: values.iter().map(|&v| v.into()).collect() }
    }

    #[test]
    fn filters() {
        for (text, want) in [
            ("price.gte.10.5", filter("price", Operator::Gte, &["10.5"])),
            ("\"a.\"\"b\".eq.x.y", filter("a.\"b", Operator::Eq, &["x.y"])),
            ("name.ilike.*ab*", filter("name", Operator::Ilike, &["*ab*"])),
            ("a.in.(1,\"2,3\",)", filter("a", Operator::In, &["1", "2,3", ""])),
            ("a.in.()", filter("a", Operator::In, &[])),
            ("a.eq.", filter("a", Operator::Eq, &[""])),
            ("a.is.null", filter("a", Operator::Is, &["null"])),
        ] {
            assert_eq!(Filter::parse(text), Ok(want), "{text}");
        }
        for bad in [
            "",
            "a",
            "a.eq",
            ".eq.1",
            "a.near.1",
            "\"a.eq.1",
            "\"a\"x.eq.1",
            "a.is.maybe",
            "a.in.1",
            "a.in.(\"1)",
        ] {
            assert!(Filter::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_filter_is_printed_as_it_is_parsed() {
        for text in [
            "price.gte.10",
            "\"a.b\".eq.x.y",
            "\"\"\"q\".eq.\"",
            "name.ilike.*ab*",
            "a.in.()",
            "a.in.(\"\")",
            "a.in.(\"x,y\",\"z\"\"\",\")\")",
            "a.is.not_null",
            "a.eq.",
        ] {
            let filter = Filter::parse(text).unwrap();
            assert_eq!(filter.to_string(), text);
            assert_eq!(Filter::parse(&filter.to_string()).unwrap(), filter);
        }
    }

    #[test]
    fn patterns() {
        let pattern = |text: &str| filter("a", Operator::Like, &[text]).sql_pattern();
        for (ours, sql) in [("*ab*", "%ab%"), ("a_%", "a_%"), ("\\*\\%\\_\\\\", "*\\%\\_\\\\"), ("", "")] {
            assert_eq!(pattern(ours).unwrap(), sql);
        }
        assert!(pattern("a\\").is_err());
    }

    #[test]
    fn sorts() {
        let sorts = Sort::parse_list("-price,id,\"odd, name\"").unwrap();
        let flat: Vec<_> = sorts.iter().map(|s| (s.column.as_str(), s.descending)).collect();
        assert_eq!(flat, [("price", true), ("id", false), ("odd, name", false)]);
        assert!(Sort::parse_list("").unwrap().is_empty());
        for bad in [",", "a,,b", "a,", "-", "\"a", "a,-a"] {
            assert!(Sort::parse_list(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn columns() {
        assert_eq!(parse_columns("id,\"odd, name\",-x").unwrap(), ["id", "odd, name", "-x"]);
        for bad in ["", ",", "a,", "a,,b", "\"a", "a,a"] {
            assert_eq!(parse_columns(bad).unwrap_err().fields[0].field, "columns", "{bad}");
        }
        let many = |count: usize| (0..count).map(|n| format!("c{n}")).collect::<Vec<_>>().join(",");
        assert_eq!(parse_columns(&many(MAX_COLUMNS)).unwrap().len(), MAX_COLUMNS);
        assert!(parse_columns(&many(MAX_COLUMNS + 1)).is_err());
    }

    #[test]
    fn a_request_is_refused_beyond_its_bounds() {
        let filters = |count| Filter::parse_list(&vec!["a.eq.1"; count]);
        let list = |count: usize| Filter::parse(&format!("a.in.({})", vec!["1"; count].join(",")));
        let sorts =
            |count| Sort::parse_list(&(0..count).map(|n| format!("c{n}")).collect::<Vec<_>>().join(","));
        assert_eq!(filters(MAX_FILTERS).unwrap().len(), MAX_FILTERS);
        assert_eq!(list(MAX_IN_VALUES).unwrap().values.len(), MAX_IN_VALUES);
        assert_eq!(sorts(MAX_SORT_COLUMNS).unwrap().len(), MAX_SORT_COLUMNS);
        for (problem, words) in [
            (filters(MAX_FILTERS + 1).unwrap_err(), "at most 32 filters, this one has 33"),
            (list(MAX_IN_VALUES + 1).unwrap_err(), "at most 1000 values, this one has 1001"),
            (sorts(MAX_SORT_COLUMNS + 1).unwrap_err(), "at most 16 columns"),
        ] {
            assert!(problem.detail.contains(words), "{problem}");
            assert_eq!(problem.fields.len(), 1);
        }
    }
}
