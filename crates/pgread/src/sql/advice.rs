//! Statements that are sent for advice: what may be too much, what is refused, and what lies beneath a table that
//! could not be read.

use super::Template;

/// Rights of the role that write: on tables, schemas and the database, each with who holds it (the role, a group that
/// it is in, or everybody) and who granted it, so that exactly this grant can be taken back; and what the role owns.
pub const WRITES: Template = Template {
    name: "writes",
    text: "SELECT kind, nspname, grantee, own, grantor, rights, passed_on, count(*), \
             left(string_agg(name, ', ' ORDER BY name), 8000), bool_or(owns) \
           FROM (SELECT kind, nspname, name, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END AS grantee, \
               grantee = me AS own, CASE WHEN grantor <> owner THEN grantor::regrole::text END AS grantor, \
               string_agg(DISTINCT privilege, ', ' ORDER BY privilege) AS rights, bool_or(passed_on) AS passed_on, \
               EXISTS (SELECT FROM pg_catalog.pg_class x WHERE x.relnamespace = schema AND x.relowner = grantee) AS owns \
             FROM (SELECT 'table' AS kind, c.oid, c.relowner AS owner, n.oid AS schema, n.nspname, \
                 (quote_ident(n.nspname) || '.' || quote_ident(c.relname)) COLLATE \"C\" AS name, \
                 quote_ident(current_user)::regrole::oid AS me, a.grantor, a.grantee, a.privilege_type AS privilege, \
                 EXISTS (SELECT FROM aclexplode(c.relacl) d WHERE d.grantor = a.grantee AND d.grantee <> a.grantee) AS passed_on \
               FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid \
                 LEFT JOIN (SELECT DISTINCT attrelid FROM pg_catalog.pg_attribute WHERE attacl IS NOT NULL) k ON k.attrelid = c.oid \
                 JOIN LATERAL (SELECT x.grantor, x.grantee, x.privilege_type FROM aclexplode(c.relacl) x UNION ALL \
                     SELECT x.grantor, x.grantee, x.privilege_type \
                     FROM pg_catalog.pg_attribute t JOIN LATERAL aclexplode(t.attacl) x ON true \
                     WHERE k.attrelid IS NOT NULL AND t.attrelid = c.oid AND t.attacl IS NOT NULL) a \
                   ON a.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER', 'MAINTAIN') \
                     AND a.grantee <> c.relowner AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE')) \
               WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') \
                 AND n.nspname NOT LIKE 'pg\\_temp\\_%' AND (has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER') \
                   OR (k.attrelid IS NOT NULL AND has_any_column_privilege(c.oid, 'INSERT, UPDATE'))) \
               UNION ALL \
               SELECT 'owned table', c.oid, c.relowner, n.oid, n.nspname, \
                 (quote_ident(n.nspname) || '.' || quote_ident(c.relname)) COLLATE \"C\", \
                 quote_ident(current_user)::regrole::oid, c.relowner, c.relowner, '', false \
               FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid \
               WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') \
                 AND n.nspname NOT LIKE 'pg\\_temp\\_%' AND pg_has_role(c.relowner, 'USAGE') \
               UNION ALL \
               SELECT CASE a.grantee WHEN n.nspowner THEN 'owned schema' ELSE 'schema' END, n.oid, n.nspowner, n.oid, n.nspname, \
                 quote_ident(n.nspname), quote_ident(current_user)::regrole::oid, a.grantor, a.grantee, a.privilege_type, \
                 EXISTS (SELECT FROM aclexplode(n.nspacl) d WHERE d.grantor = a.grantee AND d.grantee <> a.grantee) \
               FROM pg_catalog.pg_namespace n JOIN LATERAL aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a \
                 ON a.privilege_type = 'CREATE' AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE')) \
               WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname NOT LIKE 'pg\\_temp\\_%' \
               UNION ALL \
               SELECT CASE a.grantee WHEN d.datdba THEN 'owned database' ELSE 'database' END, d.oid, d.datdba, 0, '', \
                 quote_ident(d.datname), quote_ident(current_user)::regrole::oid, a.grantor, a.grantee, a.privilege_type, \
                 EXISTS (SELECT FROM aclexplode(d.datacl) x WHERE x.grantor = a.grantee AND x.grantee <> a.grantee) \
               FROM pg_catalog.pg_database d JOIN LATERAL aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a \
                 ON a.privilege_type = 'CREATE' AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE')) \
               WHERE d.datname = current_database()) acl \
             GROUP BY kind, oid, owner, schema, nspname, name, me, grantor, grantee) granted \
           GROUP BY kind, nspname, grantee, own, grantor, rights, passed_on ORDER BY kind, nspname, grantee, grantor, rights",
};

/// Of functions of PostgreSQL's own with the names `$1` (blanks between), those that the role may not execute, as a
/// GRANT names them: one was taken away from PUBLIC, and another statement needs it.
pub const DENIED: Template = Template {
    name: "denied",
    text: "SELECT p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' FROM pg_catalog.pg_proc p \
           WHERE p.pronamespace = 11 AND p.proname = ANY (string_to_array($1, ' ')) \
             AND NOT has_function_privilege(p.oid, 'EXECUTE') ORDER BY p.oid LIMIT 100",
};

/// ErrorContext after a read of the table `$2` of schema `$1` has failed, for advice that names the right object: all that the
/// table reads (through views, policies, functions and its parts), each with the role whose right counts there and
/// whether it has it, and the foreign server it comes from; and what bears one of the names `$3`, a name a line, that
/// the server's error holds.
pub const BENEATH: Template = Template {
    name: "beneath",
    text: "SELECT b.depth, b.kind, b.nsp, b.name, b.sql, b.who::regrole::text, b.allowed, b.columns, b.filled, b.unlogged, \
             b.settings, b.definer, quote_ident(s.srvname), w.fdwname, \
             (SELECT string_agg(o.option_name || '=' || o.option_value, E'\\n') FROM pg_options_to_table(s.srvoptions) o \
              WHERE o.option_name IN ('host', 'hostaddr', 'port', 'dbname')), \
             (SELECT string_agg(o.option_name || '=' || o.option_value, E'\\n') FROM pg_options_to_table(f.ftoptions) o \
              WHERE o.option_name IN ('schema_name', 'table_name', 'filename')), \
             (SELECT string_agg(coalesce((SELECT o.option_value FROM pg_options_to_table(a.attfdwoptions) o \
                WHERE o.option_name = 'column_name'), a.attname), E'\\n') \
              FROM pg_catalog.pg_attribute a WHERE a.attrelid = f.ftrelid AND a.attnum > 0 AND NOT a.attisdropped), \
             EXISTS (SELECT FROM pg_catalog.pg_user_mappings u WHERE u.srvid = s.oid AND u.umuser IN (0, b.who)) \
           FROM (WITH RECURSIVE beneath(class, object, who, counts, depth) AS ( \
               SELECT 'pg_class'::regclass::oid, c.oid, quote_ident(current_user)::regrole::oid, true, 0 \
               FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid \
               WHERE n.nspname = $1 AND c.relname = $2 \
               UNION \
               SELECT e.class, e.object, e.who, e.counts, b.depth + 1 FROM beneath b JOIN LATERAL ( \
                 SELECT d.refclassid AS class, d.refobjid AS object, CASE WHEN d.refclassid = 'pg_proc'::regclass \
                     OR (SELECT bool_or(o.option_value::boolean) FROM pg_options_to_table(c.reloptions) o \
                         WHERE o.option_name = 'security_invoker') \
                   THEN quote_ident(current_user)::regrole::oid ELSE c.relowner END AS who, true AS counts \
                 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_rewrite r ON r.ev_class = c.oid \
                   JOIN pg_catalog.pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid \
                 WHERE b.class = 'pg_class'::regclass AND c.oid = b.object AND d.refobjid <> c.oid \
                   AND (c.relkind = 'v' OR (c.relkind = 'm' AND NOT c.relispopulated)) \
                 UNION ALL \
                 SELECT d.refclassid, d.refobjid, CASE WHEN d.refclassid = 'pg_proc'::regclass \
                   THEN quote_ident(current_user)::regrole::oid ELSE b.who END, true \
                 FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_depend d ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid \
                 WHERE b.class = 'pg_class'::regclass AND p.polrelid = b.object AND d.refobjid <> b.object \
                   AND p.polcmd IN ('r', '*') \
                 UNION ALL \
                 SELECT d.refclassid, d.refobjid, CASE WHEN p.prosecdef THEN p.proowner ELSE b.who END, true \
                 FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid \
                 WHERE b.class = 'pg_proc'::regclass AND p.oid = b.object AND d.refobjid <> b.object \
                 UNION ALL \
                 SELECT b.class, i.inhrelid, b.who, false FROM pg_catalog.pg_inherits i \
                 WHERE b.class = 'pg_class'::regclass AND i.inhparent = b.object \
               ) e ON e.class IN ('pg_class'::regclass, 'pg_proc'::regclass) AND b.depth < 32) \
             SELECT min(b.depth) AS depth, c.relkind::text AS kind, quote_ident(n.nspname) AS nsp, c.relname::text AS name, \
               quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS sql, b.who, \
               NOT bool_or(b.counts) OR has_table_privilege(b.who, c.oid, 'SELECT') AS allowed, \
               CASE WHEN NOT has_table_privilege(b.who, c.oid, 'SELECT') AND has_any_column_privilege(b.who, c.oid, 'SELECT') THEN \
                 coalesce((SELECT string_agg(DISTINCT quote_ident(a.attname), ', ') FROM pg_catalog.pg_depend d \
                     JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid \
                   WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND a.attnum > 0 \
                     AND d.objid IN (SELECT r.oid FROM pg_catalog.pg_rewrite r JOIN beneath v ON v.object = r.ev_class) \
                     AND NOT has_column_privilege(b.who, c.oid, a.attnum, 'SELECT')), '') END AS columns, \
               c.relispopulated AS filled, c.relpersistence = 'u' AS unlogged, NULL AS settings, NULL AS definer, c.oid AS rel \
             FROM beneath b JOIN pg_catalog.pg_class c ON b.class = 'pg_class'::regclass AND c.oid = b.object \
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             GROUP BY b.who, c.oid, c.relkind, c.relname, c.relispopulated, c.relpersistence, n.nspname \
             UNION ALL \
             SELECT min(b.depth), 'F', quote_ident(n.nspname), p.proname::text, p.oid::regprocedure::text, b.who, \
               has_function_privilege(b.who, p.oid, 'EXECUTE'), NULL, true, false, array_to_string(p.proconfig, E'\\n'), \
               CASE WHEN p.prosecdef THEN p.proowner::regrole::text END, NULL \
             FROM beneath b JOIN pg_catalog.pg_proc p ON b.class = 'pg_proc'::regclass AND p.oid = b.object \
               JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
             GROUP BY b.who, p.oid, p.proname, p.proconfig, p.prosecdef, p.proowner, n.nspname \
             UNION ALL \
             SELECT NULL, c.relkind::text, quote_ident(n.nspname), c.relname::text, \
               quote_ident(n.nspname) || '.' || quote_ident(c.relname), quote_ident(current_user)::regrole::oid, \
               has_table_privilege(c.oid, 'SELECT'), NULL, c.relispopulated, c.relpersistence = 'u', NULL, NULL, c.oid \
             FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relname = ANY (string_to_array($3, E'\\n')) AND c.relkind IN ('r', 'v', 'm', 'f', 'p', 'S') \
               AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') \
             UNION ALL \
             SELECT NULL, 'F', quote_ident(n.nspname), p.proname::text, p.oid::regprocedure::text, \
               quote_ident(current_user)::regrole::oid, has_function_privilege(p.oid, 'EXECUTE'), NULL, true, false, \
               array_to_string(p.proconfig, E'\\n'), CASE WHEN p.prosecdef THEN p.proowner::regrole::text END, NULL \
             FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
             WHERE p.proname = ANY (string_to_array($3, E'\\n')) AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
             UNION ALL \
             SELECT NULL, 'T', quote_ident(n.nspname), t.typname::text, t.oid::regtype::text, \
               quote_ident(current_user)::regrole::oid, true, NULL, true, false, NULL, NULL, NULL \
             FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace \
             WHERE t.typname = ANY (string_to_array($3, E'\\n')) AND t.typrelid = 0 \
               AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
             UNION ALL \
             SELECT NULL, 'N', quote_ident(n.nspname), n.nspname::text, quote_ident(n.nspname), \
               quote_ident(current_user)::regrole::oid, has_schema_privilege(n.oid, 'USAGE'), NULL, true, false, NULL, NULL, NULL \
             FROM pg_catalog.pg_namespace n WHERE n.nspname = ANY (string_to_array($3, E'\\n')) \
           ) b LEFT JOIN pg_catalog.pg_foreign_table f ON f.ftrelid = b.rel \
             LEFT JOIN pg_catalog.pg_foreign_server s ON s.oid = f.ftserver \
             LEFT JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw \
           ORDER BY b.depth, b.sql LIMIT 1000",
};

/// ErrorContext after the server stopped a read: whether the role has a limit of its own there, which would be why.
pub const LIMITS: Template = Template {
    name: "limits",
    text: "SELECT quote_ident(current_user), quote_ident(current_database()), s.reset_val \
           FROM pg_catalog.pg_settings s WHERE s.name = 'statement_timeout'",
};
