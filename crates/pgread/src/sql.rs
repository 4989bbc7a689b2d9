//! Every statement that Mycorr sends. SQL text exists in this file and nowhere else.
//!
//! What a person typed is only ever a parameter. The one exception is [`select`], which names a table and its
//! columns: names that `describe` found in the catalogue, quoted.

use std::fmt::Write;

/// A statement with a name, as the ledger and the documentation call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template {
    pub name: &'static str,
    pub text: &'static str,
}

/// All fixed statements, for the documentation.
pub const TEMPLATES: &[Template] =
    &[SETTINGS, SETTLED, SERVER, BACKEND, DATABASES, ROLE, RIGHTS, SCHEMAS, TABLES, SEARCH, DESCRIBE, TYPES];

/// Opens every pipeline. The settings hold until its end, which is the end of the implicit transaction
/// (PostgreSQL manual, "Pipelining"): no write can pass, and no setting of a role or a database changes how
/// a value is printed. Functions and catalogues are named with their schema, because until this has run
/// `search_path` is somebody else's. A `SQL_ASCII` database holds any bytes, and sends them as they are only
/// to who asks for that. A table is read from its first page on, so that rows which stay where they are keep
/// their place from one version to the next. `$1` is the statement timeout and `$2` the lock timeout in
/// milliseconds; a shorter one that the role already has stays.
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
           pg_catalog.set_config('application_name','mycorr',true)",
};

/// Whether the settings hold where a table is read. A pooler that spreads reads over several servers sends this
/// where it sends the read, and the settings, which call a volatile function, to the primary: values would be
/// printed as the role's own settings say.
pub const SETTLED: Template =
    Template { name: "settled", text: "SELECT pg_catalog.current_setting('application_name') = 'mycorr'" };

/// What server this is, and whether the role may do too much here, or nothing at all.
pub const SERVER: Template = Template {
    name: "server",
    text: "SELECT pg_is_in_recovery(), \
           (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = current_user), \
           EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') \
               AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') \
               AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')), \
           pg_backend_pid()",
};

/// Which of the server's processes answers: tells a pooler from the server, and its modes from each other.
pub const BACKEND: Template = Template { name: "backend", text: "SELECT pg_backend_pid()" };

/// The databases that the role may connect to: which one was meant by a name that does not exist.
pub const DATABASES: Template = Template {
    name: "databases",
    text: "SELECT d.datname FROM pg_catalog.pg_database d \
           WHERE d.datallowconn AND NOT d.datistemplate AND has_database_privilege(d.oid, 'CONNECT') \
           ORDER BY d.datname::text COLLATE \"C\" LIMIT 1000",
};

/// What the role may do beside reading, and the roles whose rights it has.
pub const ROLE: Template = Template {
    name: "role",
    text: "SELECT r.rolsuper, r.rolbypassrls, r.rolreplication, r.rolcreatedb, r.rolcreaterole, \
             has_database_privilege(current_database(), 'CREATE'), \
             has_database_privilege('public', current_database(), 'CREATE'), \
             (SELECT string_agg(m.rolname, E'\\n' ORDER BY m.rolname::text COLLATE \"C\") FROM pg_catalog.pg_roles m \
              WHERE m.oid <> r.oid AND NOT r.rolsuper AND pg_has_role(r.oid, m.oid, 'MEMBER')) \
           FROM pg_catalog.pg_roles r WHERE r.rolname = current_user",
};

/// For each schema what the role may do in it, and in how many of its tables. The names are for SQL that is shown, as
/// far as they are few; a right on some columns is one on the table.
pub const RIGHTS: Template = Template {
    name: "rights",
    text: "SELECT nspname, usage, \"create\", public_create, count(oid), count(oid) FILTER (WHERE readable), \
             left(string_agg(name, ', ' ORDER BY name) FILTER (WHERE NOT readable), 8000), \
             count(oid) FILTER (WHERE writable AND NOT public_writable), \
             left(string_agg(name, ', ' ORDER BY name) FILTER (WHERE writable AND NOT public_writable), 8000), \
             count(oid) FILTER (WHERE public_writable), \
             left(string_agg(name, ', ' ORDER BY name) FILTER (WHERE public_writable), 8000), \
             count(oid) FILTER (WHERE row_security_active(oid)) \
           FROM (SELECT n.nspname, has_schema_privilege(n.oid, 'USAGE') AS usage, \
               has_schema_privilege(n.oid, 'CREATE') AS \"create\", \
               has_schema_privilege('public', n.oid, 'CREATE') AS public_create, \
               c.oid, (quote_ident(n.nspname) || '.' || quote_ident(c.relname)) COLLATE \"C\" AS name, \
               has_table_privilege(c.oid, 'SELECT') \
                 OR (a.attrelid IS NOT NULL AND has_any_column_privilege(c.oid, 'SELECT')) AS readable, \
               has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER') \
                 OR (a.attrelid IS NOT NULL AND has_any_column_privilege(c.oid, 'INSERT, UPDATE')) AS writable, \
               has_table_privilege('public', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER') \
                 OR (a.attrelid IS NOT NULL AND has_any_column_privilege('public', c.oid, 'INSERT, UPDATE')) AS public_writable \
             FROM pg_catalog.pg_namespace n LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid \
               AND c.relkind IN ('r', 'v', 'm', 'f', 'p') AND NOT c.relispartition \
               LEFT JOIN (SELECT DISTINCT attrelid FROM pg_catalog.pg_attribute WHERE attacl IS NOT NULL) a ON a.attrelid = c.oid \
             WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') \
               AND n.nspname NOT LIKE 'pg\\_temp\\_%' AND n.nspname NOT LIKE 'pg\\_toast\\_temp\\_%') rights \
           GROUP BY nspname, usage, \"create\", public_create ORDER BY nspname::text COLLATE \"C\"",
};

/// Schemas that hold something to read, and how much.
pub const SCHEMAS: Template = Template {
    name: "schemas",
    text: "SELECT n.nspname, count(c.oid) \
           FROM pg_catalog.pg_namespace n LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid \
             AND c.relkind IN ('r', 'v', 'm', 'f', 'p') AND NOT c.relispartition \
           WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') \
             AND n.nspname NOT LIKE 'pg\\_temp\\_%' AND n.nspname NOT LIKE 'pg\\_toast\\_temp\\_%' \
           GROUP BY n.nspname ORDER BY n.nspname::text COLLATE \"C\"",
};

/// What a list of tables says of each. Sizes and row counts are the catalogue's estimates: nothing is counted, and no
/// table is touched.
macro_rules! tables {
    ($which:literal) => {
        concat!(
            "SELECT n.nspname, c.relname, c.relkind, \
             CASE WHEN p.pages IS NOT NULL AND c.reltuples <= 0 THEN p.rows ELSE c.reltuples END::float8, \
             (CASE WHEN p.pages IS NOT NULL THEN p.pages ELSE c.relpages + coalesce(t.relpages, 0) END)::bigint \
               * current_setting('block_size')::bigint, \
             has_schema_privilege(n.oid, 'USAGE'), \
             has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT') \
           FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid \
             LEFT JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid \
             LEFT JOIN (SELECT i.inhparent, sum(greatest(k.reltuples, 0)) AS rows, sum(k.relpages::bigint) AS pages \
                        FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class k ON k.oid = i.inhrelid \
                        WHERE k.relispartition GROUP BY i.inhparent) p ON p.inhparent = c.oid AND c.relkind = 'p' \
           WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') AND NOT c.relispartition ",
            $which
        )
    };
}

/// The tables of schema `$1` whose name contains `$2`, after the name `$3`, at most `$4`.
pub const TABLES: Template = Template {
    name: "tables",
    text: tables!(
        "AND n.nspname = $1 AND ($2 = '' OR strpos(lower(c.relname), lower($2)) > 0) \
         AND c.relname::text COLLATE \"C\" > $3 ORDER BY c.relname::text COLLATE \"C\" LIMIT $4::bigint"
    ),
};

/// The tables of all schemas whose name, with the schema's before it, contains `$1`, after schema `$2` and name
/// `$3`, at most `$4`.
pub const SEARCH: Template = Template {
    name: "search",
    text: tables!(
        "AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') \
         AND n.nspname NOT LIKE 'pg\\_temp\\_%' AND strpos(lower(n.nspname || '.' || c.relname), lower($1)) > 0 \
         AND (n.nspname::text COLLATE \"C\", c.relname::text COLLATE \"C\") > ($2, $3) \
         ORDER BY n.nspname::text COLLATE \"C\", c.relname::text COLLATE \"C\" LIMIT $4::bigint"
    ),
};

/// The table `$2` of schema `$1` with its columns, a row for each: what is about to be read, validated
/// against `information_schema` (first column) and, for what that does not list, against `pg_catalog`.
/// Domains are followed to the type that the server will send.
pub const DESCRIBE: Template = Template {
    name: "describe",
    text: "SELECT EXISTS (SELECT FROM information_schema.tables i WHERE i.table_schema = $1 AND i.table_name = $2), \
             c.oid, c.relkind, \
             CASE WHEN p.pages IS NOT NULL AND c.reltuples <= 0 THEN p.rows ELSE c.reltuples END::float8, \
             (CASE WHEN p.pages IS NOT NULL THEN p.pages ELSE c.relpages + coalesce(t.relpages, 0) END)::bigint \
               * current_setting('block_size')::bigint, \
             has_schema_privilege(n.oid, 'USAGE'), \
             has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT'), \
             row_security_active(c.oid), \
             a.attname, a.attnum, format_type(a.atttypid, a.atttypmod), b.typid, b.typmod, \
             NOT a.attnotnull, has_column_privilege(c.oid, a.attnum, 'SELECT'), \
             EXISTS (SELECT FROM pg_catalog.pg_index x WHERE x.indrelid = c.oid AND x.indisprimary AND a.attnum = ANY (x.indkey)) \
           FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid \
             LEFT JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid \
             LEFT JOIN LATERAL (SELECT sum(greatest(k.reltuples, 0)) AS rows, sum(k.relpages::bigint) AS pages \
                        FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class k ON k.oid = i.inhrelid \
                        WHERE i.inhparent = c.oid AND c.relkind = 'p') p ON true \
             LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
             LEFT JOIN (WITH RECURSIVE base(attnum, typid, typmod, depth) AS ( \
                   SELECT a.attnum, a.atttypid, a.atttypmod, 0 \
                   FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                   WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0 AND NOT a.attisdropped \
                   UNION ALL \
                   SELECT b.attnum, t.typbasetype, CASE WHEN b.typmod >= 0 THEN b.typmod ELSE t.typtypmod END, b.depth + 1 \
                   FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.typid WHERE t.typtype = 'd') \
                 SELECT DISTINCT ON (attnum) attnum, typid, typmod FROM base ORDER BY attnum, depth DESC) b \
               ON b.attnum = a.attnum \
           WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'v', 'm', 'f', 'p') \
           ORDER BY a.attnum",
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

/// What [`select`] is called in the ledger.
pub const SELECT: &str = "select";
/// What [`select`] with a limit is called in the ledger.
pub const PREVIEW: &str = "preview";

/// `SELECT "a", "b" FROM "schema"."table"`, for names that `describe` found. Parents of inheritance trees
/// and partitioned tables are read with all that belongs to them, as a person would with psql.
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
    }
    sql.push_str(" FROM ");
    quote_into(&mut sql, schema);
    sql.push('.');
    quote_into(&mut sql, table);
    if let Some(limit) = limit {
        write!(sql, " LIMIT {limit}").expect("a String takes everything");
    }
    sql
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

pub fn grant_connect(database: &str, role: &str) -> String {
    format!("GRANT CONNECT ON DATABASE {} TO {};", identifier(database), identifier(role))
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

    #[test]
    fn every_template_is_one_select() {
        for template in TEMPLATES {
            assert!(template.text.starts_with("SELECT "), "{}", template.name);
            assert!(!template.text.contains(';'), "{}", template.name);
        }
    }
}
