//! Conditions of which one has to hold: `or.(status.eq.open,"total.in.(1,2)")`.

use crate::{
    problem::{Problem, Result},
    query::{Filter, MAX_FILTERS, list},
};
use std::fmt;

/// One filter, or several of which one has to hold. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FilterGroup(Vec<Filter>);

/// No filter begins so: `(` begins no operator.
const OR: &str = "or.(";

impl FilterGroup {
    /// Parses a filter, or `or.(…)` of several. In its list a filter that holds a comma or begins with a double quote stands
    /// in double quotes, and a double quote in it is doubled.
    ///
    /// # Errors
    /// `invalid`.
    pub fn parse(text: &str) -> Result<Self> {
        if !text.starts_with(OR) {
            return Ok(Self(vec![Filter::parse(text)?]));
        }
        let bad = |message: &str| Problem::invalid("filter", message);
        let shape = "Alternatives are written or.(status.eq.open,\"total.in.(1,2)\").";
        let members = text.strip_prefix("or.").and_then(list).ok_or_else(|| bad(shape))?;
        if members.is_empty() {
            return Err(bad(shape));
        }
        Ok(Self(members.iter().map(|member| Filter::parse(member)).collect::<Result<_>>()?))
    }

    /// Parses all filters of a request, at most [`MAX_FILTERS`] with those in groups.
    ///
    /// # Errors
    /// `invalid`.
    pub fn parse_list(texts: &[impl AsRef<str>]) -> Result<Vec<Self>> {
        let groups = texts.iter().map(|text| Self::parse(text.as_ref())).collect::<Result<Vec<_>>>()?;
        let filters: usize = groups.iter().map(|group| group.0.len()).sum();
        if filters > MAX_FILTERS {
            let message =
                format!("A request can have at most {MAX_FILTERS} filters, this one has {filters}.");
            return Err(Problem::invalid("filter", message));
        }
        Ok(groups)
    }

    pub fn filters(&self) -> &[Filter] {
        &self.0
    }
}

impl From<Filter> for FilterGroup {
    fn from(filter: Filter) -> Self {
        Self(vec![filter])
    }
}

impl fmt::Display for FilterGroup {
    /// Text that parses to the same filters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [filter] = &self.0[..] {
            return filter.fmt(f);
        }
        f.write_str(OR)?;
        for (at, filter) in self.0.iter().enumerate() {
            let text = filter.to_string();
            let comma = if at > 0 { "," } else { "" };
            if text.contains(',') || text.starts_with('"') {
                write!(f, "{comma}\"{}\"", text.replace('"', "\"\""))?;
            } else {
                write!(f, "{comma}{text}")?;
            }
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_are_printed_as_they_are_parsed() {
        for (text, filters) in [
            ("price.gte.10", &["price.gte.10"][..]),
            ("or.(a.eq.1,b.is.null)", &["a.eq.1", "b.is.null"]),
            ("or.(a.eq.x.y,\"b.in.(\"\"1\"\",\"\"2\"\")\")", &["a.eq.x.y", "b.in.(\"1\",\"2\")"]),
            ("or.(\"\"\"a.b\"\".eq.1\",c.eq.)", &["\"a.b\".eq.1", "c.eq."]),
            ("or.(a.eq.(x),b.like.*)*)", &["a.eq.(x)", "b.like.*)*"]),
        ] {
            let group = FilterGroup::parse(text).unwrap();
            assert_eq!(group.filters().iter().map(Filter::to_string).collect::<Vec<_>>(), filters, "{text}");
            assert_eq!(group.to_string(), text);
        }
        // A column may be called so.
        assert_eq!(FilterGroup::parse("or.eq.1").unwrap().filters()[0].column, "or");
        assert_eq!(FilterGroup::parse("or.(a.eq.1)").unwrap().to_string(), "a.eq.1");
        for bad in
            ["or.(", "or.()", "or.(a)", "or.(a.eq.1", "or.(a.eq.1,)", "or.(or.(a.eq.1))", "or.(\"a.eq.1)"]
        {
            assert_eq!(FilterGroup::parse(bad).unwrap_err().fields[0].field, "filter", "{bad}");
        }
    }

    #[test]
    fn those_in_groups_count() {
        let group = format!("or.({})", vec!["a.eq.1"; MAX_FILTERS].join(","));
        assert_eq!(FilterGroup::parse_list(&[&group]).unwrap().len(), 1);
        let problem = FilterGroup::parse_list(&[&group[..], "a.eq.1"]).unwrap_err();
        assert!(problem.detail.contains("at most 32 filters, this one has 33"), "{problem}");
    }
}
