//! Filters and sorts from a URL: what is understood says the same when it is written out again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mycorr_domain::{
    FilterGroup,
    query::{Filter, Operator, Sort},
};
use mycorr_fuzz as _;

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn written(filter: &Filter) -> String {
    let operator = format!("{:?}", filter.operator).to_lowercase();
    let value = match filter.operator {
        Operator::In => {
            format!("({})", filter.values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(","))
        }
        _ => filter.values.concat(),
    };
    format!("{}.{operator}.{value}", quoted(&filter.column))
}

fuzz_target!(|text: &str| {
    if let Ok(filter) = Filter::parse(text) {
        assert_eq!(Filter::parse(&written(&filter)).ok(), Some(filter));
    }
    if let Ok(group) = FilterGroup::parse(text) {
        assert_eq!(FilterGroup::parse(&group.to_string()).ok(), Some(group));
    }
    if let Ok(sorts) = Sort::parse_list(text) {
        let written: Vec<String> = sorts
            .iter()
            .map(|sort| format!("{}{}", if sort.descending { "-" } else { "" }, quoted(&sort.column)))
            .collect();
        assert_eq!(Sort::parse_list(&written.join(",")).ok(), Some(sorts));
    }
});
