//! What goes wrong in a table or view that the catalogue said is there and may be read.

use super::{
    server::{locked, new, routine},
    source,
};
use crate::{sql, wire::ServerError};
use mycorr_domain::{Code, Problem};

pub(super) fn reading(error: &ServerError, schema: &str, table: &str, role: &str) -> Option<Problem> {
    let name = format!("{schema}.{table}");
    Some(match (error.sqlstate.as_str(), routine(error)) {
        ("42501", "check_enable_rls") => new(
            Code::RowSecurityHidesRows,
            format!("Row-level security hides rows of a table that {name} reads, and a function in it switches row_security off, so PostgreSQL refuses the read."),
        )
        .fix("Have the function's SET row_security = off removed, or read the table itself."),
        ("42501", _) => denied(error, schema, table, role),
        // Names without a schema, where a table or a function used to be found through search_path.
        (sqlstate, _) if inside_a_function(error) && is_unknown_name(sqlstate) => new(
            Code::SourceError,
            format!("{name} calls a function that names a table, type or other function without its schema (SQLSTATE {sqlstate}). Mycorr reads with search_path = pg_catalog, so that a name can't mean two things."),
        )
        .fix("Have the function name things with their schema, or give it a search path of its own:\nALTER FUNCTION <schema>.<function> SET search_path = <schema>, pg_temp;"),
        ("42P01" | "3F000", _) => source::table_not_found(schema, table),
        ("42703" | "42804" | "42809", _) => source::source_changed(schema, table),
        ("55000", "ExecOpenScanRelation") => new(
            Code::SourceError,
            format!("{name} reads a materialized view that was never filled, or it is one itself."),
        )
        .fix(format!(
            "REFRESH MATERIALIZED VIEW {}.{};",
            sql::schema_name(schema),
            sql::identifier(table)
        )),
        // `cannot access temporary or unlogged relations during recovery`
        ("0A000", "get_relation_info") => new(
            Code::SourceError,
            format!("{name} holds an unlogged table. This server is a replica, and replicas do not have its rows."),
        )
        .fix("Read it from the primary."),
        ("53400", "FileWrite" | "FileWriteV" | "FileZero") => new(
            Code::SourceError,
            format!("Reading {name} needs more temporary disk space than temp_file_limit allows (SQLSTATE 53400)."),
        )
        .fix(format!("ALTER ROLE {} SET temp_file_limit = '10GB';", sql::identifier(role))),
        ("54001", _) => new(
            Code::SourceError,
            format!("{name} is too deep for the server's stack (SQLSTATE 54001): it calls functions, or reads views, that call each other too often."),
        )
        .fix("Have the function that calls itself mended, or raise max_stack_depth at the server."),
        ("40P01", "DeadLockReport") => locked(),
        _ => return None,
    })
}

/// Whether it was a statement of a function's that failed, and not ours.
fn inside_a_function(error: &ServerError) -> bool {
    error.internal_query.is_some() || error.context.is_some()
}

/// undefined_table, _schema, _function, _object, _column; ambiguous_function
fn is_unknown_name(sqlstate: &str) -> bool {
    matches!(sqlstate, "42P01" | "3F000" | "42883" | "42704" | "42703" | "42725")
}

/// The catalogue said that the role may read the table. So the right was taken away just now, or it is missing
/// beneath: a view reads with its owner's rights. The object's name is in no field, only in the text; where that
/// is not in English it is not looked for.
fn denied(error: &ServerError, schema: &str, table: &str, role: &str) -> Problem {
    const KINDS: [&str; 8] =
        ["table", "view", "materialized view", "foreign table", "relation", "function", "schema", "sequence"];
    let object = error.message.strip_prefix("permission denied for ").and_then(|rest| {
        let kind = KINDS
            .into_iter()
            .find(|kind| rest.strip_prefix(kind).is_some_and(|name| name.starts_with(' ')))?;
        Some((kind, &rest[kind.len() + 1..]))
    });
    match object {
        Some((kind, name)) if name == table && !matches!(kind, "function" | "schema") && !inside_a_function(error) => {
            source::table_permission_denied(schema, table, role)
        }
        Some((kind, name)) => {
            let name = shown(name);
            let right = match kind {
                "function" => "EXECUTE",
                "schema" => "USAGE",
                _ => "SELECT",
            };
            let on = if matches!(kind, "function" | "schema" | "sequence") { format!("{} ", kind.to_uppercase()) } else { String::new() };
            Problem::new(
                Code::TablePermissionDenied,
                format!(
                    "permission denied for {kind} {name}: {schema}.{table} needs it. A view reads with the rights of its owner, \
                     who lacks {right} on it; a view with security_invoker, and a function, with those of {role}."
                ),
            )
            .fix(format!(
                "Find out whose right is missing and grant it:\n{}\nGRANT {right} ON {on}{name} TO <owner, or {role}>;",
                owner_of(schema, table)
            ))
        }
        None => Problem::new(
            Code::TablePermissionDenied,
            format!(
                "permission denied for table {table}, or for what it reads: {role} lacks SELECT on {schema}.{table}, or, if that \
                 is a view, its owner lacks it on a table beneath."
            ),
        )
        .fix(format!(
            "{}\nIf that changes nothing, look whose right is missing beneath:\n{}",
            sql::grant_select(schema, table, role),
            owner_of(schema, table)
        )),
    }
}

fn owner_of(schema: &str, table: &str) -> String {
    let table = format!("{}.{}", sql::schema_name(schema), sql::identifier(table));
    format!("SELECT relowner::regrole FROM pg_class WHERE oid = '{}'::regclass;", table.replace('\'', "''"))
}

/// A name that a server sent, as it can stand in a sentence: short, and without what could disguise it.
fn shown(name: &str) -> String {
    let hidden = |c: &char| {
        !c.is_control()
            && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    name.chars().filter(hidden).take(130).collect()
}
