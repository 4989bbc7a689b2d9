//! Rights of a role that write, and the SQL that takes exactly them back: from who holds them, as who granted them.
//! Reading stays: no membership in a group is taken away unless the group is one of PostgreSQL's own that only writes.

use crate::{
    reader::Reader,
    role_privileges::{Excess, number_of_tables},
    sql,
};
use mycorr_domain::Result;

/// What `sql::WRITES` cuts a list of names at.
const MAX_NAMES_BYTES: usize = 8000;

/// A row of `sql::WRITES`.
pub(crate) fn write_excess(row: &mut Reader<'_>, role: &str, database: &str) -> Result<Excess> {
    let (kind, schema, grantee, own) = (row.text()?, row.name()?, row.text()?, row.flag()?);
    let (grantor, rights, passed_on) = (row.optional()?, row.text()?, row.flag()?);
    let (count, names, owns) = (row.number()?, row.text()?, row.flag()?);
    let who = match grantee.as_str() {
        _ if own => role.to_owned(),
        "PUBLIC" => "Everybody".to_owned(),
        group => format!("{role}, as a member of {group},"),
    };
    let tables = number_of_tables(count);
    let (what, on) = match kind.as_str() {
        "table" if names.len() < MAX_NAMES_BYTES => {
            (format!("may change {tables} of the schema {schema}"), Some(names))
        }
        // ALL TABLES would take an owner's rights on its own tables too.
        "table" => (
            format!("may change {tables} of the schema {schema}"),
            (!owns).then(|| format!("ALL TABLES IN SCHEMA {}", sql::schema_name(&schema))),
        ),
        "schema" => (format!("may create tables in the schema {schema}"), Some(format!("SCHEMA {names}"))),
        "database" => (format!("may create schemas in {database}"), Some(format!("DATABASE {names}"))),
        "owned table" => (format!("owns {tables} of the schema {schema}"), None),
        "owned schema" => (format!("owns the schema {schema}"), None),
        _ => (format!("owns the database {database}"), None),
    };
    let Some(on) = on else {
        return Ok(Excess {
            what: format!(
                "{who} {what}: what is owned can always be changed and dropped, and no REVOKE takes that away. A role that owns nothing is safer."
            ),
            revoke: None,
        });
    };
    let mut revoke =
        format!("REVOKE {rights} ON {on} FROM {grantee}{};", if passed_on { " CASCADE" } else { "" });
    // A superuser revokes as the owner; what somebody else granted is revoked as that one.
    if let Some(grantor) = grantor {
        revoke = format!("SET ROLE {grantor};\n{revoke}\nRESET ROLE;");
    }
    let mut what = format!("{who} {what}.");
    if !own && grantee != "PUBLIC" {
        what.push_str(&format!(" The REVOKE takes this from every member of {grantee}."));
    }
    if passed_on {
        what.push_str(" The REVOKE takes it also from those to whom it was passed on.");
    }
    Ok(Excess { what, revoke: Some(revoke) })
}

/// A membership that brings more than tables: `group`, `member`, `grantor`, whether it administers, and whether the
/// member is the role itself, with tabs between.
pub(crate) fn group_excess(line: &str, role: &str) -> Option<Excess> {
    let mut parts = line.split('\t');
    let (group, member, grantor) = (parts.next()?, parts.next()?, parts.next()?);
    let (administers, own) = (parts.next()? == "t", parts.next()? == "t");
    let through = if own { String::new() } else { format!(", as a member of {member}") };
    if administers {
        return Some(Excess {
            what: format!(
                "{role} has the rights of {group}{through}, which administers the server. Taking them away may take reading away too; a role of its own for Mycorr is safer."
            ),
            revoke: None,
        });
    }
    let all =
        if own { String::new() } else { format!(" The REVOKE takes this from every member of {member}.") };
    let granted_by = if grantor.is_empty() { String::new() } else { format!(" GRANTED BY {grantor}") };
    Some(Excess {
        what: format!("{role} has the rights of PostgreSQL's own role {group}{through}.{all}"),
        revoke: Some(format!("REVOKE {group} FROM {member}{granted_by};")),
    })
}
