//! libpq's own verdicts, as `golden.py` wrote them down.

use super::{parse, tests::line};
use std::collections::BTreeMap;

fn unescape(text: &str) -> String {
    let mut characters = text.chars();
    let mut plain = String::new();
    while let Some(c) = characters.next() {
        plain.push(match c {
            '\\' => match characters.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                other => other.unwrap(),
            },
            c => c,
        });
    }
    plain
}

/// What libpq sets, as the form shows it.
fn as_fields(set: &BTreeMap<&str, String>) -> String {
    let field = |keyword| set.get(keyword).filter(|value| !value.is_empty()).cloned();
    let hosts = field("host").or(field("hostaddr")).unwrap_or_default();
    let at = hosts.split(',').position(|host| !host.is_empty()).unwrap_or(0);
    let ports = field("port").unwrap_or_default();
    let port = if ports.contains(',') { ports.split(',').nth(at).unwrap() } else { &ports };
    let or_none = |text: Option<String>| text.unwrap_or("-".into());
    format!(
        "{} {} {} {} {} {}",
        or_none(hosts.split(',').nth(at).map(str::to_owned).filter(|host| !host.is_empty())),
        port.parse::<u16>().map_or("-".into(), |port| port.to_string()),
        or_none(field("dbname")),
        or_none(field("user")),
        or_none(field("password")),
        if field("sslmode").as_deref() == Some("disable") { "off" } else { "on" },
    )
}

#[test]
fn its_verdicts() {
    let mut seen = 0;
    for row in include_str!("golden.tsv").lines().filter(|row| !row.starts_with('#')) {
        let mut columns = row.split('\t');
        let text = unescape(columns.next().unwrap());
        let on_purpose = columns.next().unwrap();
        let ok = columns.next().unwrap() == "ok";
        let set = columns.map(|pair| pair.split_once('=').unwrap()).map(|(k, v)| (k, unescape(v))).collect();
        let theirs = if ok { as_fields(&set) } else { "error".into() };
        let ours = parse(&text).map_or("error".into(), |pasted| line(&pasted));
        assert_eq!(ours == theirs, on_purpose.is_empty(), "{text:?}: {ours:?}, libpq {theirs:?}");
        seen += 1;
    }
    assert!(seen > 120);
}
