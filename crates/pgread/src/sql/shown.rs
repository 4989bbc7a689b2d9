//! SQL that is shown, for a database's administrator to run. Mycorr never sends it.

use super::quote_into;
use std::fmt::Write;

/// An identifier as a person would write it in SQL: quoted only where it must be. For statements that we
/// show, such as a missing GRANT.
pub fn identifier(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !RESERVED.contains(&name);
    if plain {
        return name.to_owned();
    }
    let mut quoted = String::new();
    quote_into(&mut quoted, name);
    quoted
}

/// Key words that PostgreSQL does not take as a name without quotes (manual, appendix C, "reserved" and
/// "reserved (can be function or type)").
#[rustfmt::skip]
const RESERVED: &[&str] = &[
    "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "authorization", "binary",
    "both", "case", "cast", "check", "collate", "collation", "column", "concurrently", "constraint", "create",
    "cross", "current_catalog", "current_date", "current_role", "current_schema", "current_time",
    "current_timestamp", "current_user", "default", "deferrable", "desc", "distinct", "do", "else", "end",
    "except", "false", "fetch", "for", "foreign", "freeze", "from", "full", "grant", "group", "having", "ilike",
    "in", "initially", "inner", "intersect", "into", "is", "isnull", "join", "lateral", "leading", "left",
    "like", "limit", "localtime", "localtimestamp", "natural", "not", "notnull", "null", "offset", "on", "only",
    "or", "order", "outer", "overlaps", "placing", "primary", "public", "references", "returning", "right",
    "select", "session_user", "similar", "some", "symmetric", "system_user", "table", "tablesample", "then",
    "to", "trailing", "true", "union", "unique", "user", "using", "variadic", "verbose", "when", "where",
    "window", "with",
];

/// A literal in single quotes, with the escape form where there is a backslash.
pub(crate) fn literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if doubled.contains('\\') {
        format!("E'{}'", doubled.replace('\\', "\\\\"))
    } else {
        format!("'{doubled}'")
    }
}

/// The SQL that makes the read-only role: for the database's administrator to run, never sent by Mycorr.
pub fn role_script(username: &str, database: &str, schemas: &[String], password: Option<&str>) -> String {
    let role = identifier(username);
    let database = identifier(database);
    let password = password.map_or_else(|| "'<strong-random-password>'".to_owned(), literal);
    let mut sql = format!(
        "-- Create the role\nCREATE ROLE {role} WITH LOGIN PASSWORD {password};\n\n\
         -- Allow connecting to the database\nGRANT CONNECT ON DATABASE {database} TO {role};\n"
    );
    for schema in schemas {
        let schema = schema_name(schema);
        write!(
            sql,
            "\n-- Allow seeing the schema\nGRANT USAGE ON SCHEMA {schema} TO {role};\n\n\
             -- Allow reading existing tables\nGRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role};\n\n\
             -- Allow reading tables created in the future too\n\
             ALTER DEFAULT PRIVILEGES IN SCHEMA {schema}\n  GRANT SELECT ON TABLES TO {role};\n"
        )
        .expect("a String takes everything");
    }
    sql
}

/// `public` is reserved only where a role could stand.
pub(crate) fn schema_name(schema: &str) -> String {
    if schema == "public" { schema.to_owned() } else { identifier(schema) }
}

pub fn grant_usage(schema: &str, role: &str) -> String {
    format!("GRANT USAGE ON SCHEMA {} TO {};", schema_name(schema), identifier(role))
}

pub fn grant_select(schema: &str, table: &str, role: &str) -> String {
    format!("GRANT SELECT ON {}.{} TO {};", schema_name(schema), identifier(table), identifier(role))
}

pub fn grant_select_columns(schema: &str, table: &str, columns: &[&str], role: &str) -> String {
    let columns: Vec<String> = columns.iter().map(|column| identifier(column)).collect();
    let table = format!("{}.{}", schema_name(schema), identifier(table));
    format!("GRANT SELECT ({}) ON {table} TO {};", columns.join(", "), identifier(role))
}

/// Makes the statistics of a table, with its children or partitions; its owner runs it.
pub(crate) fn analyze(schema: &str, table: &str) -> String {
    format!("ANALYZE {}.{};", schema_name(schema), identifier(table))
}

/// For tables that are named as SQL names them, with commas between.
pub(crate) fn grant_select_all(tables: &str, role: &str) -> String {
    format!("GRANT SELECT ON {tables} TO {};", identifier(role))
}

/// For all tables of a schema, those of the future included.
pub fn grant_schema(schema: &str, role: &str) -> String {
    let (schema, role) = (schema_name(schema), identifier(role));
    format!(
        "GRANT USAGE ON SCHEMA {schema} TO {role};\nGRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role};\n\
         ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT ON TABLES TO {role};"
    )
}

/// A setting for a role in one database, which overrides those of the role, the database and the configuration.
pub(crate) fn alter_role_in(role: &str, database: &str, setting: &str, value: &str) -> String {
    format!("ALTER ROLE {} IN DATABASE {} SET {setting} = {value};", identifier(role), identifier(database))
}

pub(crate) fn valid_for_ever(role: &str) -> String {
    format!("ALTER ROLE {} VALID UNTIL 'infinity';", identifier(role))
}

pub fn grant_connect(database: &str, role: &str) -> String {
    format!("GRANT CONNECT ON DATABASE {} TO {};", identifier(database), identifier(role))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_where_needed_in_what_is_shown() {
        for (name, shown) in [
            ("orders", "orders"),
            ("Orders", "\"Orders\""),
            ("order", "\"order\""),
            ("1st", "\"1st\""),
            ("a\"b", "\"a\"\"b\""),
            ("größe", "\"größe\""),
        ] {
            assert_eq!(identifier(name), shown);
        }
        assert_eq!(grant_select("public", "user", "r-o"), "GRANT SELECT ON public.\"user\" TO \"r-o\";");
    }
}
