//! Every statement that Mycorr sends. SQL text exists here and nowhere else.
//!
//! What a person typed is only ever a parameter. The one exception is [`select`], which names a table and its
//! columns: names that `describe` found in the catalogue, quoted.

mod advice;
mod alternatives;
mod browse;
mod checksums;
mod ranges;
mod shown;
mod statistics;
mod wanted;

pub use advice::{BENEATH, DENIED, LIMITS, WRITES};
pub use alternatives::{ALTERNATIVES, Alternative, render};
pub use browse::*;
pub use checksums::*;
pub use ranges::*;
pub use shown::*;
pub use statistics::*;
pub use wanted::*;

use mycorr_domain::source_name;
use std::fmt::Write;

/// A statement with a name, as the ledger and the documentation call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template {
    pub name: &'static str,
    pub text: &'static str,
}

/// All fixed statements, for the documentation.
pub const TEMPLATES: &[Template] = &[
    SETTINGS,
    VERIFY_SESSION_SETTINGS,
    SERVER,
    BACKEND,
    DATABASES,
    ROLE,
    RIGHTS,
    WRITES,
    SCHEMAS,
    TABLES,
    SEARCH,
    DESCRIBE,
    STATISTICS,
    TYPES,
    KEYS,
    FOREIGN_KEYS,
    OPERATORS,
    HASHING,
    RENAMED,
    DENIED,
    BENEATH,
    LIMITS,
    ALIVE,
    CAPACITY,
    RANGES,
    MEMBERS,
    IDENTITY,
    SNAPSHOT,
    ALIGN,
];

/// Opens every pipeline. The settings hold until its end, which is the end of the implicit transaction
/// (PostgreSQL manual, "Pipelining"): no write can pass, and no setting of a role or a database changes how
/// a value is printed. Functions and catalogues are named with their schema, because until this has run
/// `search_path` is somebody else's. A `SQL_ASCII` database holds any bytes, and sends them as they are only
/// to who asks for that. A table is read from its first page on, so that rows which stay where they are keep
/// their place from one version to the next. No statement is compiled (`jit`), which took the server longer than to answer
/// what is asked of a catalogue of many tables. `$1` is the statement timeout and `$2` the lock timeout in
/// milliseconds; a shorter one that the role already has stays. `$3` is the name that the server's administrator sees:
/// `mycorr-` and a random number for each connection. Where the server can, it looks every two seconds whether Mycorr is
/// still there, so that a query of a Mycorr that died ends as well.
pub const SETTINGS: Template = Template {
    name: "settings",
    text: "SELECT pg_catalog.set_config('transaction_read_only','on',true), \
           pg_catalog.set_config('statement_timeout', least(nullif(1000 * extract(epoch FROM \
             pg_catalog.current_setting('statement_timeout')::interval), 0), $1::bigint)::bigint::text, true), \
           pg_catalog.set_config('lock_timeout', least(nullif(1000 * extract(epoch FROM \
             pg_catalog.current_setting('lock_timeout')::interval), 0), $2::bigint)::bigint::text, true), \
           pg_catalog.set_config('search_path','pg_catalog',true), \
           pg_catalog.set_config('client_encoding', CASE pg_catalog.current_setting('server_encoding') \
             WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END, true), pg_catalog.set_config('TimeZone','UTC',true), \
           pg_catalog.set_config('DateStyle','ISO, MDY',true), pg_catalog.set_config('IntervalStyle','postgres',true), \
           pg_catalog.set_config('bytea_output','hex',true), pg_catalog.set_config('extra_float_digits','1',true), \
           pg_catalog.set_config('lc_monetary','C',true), pg_catalog.set_config('xmloption','content',true), \
           pg_catalog.set_config('quote_all_identifiers','off',true), pg_catalog.set_config('row_security','on',true), \
           pg_catalog.set_config('synchronize_seqscans','off',true), \
           pg_catalog.set_config('client_min_messages','error',true), \
           pg_catalog.set_config('application_name',$3,true), \
           CASE WHEN pg_catalog.current_setting('server_version_num')::int >= 110000 \
             THEN pg_catalog.set_config('jit','off',true) END, \
           CASE WHEN pg_catalog.current_setting('server_version_num')::int >= 150000 \
               AND pg_catalog.current_setting('dynamic_shared_memory_type') <> 'windows' \
             THEN pg_catalog.set_config('client_connection_check_interval','2s',true) END",
};

/// Whether the settings hold where a table is read. A pooler that spreads reads over several servers sends this
/// where it sends the read, and the settings, which call a volatile function, to the primary: values would be
/// printed as the role's own settings say. `$1` is the connection's name, which nobody else can have set.
pub const VERIFY_SESSION_SETTINGS: Template = Template {
    name: "verify_session_settings",
    text: "SELECT pg_catalog.current_setting('application_name') = $1",
};

/// What server this is, and whether the role may do too much here, or nothing at all.
pub const SERVER: Template = Template {
    name: "server",
    text: "SELECT pg_is_in_recovery(), \
           current_setting('is_superuser', true) = 'on', \
           EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') \
               AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') \
               AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')), \
           pg_backend_pid()",
};

/// Which process answers, and when its server was started: tells a pooler from the server, its modes from each other,
/// and one server from another behind the same address. Sent before a table is read, for `alive`.
pub const BACKEND: Template = Template {
    name: "backend",
    text: "SELECT pg_backend_pid(), (1000000 * date_part('epoch', pg_postmaster_start_time()))::bigint",
};

/// Whether the server that was started at `$2` still has the process `$1` of this role and database. Sent through a
/// second connection when a read has brought nothing for a minute: a slow query goes on, one that is gone is given up.
pub const ALIVE: Template = Template {
    name: "alive",
    text: "SELECT (1000000 * date_part('epoch', pg_postmaster_start_time()))::bigint = $2::bigint, \
           EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.pid = $1::int \
             AND a.usename = session_user AND a.datname = current_database())",
};

/// The databases that the role may connect to: which one was meant by a name that does not exist.
pub const DATABASES: Template = Template {
    name: "databases",
    text: "SELECT d.datname FROM pg_catalog.pg_database d \
           WHERE d.datallowconn AND NOT d.datistemplate AND has_database_privilege(d.oid, 'CONNECT') \
           ORDER BY d.datname::text COLLATE \"C\" LIMIT 1000",
};

/// What the role may do beside reading, as its attributes say; until when its password is good; and the groups with
/// attributes or predefined rights that write (manual, "Predefined Roles"), each with who is in it and who put them there.
pub const ROLE: Template = Template {
    name: "role",
    text: "SELECT r.rolsuper, r.rolreplication, r.rolcreatedb, r.rolcreaterole, \
             CASE WHEN isfinite(r.rolvaliduntil) THEN date_part('epoch', r.rolvaliduntil)::bigint END, \
             (SELECT string_agg(concat_ws(E'\\t', g.oid::regrole::text, m.member::regrole::text, \
                  CASE WHEN m.grantor <> 10 THEN m.grantor::regrole::text ELSE '' END, g.rolsuper OR g.rolcreaterole, \
                  m.member = r.oid), E'\\n' ORDER BY g.rolname, m.member) \
              FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles g ON g.oid = m.roleid \
              WHERE NOT r.rolsuper AND pg_has_role(r.oid, m.member, 'USAGE') AND pg_has_role(r.oid, g.oid, 'USAGE') \
                AND (g.rolsuper OR g.rolcreaterole OR g.rolname IN ('pg_write_all_data', 'pg_write_server_files', \
                  'pg_execute_server_program', 'pg_maintain', 'pg_signal_backend', 'pg_signal_autovacuum_worker', \
                  'pg_create_subscription', 'pg_checkpoint'))), \
             (SELECT string_agg(g.oid::regrole::text, ', ' ORDER BY g.rolname) FROM pg_catalog.pg_roles g \
              WHERE NOT r.rolsuper AND pg_has_role(r.oid, g.oid, 'MEMBER') AND NOT pg_has_role(r.oid, g.oid, 'USAGE')) \
           FROM pg_catalog.pg_roles r WHERE r.rolname = current_user",
};

/// For each of the first `$1` schemas whether the role may look into it, and how many of its tables it may read. The names are for SQL that is shown, as
/// far as they are few; a right on some columns is one on the table.
pub const RIGHTS: Template = Template {
    name: "rights",
    text: "SELECT nspname, usage, count(oid), count(oid) FILTER (WHERE readable IS NOT FALSE), \
             left(string_agg(name, ', ' ORDER BY name) FILTER (WHERE NOT readable), 8000), \
             count(oid) FILTER (WHERE row_security_active(oid)) \
           FROM (SELECT n.nspname, has_schema_privilege(n.oid, 'USAGE') AS usage, \
               c.oid, (quote_ident(n.nspname) || '.' || quote_ident(c.relname)) COLLATE \"C\" AS name, \
               has_table_privilege(c.oid, 'SELECT') \
                 OR (a.attrelid IS NOT NULL AND has_any_column_privilege(c.oid, 'SELECT')) AS readable \
             FROM (SELECT s.oid, s.nspname FROM pg_catalog.pg_namespace s \
                 WHERE s.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') \
                   AND s.nspname NOT LIKE 'pg\\_temp\\_%' AND s.nspname NOT LIKE 'pg\\_toast\\_temp\\_%' \
                 ORDER BY s.nspname::text COLLATE \"C\" LIMIT $1::bigint) n \
               LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid \
               AND c.relkind IN ('r', 'v', 'm', 'f', 'p') AND NOT c.relispartition \
               LEFT JOIN (SELECT DISTINCT attrelid FROM pg_catalog.pg_attribute WHERE attacl IS NOT NULL) a ON a.attrelid = c.oid) rights \
           GROUP BY nspname, usage ORDER BY nspname::text COLLATE \"C\"",
};

/// What the types of the columns of the table `$1` are made of, as far as it decides their order: a JSON object for
/// each column, each type that is reached from there, and each collation. Columns of the catalogue that not every
/// version has are looked for by name.
pub const TYPES: Template = Template {
    name: "types",
    text: "SELECT what, content::text FROM (WITH RECURSIVE \
             used(typid, collid) AS (SELECT a.atttypid, a.attcollation FROM pg_catalog.pg_attribute a \
               WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped \
               UNION SELECT part.typid, part.collid FROM used u JOIN pg_catalog.pg_type t ON t.oid = u.typid CROSS JOIN LATERAL ( \
                 SELECT t.typbasetype, t.typcollation WHERE t.typtype = 'd' \
                 UNION ALL SELECT t.typelem, t.typcollation WHERE t.typinput = 'array_in'::regproc \
                 UNION ALL SELECT a.atttypid, a.attcollation FROM pg_catalog.pg_attribute a \
                   WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped \
                 UNION ALL SELECT g.rngsubtype, g.rngcollation FROM pg_catalog.pg_range g \
                   WHERE t.typtype IN ('r', 'm') AND t.oid IN (g.rngtypid, (to_jsonb(g)->>'rngmultitypid')::oid)) part(typid, collid)) \
           SELECT 'column' AS what, json_build_object('position', a.attnum, 'type', a.atttypid::bigint, 'collation', a.attcollation::bigint) AS content \
           FROM pg_catalog.pg_attribute a WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped \
           UNION ALL SELECT 'type', json_build_object('oid', t.oid::bigint, 'name', t.typname, 'kind', t.typtype, \
             'built_in', t.typnamespace = 'pg_catalog'::regnamespace, \
             'extension', (SELECT e.extname FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid \
               WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' LIMIT 1), \
             'base', t.typbasetype::bigint, 'element', CASE WHEN t.typinput = 'array_in'::regproc THEN t.typelem::bigint END, \
             'delimiter', t.typdelim, \
             'labels', (SELECT json_agg(l.enumlabel ORDER BY l.enumsortorder) FROM pg_catalog.pg_enum l WHERE l.enumtypid = t.oid), \
             'range', (SELECT json_build_object('subtype', g.rngsubtype::bigint, 'collation', g.rngcollation::bigint, \
                 'canonical', g.rngcanonical::text, 'operator_class', CASE WHEN NOT o.opcdefault THEN o.opcname END) \
               FROM pg_catalog.pg_range g JOIN pg_catalog.pg_opclass o ON o.oid = g.rngsubopc \
               WHERE t.oid IN (g.rngtypid, (to_jsonb(g)->>'rngmultitypid')::oid)), \
             'fields', (SELECT json_agg(json_build_array(a.atttypid::bigint, a.attcollation::bigint) ORDER BY a.attnum) \
               FROM pg_catalog.pg_attribute a WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)) \
           FROM pg_catalog.pg_type t WHERE t.oid IN (SELECT typid FROM used) \
           UNION ALL SELECT 'collation', json_build_object('oid', c.oid::bigint, 'name', c.collname, 'provider', l.provider, \
             'locale', CASE l.provider WHEN 'c' THEN coalesce(l.row->>'datcollate', l.row->>'collcollate') ELSE \
               CASE WHEN coalesce(l.row->>'daticurules', l.row->>'collicurules') IS NULL THEN coalesce(l.row->>'datlocale', \
                 l.row->>'daticulocale', l.row->>'colllocale', l.row->>'colliculocale', l.row->>'collcollate') END END, \
             'ctype', coalesce(l.row->>'datctype', l.row->>'collctype'), \
             'deterministic', coalesce((to_jsonb(c)->>'collisdeterministic')::boolean, true)) \
           FROM pg_catalog.pg_collation c CROSS JOIN LATERAL ( \
             SELECT c.collprovider::text, to_jsonb(c) WHERE c.collprovider <> 'd' \
             UNION ALL SELECT coalesce(to_jsonb(d)->>'datlocprovider', 'c'), to_jsonb(d) FROM pg_catalog.pg_database d \
               WHERE c.collprovider = 'd' AND d.datname = current_database()) l(provider, row) \
           WHERE c.oid = 100 OR c.oid IN (SELECT collid FROM used)) types",
};

/// The schema of the operators by which PostgreSQL orders values of the type `$1`: an extension's are where it was
/// installed.
pub const OPERATORS: Template = Template {
    name: "operators",
    text: "SELECT n.nspname FROM pg_catalog.pg_opclass c JOIN pg_catalog.pg_am m ON m.oid = c.opcmethod \
             JOIN pg_catalog.pg_amop a ON a.amopfamily = c.opcfamily AND a.amoplefttype = c.opcintype \
               AND a.amoprighttype = c.opcintype AND a.amopstrategy = 3 \
             JOIN pg_catalog.pg_operator o ON o.oid = a.amopopr JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace \
           WHERE m.amname = 'btree' AND c.opcdefault AND c.opcintype = $1::oid LIMIT 1",
};

/// The primary key and the unique indexes of the table with the oid `$1` by which its rows are known: whole ones, of
/// columns alone. Columns that an index only includes are not among those that make it unique.
pub const KEYS: Template = Template {
    name: "keys",
    text: "SELECT i.relname, x.indisprimary, x.indkey::text, array_upper(x.indclass, 1) + 1 \
           FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid \
           WHERE x.indrelid = $1::oid AND x.indisunique AND x.indisvalid AND x.indpred IS NULL AND x.indexprs IS NULL \
           ORDER BY NOT x.indisprimary, x.indexrelid LIMIT 100",
};

/// What the table with the oid `$1` refers to. A reference to a partitioned table stands there for each partition too.
pub const FOREIGN_KEYS: Template = Template {
    name: "foreign_keys",
    text: "SELECT f.conname, f.conkey::text, c.oid::text, n.nspname, c.relname, f.confkey::text \
           FROM pg_catalog.pg_constraint f JOIN pg_catalog.pg_class c ON c.oid = f.confrelid \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
           WHERE f.conrelid = $1::oid AND f.contype = 'f' AND NOT c.relispartition ORDER BY f.conname LIMIT 100",
};

/// What the table with the oid `$1` is called now: where one went that was renamed.
pub const RENAMED: Template = Template {
    name: "renamed",
    text: "SELECT n.nspname, c.relname \
           FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
           WHERE c.oid = $1::oid AND c.relkind IN ('r', 'v', 'm', 'f', 'p')",
};

/// What [`select`] is called in the ledger.
pub const SELECT: &str = "select";
/// What [`select`] with a limit is called in the ledger.
pub const PREVIEW: &str = "preview";

/// `SELECT "a", "b" FROM "schema"."table"`, for names that `describe` found. Parents of inheritance trees
/// and partitioned tables are read with all that belongs to them, as a person would with psql. Names are as
/// [`source_name`] writes them.
pub fn select<'a>(
    schema: &str,
    table: &str,
    columns: impl IntoIterator<Item = &'a str>,
    limit: Option<u32>,
) -> String {
    let mut sql = String::from("SELECT");
    for (at, column) in columns.into_iter().enumerate() {
        sql.push_str(if at == 0 { " " } else { ", " });
        quote_into(&mut sql, column);
        // The description of the result repeats the names, and has no way to say such bytes.
        if std::str::from_utf8(&source_name::to_bytes(column)).is_err() {
            write!(sql, " AS c{}", at + 1).expect("a String takes everything");
        }
    }
    sql.push_str(" FROM ");
    target_into(&mut sql, schema, table);
    if let Some(limit) = limit {
        write!(sql, " LIMIT {limit}").expect("a String takes everything");
    }
    sql
}

fn target_into(sql: &mut String, schema: &str, table: &str) {
    quote_into(sql, schema);
    sql.push('.');
    quote_into(sql, table);
}

/// Always quoted (PostgreSQL manual, "Identifiers and Key Words"): no list of reserved words to keep up with.
fn quote_into(sql: &mut String, identifier: &str) {
    sql.push('"');
    for c in identifier.chars() {
        if c == '"' {
            sql.push('"');
        }
        sql.push(c);
    }
    sql.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_always_quoted_in_what_is_sent() {
        assert_eq!(
            select("s\"x", "a.b", ["id", "we\"ird", "order"], None),
            r#"SELECT "id", "we""ird", "order" FROM "s""x"."a.b""#
        );
        assert_eq!(select("s", "t", [], Some(50)), r#"SELECT FROM "s"."t" LIMIT 50"#);
    }

    #[test]
    fn every_template_is_one_select() {
        for template in TEMPLATES {
            assert!(template.text.starts_with("SELECT "), "{}", template.name);
            assert!(!template.text.contains(';'), "{}", template.name);
        }
    }
}
