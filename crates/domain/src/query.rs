//! Which rows of a version are wanted: `?offset=&limit=&sort=-price,id&filter=price.gte.10`.

use crate::problem::{Problem, Result};

/// Rows `offset .. offset + limit` of what remains after `filters`, in the order of `sort`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowQuery {
    pub offset: u64,
    pub limit: usize,
    /// Empty: the order of arrival.
    pub sort: Vec<Sort>,
    /// All of them must hold.
    pub filters: Vec<Filter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sort {
    pub column: String,
    pub descending: bool,
}

/// `column.operator.value` as PostgREST writes it. A column whose name holds a dot stands in double quotes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
    /// Parses `-price,id,"odd, name"`.
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
            sorts.push(Self { column, descending });
            rest = tail;
        }
        Ok(sorts)
    }
}

impl Filter {
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
        Ok(Self { column, operator, values })
    }
}

/// The members of `(a,"b,c")`.
fn list(text: &str) -> Option<Vec<String>> {
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
    fn sorts() {
        let sorts = Sort::parse_list("-price,id,\"odd, name\"").unwrap();
        let flat: Vec<_> = sorts.iter().map(|s| (s.column.as_str(), s.descending)).collect();
        assert_eq!(flat, [("price", true), ("id", false), ("odd, name", false)]);
        assert!(Sort::parse_list("").unwrap().is_empty());
        for bad in [",", "a,,b", "a,", "-", "\"a", "a,-a"] {
            assert!(Sort::parse_list(bad).is_err(), "{bad}");
        }
    }
}
