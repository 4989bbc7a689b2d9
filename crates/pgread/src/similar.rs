//! Which of the names that exist was meant by one that does not.

/// The name of the list that `typed` was probably meant to be: the same but for blanks around it, case, or the
/// marks between its words, or one that a typing error or two away. `None` if there is none, or if several are as
/// near as each other.
pub fn nearest<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut best: Option<(u32, &str)> = None;
    let mut tie = false;
    for name in names {
        let Some(distance) = distance(typed, name) else { continue };
        match best {
            Some((least, _)) if least < distance => {}
            Some((least, _)) if least == distance => tie = true,
            _ => (best, tie) = (Some((distance, name)), false),
        }
    }
    best.filter(|_| !tie).map(|(_, name)| name)
}

/// The longest names that are compared letter by letter: PostgreSQL keeps 63 bytes.
const MAX_NAME_CHARS: usize = 64;

/// Smaller is nearer; `None`: another name, or the very same.
fn distance(typed: &str, name: &str) -> Option<u32> {
    if typed == name {
        return None;
    }
    if typed.trim() == name.trim() {
        return Some(0);
    }
    let (typed, name) = (typed.trim().to_lowercase(), name.trim().to_lowercase());
    if typed == name {
        return Some(1);
    }
    let words = |text: &str| text.replace(['-', '_', ' ', '.'], "");
    if words(&typed) == words(&name) {
        return Some(2);
    }
    let (typed, name): (Vec<char>, Vec<char>) = (typed.chars().collect(), name.chars().collect());
    // Of a short name, two letters are all there is to know it by.
    let most = if typed.len().min(name.len()) < 5 { 1 } else { 2 };
    if typed.len().max(name.len()) > MAX_NAME_CHARS || typed.len().abs_diff(name.len()) > most {
        return None;
    }
    let edits = edits(&typed, &name);
    (edits <= most && edits < typed.len()).then_some(2 + edits as u32)
}

/// Letters added, left out, replaced, or swapped with their neighbour (Damerau, "optimal string alignment").
fn edits(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            row.push(least);
        }
        (before, last) = (last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_that_was_meant() {
        let names =
            ["postgres", "Shop", "shop_archive", "web-analytics", "größe", "a", "bb", "données", "🐘farm"];
        for (typed, meant) in [
            ("shop", Some("Shop")),
            ("SHOP", Some("Shop")),
            (" Shop", Some("Shop")),
            ("Shop ", Some("Shop")),
            ("shp", Some("Shop")),
            ("hsop", Some("Shop")),
            ("shops", Some("Shop")),
            ("Shop-Archive", Some("shop_archive")),
            ("shoparchive", Some("shop_archive")),
            ("shop archiev", Some("shop_archive")),
            ("web_analytics", Some("web-analytics")),
            ("postgre", Some("postgres")),
            ("postgers", Some("postgres")),
            ("postgresql", Some("postgres")),
            ("GRÖSSE", Some("größe")),
            ("GRÖẞE", Some("größe")),
            ("🐘Farm", Some("🐘farm")),
            ("b", None),
            ("x", None),
            ("", None),
            ("stop", Some("Shop")),
            ("sales", None),
            ("production", None),
        ] {
            assert_eq!(nearest(typed, names), meant, "{typed:?}");
        }
    }

    #[test]
    fn the_very_name_and_ties_are_none() {
        assert_eq!(nearest("shop", ["shop"]), None);
        assert_eq!(nearest("shop1", ["shop2", "shop3"]), None);
        assert_eq!(nearest("shop", ["SHOP", "Shop", "stop"]), None);
        // The nearer one wins, wherever it stands.
        assert_eq!(nearest("shop", ["stop", "Shop", "shoq"]), Some("Shop"));
        assert_eq!(nearest(&"x".repeat(100_000), ["y".repeat(100_000).as_str()]), None);
    }
}
