//! What a table's columns come to, as the server computes it.

use super::{SelectList, Template, quote_into, target_into, wanted::condition_into};
use mycorr_domain::{ColumnType, TextHash};

/// In which encoding the server keeps text, and a hash of which the low half shows whether the server hashes as others
/// do: those of big-endian machines differ.
pub const HASHING: Template = Template {
    name: "hashing",
    text: "SELECT current_setting('server_encoding'), hashtext('mycorr' COLLATE \"C\")",
};

/// What [`checksums`] is called in the ledger.
pub const CHECKSUMS: &str = "checksums";

/// How texts are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashing {
    pub hash: TextHash,
    /// The server's encoding is not the one in which we keep text.
    pub convert: bool,
}

/// Counts the rows that an import reads, and for each column the values that are not null, with the sum of the hashes of
/// their texts. All figures are in one value: a result has fewer columns than that many sums. Of masked columns, whose
/// stored texts are others, values are only counted.
pub fn checksums(
    schema: &str,
    table: &str,
    wanted: &SelectList,
    stored: &[ColumnType],
    hashing: Hashing,
) -> String {
    let mut sql = String::from("SELECT array_to_string(ARRAY[count(*)::text");
    for ((name, mask), stored) in wanted.columns.iter().zip(stored) {
        let mut column = String::new();
        quote_into(&mut column, name);
        sql.push_str(&match mask.is_some() {
            true => format!(", concat(count({column}), ':')"),
            false => format!(", concat(count({column}), ':', sum({}))", hashing.of(&text(&column, *stored))),
        });
    }
    sql.push_str("], ',') FROM ");
    target_into(&mut sql, schema, table);
    condition_into(&mut sql, wanted.conditions.texts().iter().cloned());
    sql
}

impl Hashing {
    fn of(self, text: &str) -> String {
        match (self.hash, self.convert) {
            (TextHash::Lookup3, _) => format!("hashtextextended({text} COLLATE \"C\", 0)"),
            (TextHash::Md5, convert) => {
                let bytes = if convert { format!("convert_to({text}, 'UTF8')") } else { text.to_owned() };
                format!("('x' || left(md5({bytes}), 16))::bit(64)::bigint")
            }
        }
    }
}

/// The text that the output function prints. Where a cast to text is the output function, that is the cheaper way; those
/// to `boolean`, `char(n)` and some others are not.
fn text(column: &str, stored: ColumnType) -> String {
    match stored {
        ColumnType::Boolean | ColumnType::Char | ColumnType::Other => {
            format!("(CASE WHEN {column} IS DISTINCT FROM NULL THEN format('%s', {column}) END)")
        }
        _ => format!("{column}::text"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mycorr_domain::Mask;

    #[test]
    fn one_value_for_all_columns() {
        let wanted = SelectList {
            columns: vec![("id".into(), None), ("email".into(), Some(Mask::Hash)), ("c\"x".into(), None)],
            conditions: Default::default(),
        };
        let stored = [ColumnType::Int32, ColumnType::Text, ColumnType::Char];
        let hashing = Hashing { hash: TextHash::Lookup3, convert: false };
        assert_eq!(
            checksums("s", "t", &wanted, &stored, hashing),
            "SELECT array_to_string(ARRAY[count(*)::text, concat(count(\"id\"), ':', \
             sum(hashtextextended(\"id\"::text COLLATE \"C\", 0))), concat(count(\"email\"), ':'), \
             concat(count(\"c\"\"x\"), ':', sum(hashtextextended((CASE WHEN \"c\"\"x\" IS DISTINCT FROM NULL \
             THEN format('%s', \"c\"\"x\") END) COLLATE \"C\", 0)))], ',') FROM \"s\".\"t\""
        );
    }
}
