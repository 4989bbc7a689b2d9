-- Ten types as applications have them, ROWS rows; the same values on every run: everything comes from a hash of the number.
CREATE TABLE mixed (
  id      bigint PRIMARY KEY,
  at      timestamptz NOT NULL,
  key     uuid NOT NULL,
  doc     jsonb NOT NULL,
  title   text NOT NULL,
  amount  numeric NOT NULL,
  active  boolean NOT NULL,
  score   double precision NOT NULL,
  tags    integer[] NOT NULL,
  note    text
);
INSERT INTO mixed
SELECT n,
  timestamptz '2020-01-01 00:00:00+00' + hash % 200000000 * interval '1 second' + hash % 1000000 * interval '1 microsecond',
  md5(n::text)::uuid,
  jsonb_build_object('user', hash % 100000, 'plan', (ARRAY['free', 'team', 'enterprise'])[1 + hash % 3],
    'tags', jsonb_build_array(hash % 7, hash % 11), 'ok', hash % 2 = 0),
  'Order ' || n || ' from ' || (ARRAY['Berlin', 'São Paulo', 'Tokyo', 'Lagos', 'Nürnberg', 'Kraków'])[1 + hash % 6],
  hash % 1000000000 / (ARRAY[1, 10, 100, 1000, 10000])[1 + hash % 5]::numeric,
  hash % 3 = 0,
  (hash % 1000003) / 7.0::float8,
  ARRAY[hash % 100, hash % 1000, hash % 10000]::integer[],
  CASE WHEN hash % 4 <> 0 THEN repeat('note ', (hash % 8)::integer) || hash END
FROM (SELECT n, (hashint8extended(n, 0) & 9223372036854775807) AS hash FROM generate_series(1, 2000000) AS n) AS numbers;
