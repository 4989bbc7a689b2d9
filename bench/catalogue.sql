-- 50 schemas, 10,000 tables, 100,000 columns. Without rows: browsing reads the catalogue only.
CREATE PROCEDURE fill(schema integer) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE SCHEMA %I', 'area_' || schema);
  FOR n IN 1..200 LOOP
    EXECUTE format(
      'CREATE TABLE %I.%I (id integer, created_at timestamptz, updated_at timestamptz, name text, status text, '
      'amount numeric(12, 2), quantity integer, active boolean, payload jsonb, owner uuid)',
      'area_' || schema, (ARRAY['orders', 'events', 'customers', 'invoices', 'sessions'])[1 + n % 5] || '_' || n);
  END LOOP;
END $$;
SELECT format('CALL fill(%s)', schema) FROM generate_series(1, 50) AS schema \gexec
DROP PROCEDURE fill;
