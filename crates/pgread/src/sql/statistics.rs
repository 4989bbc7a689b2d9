//! What PostgreSQL knows of a table without reading it.

use super::Template;

/// What the server's own statistics (`ANALYZE` made them, of a sample) say of the columns of the table `$2` of schema `$1`,
/// a row for each column that has any, and one row where none has: how often it is null, bytes of a value, how many
/// different values (negative: for each row), and, only where `$3` is true, the ten values that are found most and how
/// often each is. Beside them the size of a page, when the table was analysed, and how many rows changed since. The view
/// leaves out what the role may not read, and every column of a table whose rows a policy may hide. Of a parent, with its
/// children; names are compared with parameters, so that the view is not computed for all tables.
pub const STATISTICS: Template = Template {
    name: "statistics",
    text: "SELECT current_setting('block_size')::bigint, \
             date_part('epoch', greatest(u.last_analyze, u.last_autoanalyze))::bigint, u.n_mod_since_analyze, \
             s.attname, s.null_frac, s.avg_width, s.n_distinct, \
             CASE WHEN $3::boolean THEN array_to_json((s.most_common_vals::text::text[])[1:10])::text END, \
             CASE WHEN $3::boolean THEN array_to_json(s.most_common_freqs[1:10])::text END \
           FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid \
             LEFT JOIN pg_catalog.pg_stat_user_tables u ON u.schemaname = $1 AND u.relname = $2 \
             LEFT JOIN pg_catalog.pg_stats s ON s.schemaname = $1 AND s.tablename = $2 \
           WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'v', 'm', 'f', 'p') \
           ORDER BY s.attname::text COLLATE \"C\", s.inherited",
};
