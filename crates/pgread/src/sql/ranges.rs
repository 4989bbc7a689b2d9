//! What is sent when one table is read through several connections.

use super::{Template, target_into};

/// Which server answers, as it says itself: two connections lead to the same one when everything but the clock is
/// equal. Sent by each connection of a read through several, in the pipeline in which it reads.
pub const IDENTITY: Template = Template {
    name: "identity",
    text: "SELECT (1000000 * date_part('epoch', pg_postmaster_start_time()))::bigint, host(inet_server_addr()), \
           inet_server_port(), current_database(), pg_is_in_recovery(), date_part('epoch', clock_timestamp())",
};

/// The snapshot of this statement: which transactions were running and which had ended. Two of them have the same text
/// only if no transaction ended in between, so that whatever was opened in between sees the same rows.
pub const SNAPSHOT: Template = Template { name: "snapshot", text: "SELECT pg_current_snapshot()" };

/// Waits until `$1` in seconds since 1970 on the server's clock: asleep until a millisecond before, at most a fifth of a
/// second, then awake. Connections that wait for the same moment take their snapshots together, before another
/// transaction ends.
pub const ALIGN: Template = Template {
    name: "align",
    text: "SELECT count(*) FROM (WITH RECURSIVE wait(n) AS ( \
             SELECT 0 FROM pg_sleep(least(0.2, greatest(0, $1::float8 - 0.001 - date_part('epoch', clock_timestamp())))) \
             UNION ALL SELECT n + 1 FROM wait WHERE n < 100000 AND date_part('epoch', clock_timestamp()) < $1::float8) \
             SELECT n FROM wait) waited",
};

/// The table `$1` and its descendants, partitions or children at any depth, at most `$2`: how many pages each has, and
/// what decides whether it can be read in ranges of pages. The access method 2 is `heap`.
pub const RANGES: Template = Template {
    name: "ranges",
    text: "SELECT c.oid, n.nspname, c.relname, c.relkind, \
             coalesce(pg_relation_size(c.oid), 0) / current_setting('block_size')::bigint, c.relam = 2, \
             has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'), row_security_active(c.oid) \
           FROM (WITH RECURSIVE tree(relid) AS (SELECT $1::oid \
               UNION SELECT i.inhrelid FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.relid) \
               SELECT relid FROM tree) t \
             JOIN pg_catalog.pg_class c ON c.oid = t.relid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
           ORDER BY c.oid LIMIT $2::bigint",
};

/// Which tables belong to the table `$1`. Sent with the snapshots: what is attached or detached between the look at the
/// partitions and the snapshot shows.
pub const MEMBERS: Template = Template {
    name: "members",
    text: "SELECT string_agg(relid::text || ':' || pending::text, ',' ORDER BY relid, pending) FROM ( \
             WITH RECURSIVE tree(relid, pending) AS (SELECT $1::oid, false \
               UNION SELECT i.inhrelid, i.inhdetachpending FROM tree \
               JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.relid) \
             SELECT relid, pending FROM tree) members",
};

/// How many connections the role, the database and the server take, and how many there are; whether the server is a
/// standby; and which extensions keep the rows of a table elsewhere than in its pages.
pub const CAPACITY: Template = Template {
    name: "capacity",
    text: "SELECT r.rolconnlimit, (SELECT count(*) FROM pg_catalog.pg_stat_activity a WHERE a.usesysid = r.oid), \
             d.datconnlimit, (SELECT s.numbackends FROM pg_catalog.pg_stat_database s WHERE s.datid = d.oid), \
             current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int \
               - coalesce(current_setting('reserved_connections', true)::int, 0), \
             (SELECT sum(s.numbackends) FROM pg_catalog.pg_stat_database s), pg_is_in_recovery(), \
             (SELECT string_agg(e.extname::text, ', ') FROM pg_catalog.pg_extension e WHERE e.extname IN ('citus', 'timescaledb')) \
           FROM pg_catalog.pg_roles r JOIN pg_catalog.pg_database d ON d.datname = current_database() \
           WHERE r.rolname = session_user",
};

/// What [`partition_order`] is called in the ledger.
pub const PARTITION_ORDER: &str = "partition_order";

/// The descendants of a table in the order in which one SELECT reads them: those with a visible row in their first page.
pub fn partition_order(schema: &str, table: &str) -> String {
    let mut sql =
        String::from("SELECT \"tableoid\" FROM (SELECT \"tableoid\", row_number() OVER () AS \"n\" FROM ");
    target_into(&mut sql, schema, table);
    sql.push_str(" WHERE \"ctid\" < '(1,0)') first_pages GROUP BY \"tableoid\" ORDER BY min(\"n\")");
    sql
}
