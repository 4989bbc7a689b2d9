-- Names in Latin-1, in a database of the encoding SQL_ASCII, as old installations have them.
CREATE FUNCTION pg_temp.run(statement text) RETURNS void LANGUAGE plpgsql AS $$BEGIN EXECUTE replace(replace(replace(statement, '<e>', chr(233)), '<E>', chr(232)), '<a>', chr(228)); END$$;
SELECT pg_temp.run('CREATE SCHEMA x; CREATE TABLE x."caf<e>" (id int); CREATE TABLE x."caf<E>" (id int)');
SELECT pg_temp.run('CREATE SCHEMA "sch<e>"; CREATE TABLE "sch<e>"."t<a>" ("t<a>" int)');
SELECT pg_temp.run('CREATE TABLE x.colbad (id int, "pr<e>nom" text, "ö" text); INSERT INTO x.colbad VALUES (1, ''a'', ''<e>'')');
SELECT pg_temp.run('GRANT USAGE ON SCHEMA x, "sch<e>" TO PUBLIC; GRANT SELECT ON ALL TABLES IN SCHEMA x, "sch<e>" TO PUBLIC');
