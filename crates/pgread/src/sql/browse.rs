//! Statements that list schemas and tables, and describe one table.

use super::Template;

/// The schemas after the name `$1`, at most `$2`, and how much there is to read in each.
pub const SCHEMAS: Template = Template {
    name: "schemas",
    text: "SELECT n.nspname, count(c.oid) \
           FROM (SELECT s.oid, s.nspname FROM pg_catalog.pg_namespace s \
               WHERE s.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') \
                 AND s.nspname NOT LIKE 'pg\\_temp\\_%' AND s.nspname NOT LIKE 'pg\\_toast\\_temp\\_%' \
                 AND s.nspname::text COLLATE \"C\" > $1 ORDER BY s.nspname::text COLLATE \"C\" LIMIT $2::bigint) n \
             LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid \
             AND c.relkind IN ('r', 'v', 'm', 'f', 'p') AND NOT c.relispartition \
           GROUP BY n.nspname ORDER BY n.nspname::text COLLATE \"C\"",
};

/// Rows and bytes of a table with all its descendants, partitions or children at any depth, as their joined sums `p`
/// say. A partitioned table has no pages itself: PostgreSQL 14 and newer write -1 there when it is analysed.
macro_rules! estimates {
    () => {
        "CASE WHEN p.rows IS NULL THEN c.reltuples WHEN c.relkind = 'p' THEN p.rows \
           ELSE greatest(c.reltuples, 0) + p.rows END::float8, \
         (greatest(c.relpages, 0)::bigint + greatest(t.relpages, 0)::bigint + coalesce(p.pages, 0)) \
           * current_setting('block_size')::bigint, "
    };
}

/// The sums over the descendants that `tree` finds. Partitioned ones among them hold nothing but what their own
/// partitions do; a count that is no number, or was never made, adds nothing.
macro_rules! sums {
    () => {
        "sum(k.reltuples::float8) FILTER (WHERE k.reltuples >= 0 AND k.reltuples < 'Infinity') AS rows, \
         sum(greatest(k.relpages, 0)::bigint + greatest(o.relpages, 0)::bigint) AS pages \
         FROM tree JOIN pg_catalog.pg_class k ON k.oid = tree.relid AND k.relkind <> 'p' \
           LEFT JOIN pg_catalog.pg_class o ON o.oid = k.reltoastrelid "
    };
}

/// What a list of tables says of each. Sizes and row counts are the catalogue's estimates: nothing is counted, and no
/// table is touched.
macro_rules! tables {
    ($which:literal) => {
        concat!(
            "SELECT n.nspname, c.relname, c.relkind, ",
            estimates!(),
            "has_schema_privilege(n.oid, 'USAGE'), \
             has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT') \
           FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid \
             LEFT JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid \
             LEFT JOIN (WITH RECURSIVE tree(root, relid) AS ( \
                   SELECT i.inhparent, i.inhrelid FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class r ON r.oid = i.inhparent \
                   WHERE r.relkind IN ('r', 'f', 'p') AND NOT r.relispartition \
                   UNION SELECT tree.root, i.inhrelid FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.relid) \
                 SELECT tree.root, ",
            sums!(),
            "GROUP BY tree.root) p ON p.root = c.oid \
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
    text: concat!(
        "SELECT EXISTS (SELECT FROM information_schema.tables i WHERE i.table_schema = $1 AND i.table_name = $2), \
             c.oid, c.relkind, ",
        estimates!(),
        "has_schema_privilege(n.oid, 'USAGE'), \
             has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT'), \
             row_security_active(c.oid), \
             a.attname, a.attnum, format_type(a.atttypid, a.atttypmod), b.typid, b.typmod, \
             NOT a.attnotnull, has_column_privilege(c.oid, a.attnum, 'SELECT'), \
             EXISTS (SELECT FROM pg_catalog.pg_index x WHERE x.indrelid = c.oid AND x.indisprimary \
               AND a.attnum = ANY ((x.indkey::int2[])[0:array_upper(x.indclass, 1)])) \
           FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid \
             LEFT JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid \
             LEFT JOIN LATERAL (WITH RECURSIVE tree(relid) AS ( \
                   SELECT i.inhrelid FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid \
                   UNION SELECT i.inhrelid FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.relid) \
                 SELECT ",
        sums!(),
        ") p ON true \
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
           ORDER BY a.attnum"
    ),
};
