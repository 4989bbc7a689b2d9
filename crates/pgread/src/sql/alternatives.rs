//! What stands in a statement's place for a part of the catalogue that an administrator has taken away from PUBLIC.
//! PostgreSQL checks the rights of a whole statement before it runs any of it, so a part that is refused has to go.

/// Where the server refuses one of `objects` to the role, `instead` is sent for `part`.
#[derive(Debug, PartialEq, Eq)]
pub struct Alternative {
    /// Tables, views, schemas and functions, without their schema.
    pub objects: &'static [&'static str],
    pub part: &'static str,
    pub instead: &'static str,
}

const fn without(objects: &'static [&'static str], part: &'static str, instead: &'static str) -> Alternative {
    Alternative { objects, part, instead }
}

/// What is unknown then is null: that a right is missing is said only where it is known.
pub const ALTERNATIVES: &[Alternative] = &[
    // Whether anything can be read at all.
    without(
        &["pg_class", "pg_namespace", "has_schema_privilege", "has_table_privilege"],
        "EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') \
               AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') \
               AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))",
        "NULL::boolean",
    ),
    without(&["current_setting"], "current_setting('is_superuser', true) = 'on'", "NULL::boolean"),
    without(&["pg_is_in_recovery"], "pg_is_in_recovery()", "current_setting('in_hot_standby', true) = 'on'"),
    without(&["pg_backend_pid"], "pg_backend_pid()", "NULL::integer"),
    // The role.
    without(
        &["pg_roles"],
        "pg_catalog.pg_roles r",
        "(SELECT NULL::oid AS oid, current_user AS rolname, current_setting('is_superuser', true) = 'on' AS rolsuper, \
           NULL::boolean AS rolbypassrls, NULL::boolean AS rolreplication, NULL::boolean AS rolcreatedb, \
           NULL::boolean AS rolcreaterole, NULL::timestamptz AS rolvaliduntil) r",
    ),
    without(
        &["pg_roles"],
        "pg_catalog.pg_roles g",
        "(SELECT NULL::oid AS oid, NULL::name AS rolname, NULL::boolean AS rolsuper, NULL::boolean AS rolcreaterole WHERE false) g",
    ),
    without(
        &["pg_auth_members"],
        "pg_catalog.pg_auth_members m",
        "(SELECT NULL::oid AS roleid, NULL::oid AS member, NULL::oid AS grantor WHERE false) m",
    ),
    without(&["pg_has_role"], "pg_has_role(r.oid, m.member, 'USAGE')", "NULL::boolean"),
    without(&["pg_has_role"], "pg_has_role(r.oid, g.oid, 'USAGE')", "NULL::boolean"),
    without(&["pg_has_role"], "pg_has_role(r.oid, g.oid, 'MEMBER')", "NULL::boolean"),
    without(&["pg_has_role"], "pg_has_role(a.grantee, 'USAGE')", "NULL::boolean"),
    without(&["pg_has_role"], "pg_has_role(c.relowner, 'USAGE')", "NULL::boolean"),
    without(&["current_database"], "d.datname = current_database()", "NULL::boolean"),
    // Its rights.
    without(&["has_schema_privilege"], "has_schema_privilege(n.oid, 'USAGE')", "NULL::boolean"),
    without(&["has_table_privilege"], "has_table_privilege(c.oid, 'SELECT')", "NULL::boolean"),
    without(
        &["has_table_privilege"],
        "has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')",
        "NULL::boolean",
    ),
    without(&["has_any_column_privilege"], "has_any_column_privilege(c.oid, 'SELECT')", "NULL::boolean"),
    without(
        &["has_any_column_privilege"],
        "has_any_column_privilege(c.oid, 'INSERT, UPDATE')",
        "NULL::boolean",
    ),
    without(&["has_column_privilege"], "has_column_privilege(c.oid, a.attnum, 'SELECT')", "NULL::boolean"),
    without(&["row_security_active"], "row_security_active(c.oid)", "c.relrowsecurity"),
    without(&["row_security_active"], "row_security_active(oid)", "NULL::boolean"),
    without(
        &["quote_ident"],
        "(quote_ident(n.nspname) || '.' || quote_ident(c.relname)) COLLATE",
        "c.oid::regclass::text COLLATE",
    ),
    // Without it, each table is asked for rights on columns, which takes longer.
    without(
        &["pg_attribute"],
        "(SELECT DISTINCT attrelid FROM pg_catalog.pg_attribute WHERE attacl IS NOT NULL) a",
        "(SELECT oid AS attrelid FROM pg_catalog.pg_class) a",
    ),
    // A table and its columns.
    without(
        &["information_schema", "tables"],
        "EXISTS (SELECT FROM information_schema.tables i WHERE i.table_schema = $1 AND i.table_name = $2)",
        "NULL::boolean",
    ),
    without(
        &["pg_inherits"],
        "pg_catalog.pg_inherits i",
        "(SELECT NULL::oid AS inhrelid, NULL::oid AS inhparent WHERE false) i",
    ),
    without(
        &["pg_index"],
        "pg_catalog.pg_index x WHERE x.indrelid = c.oid",
        "(SELECT NULL::oid AS indrelid, false AS indisprimary, NULL::int2vector AS indkey, NULL::oidvector AS indclass \
           WHERE false) x WHERE x.indrelid = c.oid",
    ),
    without(&["array_upper"], "[0:array_upper(x.indclass, 1)]", ""),
    // Then a domain is known by its own name only.
    without(
        &["pg_type"],
        "pg_catalog.pg_type t ON t.oid = b.typid",
        "(SELECT NULL::oid AS oid, NULL::\"char\" AS typtype, NULL::oid AS typbasetype, NULL::integer AS typtypmod \
           WHERE false) t ON t.oid = b.typid",
    ),
    without(&["format_type"], "format_type(a.atttypid, a.atttypmod)", "a.atttypid::regtype::text"),
];

/// A statement without what is `refused`.
pub fn render(text: &str, refused: impl Fn(&str) -> bool) -> String {
    let mut text = text.to_owned();
    for Alternative { objects, part, instead } in ALTERNATIVES {
        if objects.iter().any(|object| refused(object)) {
            text = text.replace(part, instead);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::TEMPLATES;

    #[test]
    fn every_part_stands_in_a_statement() {
        for Alternative { objects, part, instead } in ALTERNATIVES {
            let statement = TEMPLATES.iter().find(|template| template.text.contains(part));
            assert!(statement.is_some(), "{part}");
            assert!(objects.iter().any(|object| part.contains(object)), "{part}");
            assert!(!instead.contains(part));
        }
    }
}
