//! A way to look at a table that was given a name.

use crate::{
    filter_group::FilterGroup,
    name::ResourceName,
    problem::{Problem, Result},
    query::{MAX_COLUMNS, Sort},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The narrowest and the widest a column is shown, in pixels of CSS.
pub const COLUMN_WIDTHS: std::ops::RangeInclusive<u32> = 20..=4096;

/// Filters, sort, columns and how wide they are, each as it stands in a request for rows. A column that later versions
/// don't have is not looked for here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedView {
    pub name: ResourceName,
    pub look: Look,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Look {
    /// As `sort` of a request; empty for the order of arrival.
    pub sort: String,
    /// As `filter` of a request.
    pub filters: Vec<String>,
    /// In their order; `None` for all.
    pub columns: Option<Vec<String>>,
    /// In pixels of CSS; of those that were given one.
    pub widths: BTreeMap<String, u32>,
    /// Those that stay in sight.
    pub pinned: Vec<String>,
}

impl SavedView {
    /// # Errors
    /// `invalid` for what no request could ask for.
    pub fn parse(name: &str, look: Look) -> Result<Self> {
        let name = ResourceName::parse("name", name)?;
        Sort::parse_list(&look.sort)?;
        FilterGroup::parse_list(&look.filters)?;
        for (field, columns) in [("columns", look.columns.as_ref()), ("pinned", Some(&look.pinned))] {
            let Some(columns) = columns else { continue };
            check_names(field, columns)?;
        }
        if look.columns.as_ref().is_some_and(Vec::is_empty) {
            return Err(Problem::invalid("columns", "Name at least one column, or send null for all."));
        }
        check_names("widths", &look.widths.keys().collect::<Vec<_>>())?;
        if look.widths.values().any(|width| !COLUMN_WIDTHS.contains(width)) {
            let (least, most) = (COLUMN_WIDTHS.start(), COLUMN_WIDTHS.end());
            return Err(Problem::invalid("widths", format!("A width is from {least} to {most} pixels.")));
        }
        Ok(Self { name, look })
    }
}

fn check_names(field: &'static str, names: &[impl AsRef<str>]) -> Result<()> {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    let mut seen = names.clone();
    seen.sort_unstable();
    seen.dedup();
    if names.len() > MAX_COLUMNS || seen.len() < names.len() || names.contains(&"") {
        let message = format!("At most {MAX_COLUMNS} names of columns, each once and none of them empty.");
        return Err(Problem::invalid(field, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_request_could_ask_for_is_no_view() {
        let good = Look {
            sort: "-price,id".into(),
            filters: vec!["or.(price.gte.10,id.eq.1)".into()],
            columns: Some(vec!["id".into(), "odd, name".into()]),
            widths: BTreeMap::from([("id".into(), 120)]),
            pinned: vec!["id".into()],
        };
        assert!(SavedView::parse("Dear", good.clone()).is_ok());
        assert!(SavedView::parse("All", Look::default()).is_ok());
        for (field, name, bad) in [
            ("name", "", good.clone()),
            ("sort", "n", Look { sort: "a,a".into(), ..good.clone() }),
            ("filter", "n", Look { filters: vec!["a.near.1".into()], ..good.clone() }),
            ("columns", "n", Look { columns: Some(vec![]), ..good.clone() }),
            ("columns", "n", Look { columns: Some(vec!["a".into(), "a".into()]), ..good.clone() }),
            ("pinned", "n", Look { pinned: vec![String::new()], ..good.clone() }),
            ("widths", "n", Look { widths: BTreeMap::from([("a".into(), 5000)]), ..good.clone() }),
        ] {
            assert_eq!(SavedView::parse(name, bad).unwrap_err().fields[0].field, field);
        }
    }
}
