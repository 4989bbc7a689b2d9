-- The demo's source: two years of a shop that sells tea, books and garden tools all over Europe.
-- The same on every run and every version of PostgreSQL: nothing is drawn at random, everything is hashed from row numbers.

BEGIN;

-- A die with `sides` sides, thrown for row `n`; `salt` keeps the throws for one row apart. 0 ≤ dice < sides.
CREATE FUNCTION pg_temp.dice(n bigint, salt int, sides int) RETURNS int LANGUAGE sql IMMUTABLE AS
$$ SELECT ((hashint8extended(n, salt) & 9007199254740991) % sides)::int $$;

-- The element of `list` for row `n`.
CREATE FUNCTION pg_temp.pick(n bigint, salt int, list anyarray) RETURNS anyelement LANGUAGE sql IMMUTABLE AS
$$ SELECT list[1 + ((hashint8extended(n, salt) & 9007199254740991) % cardinality(list))::int] $$;

CREATE TYPE order_status AS ENUM ('placed', 'paid', 'packed', 'shipped', 'delivered', 'returned', 'cancelled');

CREATE TABLE customers (
  id bigint NOT NULL,
  public_id uuid NOT NULL,
  name text NOT NULL,
  email text NOT NULL,
  city text NOT NULL,
  country character(2) NOT NULL,
  born date,
  interests text[] NOT NULL,
  settings jsonb NOT NULL,
  newsletter boolean,
  created_at timestamptz NOT NULL
);

INSERT INTO customers
SELECT
  n,
  md5('customer ' || n)::uuid,
  first || ' ' || last,
  'customer' || n || '@' || pg_temp.pick(n, 3, ARRAY['example.com', 'example.net', 'example.org']),
  split_part(place, '/', 1),
  split_part(place, '/', 2),
  CASE WHEN pg_temp.dice(n, 5, 10) < 7 THEN date '1940-01-01' + pg_temp.dice(n, 6, 24800) END,
  (ARRAY['green tea', 'black tea', 'roses', 'pruning', 'crime novels', 'poetry', 'herbs', 'ceramics'])
    [1 + pg_temp.dice(n, 7, 8) : pg_temp.dice(n, 8, 9)],
  jsonb_build_object('theme', pg_temp.pick(n, 9, ARRAY['light', 'dark', 'system']), 'page_size', 20 * (1 + pg_temp.dice(n, 10, 5))),
  CASE pg_temp.dice(n, 11, 3) WHEN 0 THEN true WHEN 1 THEN false END,
  timestamptz '2022-11-20 06:00:00+00' + n * interval '787.31 seconds' + pg_temp.dice(n, 12, 700000) * interval '1 millisecond'
FROM generate_series(1, 80000) AS n,
LATERAL (SELECT
  pg_temp.pick(n, 1, ARRAY['Anna', 'Zoë', 'Łukasz', 'Séverine', 'Jürgen', 'Ana María', 'Giulia', 'Björn', 'Aoife', 'Ștefan', 'Ελένη', 'Iva',
    'Tomás', 'Mette', 'Noor', 'Jan', 'Chiara', 'Péter', 'Aino', 'Joost', 'Marta', 'Emil', 'Olena', 'Kadri']) AS first,
  pg_temp.pick(n, 2, ARRAY['Kowalska', 'Müller', 'O''Brien', 'García Núñez', 'Rossi', 'Lindqvist', 'Nováková', 'van den Berg', 'Horváth',
    'Παπαδοπούλου', 'Dubois', 'Popescu', 'Virtanen', 'Jørgensen', 'Silva', 'Weber', 'Bianchi', 'Шевченко', 'Tamm', 'Kovačić']) AS last,
  pg_temp.pick(n, 4, ARRAY['Berlin/DE', 'Köln/DE', 'München/DE', 'Paris/FR', 'Lyon/FR', 'Madrid/ES', 'Málaga/ES', 'Roma/IT', 'Torino/IT',
    'Warszawa/PL', 'Łódź/PL', 'Wien/AT', 'Zürich/CH', 'København/DK', 'Malmö/SE', 'Helsinki/FI', 'Tallinn/EE', 'Dublin/IE', 'Lisboa/PT',
    'Αθήνα/GR', 'București/RO', 'Budapest/HU', 'Praha/CZ', 'Utrecht/NL', 'Gent/BE']) AS place) AS drawn;

CREATE TABLE products (
  id integer NOT NULL,
  sku varchar(12) NOT NULL,
  title text NOT NULL,
  category text NOT NULL,
  price numeric(10, 2) NOT NULL,
  weight_kg real,
  size_cm integer[],
  attributes jsonb NOT NULL,
  checksum bytea NOT NULL,
  discontinued_on date
);

INSERT INTO products
SELECT
  n,
  upper(left(category, 2)) || '-' || lpad(n::text, 5, '0'),
  pg_temp.pick(n, 22, ARRAY['Small', 'Large', 'Everyday', 'Grandmother''s', 'Royal', 'Hand-made', 'Travelling', 'Winter', 'Blue'])
    || ' ' || thing,
  category,
  round((3 + pg_temp.dice(n, 24, 9000) ^ 1.1 / 120)::numeric, 2) + 0.99,
  CASE WHEN pg_temp.dice(n, 25, 9) > 0 THEN (0.05 + pg_temp.dice(n, 26, 4000) / 1000.0)::real END,
  CASE WHEN category <> 'tea' THEN ARRAY[5 + pg_temp.dice(n, 27, 90), 5 + pg_temp.dice(n, 28, 60), 1 + pg_temp.dice(n, 29, 40)] END,
  jsonb_build_object('origin', pg_temp.pick(n, 30, ARRAY['IN', 'CN', 'JP', 'PT', 'SE', 'DE', 'PL']), 'organic', pg_temp.dice(n, 31, 2) = 1,
    'ratings', jsonb_build_array(1 + pg_temp.dice(n, 32, 5), 1 + pg_temp.dice(n, 33, 5), null)),
  decode(md5('product ' || n), 'hex'),
  CASE WHEN pg_temp.dice(n, 34, 12) = 0 THEN date '2025-02-01' + pg_temp.dice(n, 35, 600) END
FROM generate_series(1, 2400) AS n,
LATERAL (SELECT pg_temp.pick(n, 20, ARRAY['tea', 'books', 'garden']) AS category) AS kind,
LATERAL (SELECT pg_temp.pick(n, 21, CASE category
  WHEN 'tea' THEN ARRAY['Darjeeling', 'Sencha', 'Assam', 'Earl Grey', 'Rooibos', 'Oolong', 'Peppermint', 'Lapsang']
  WHEN 'books' THEN ARRAY['herbal', 'cookery book', 'almanac', 'atlas of roses', 'book of hours', 'field guide']
  ELSE ARRAY['secateurs', 'watering can', 'trowel', 'rake', 'bird bath', 'gloves', 'seed drill'] END) AS thing) AS drawn;

CREATE TABLE order_items (
  order_id bigint NOT NULL,
  line smallint NOT NULL,
  product_id integer NOT NULL,
  quantity smallint NOT NULL,
  unit_price numeric(10, 2) NOT NULL,
  discount double precision
);

INSERT INTO order_items
SELECT
  n,
  line,
  product.id,
  1 + pg_temp.dice(n * 8 + line, 41, 6) / 3,
  product.price,
  CASE WHEN pg_temp.dice(n * 8 + line, 42, 10) = 0 THEN (1 + pg_temp.dice(n * 8 + line, 43, 4)) * 0.05 END
FROM generate_series(1, 1000000) AS n
CROSS JOIN LATERAL generate_series(1, 1 + pg_temp.dice(n, 44, 6) * pg_temp.dice(n, 45, 6) / 10) AS line
JOIN products AS product ON product.id = 1 + floor(2400 * (pg_temp.dice(n * 8 + line, 40, 10000) / 10000.0::float8) ^ 2)
ORDER BY n, line;

CREATE TABLE orders (
  id bigint NOT NULL,
  public_id uuid NOT NULL,
  customer_id bigint NOT NULL,
  status order_status NOT NULL,
  placed_at timestamptz NOT NULL,
  shipped_at timestamptz,
  delivery_time interval,
  total numeric(12, 2) NOT NULL,
  currency character(3) NOT NULL,
  coupon varchar(20),
  shipping jsonb,
  note text
);

-- The older an order, the likelier that it has arrived; customers who came early order more often.
INSERT INTO orders
SELECT
  n,
  md5('order ' || n)::uuid,
  1 + floor(80000 * (pg_temp.dice(n, 50, 1000000) / 1000000.0::float8) ^ 1.7),
  status,
  placed_at,
  CASE WHEN status IN ('shipped', 'delivered', 'returned') THEN placed_at + (4 + pg_temp.dice(n, 53, 60)) * interval '1 hour' END,
  CASE WHEN status IN ('delivered', 'returned') THEN (26 + pg_temp.dice(n, 54, 140)) * interval '1 hour' END,
  items.total,
  pg_temp.pick(n, 55, ARRAY['EUR', 'EUR', 'EUR', 'EUR', 'SEK', 'PLN', 'CHF']),
  CASE WHEN pg_temp.dice(n, 56, 15) = 0 THEN pg_temp.pick(n, 57, ARRAY['WELCOME10', 'SPRING-25', 'TEA4TWO']) END,
  CASE WHEN pg_temp.dice(n, 58, 4) > 0 THEN jsonb_build_object('carrier', pg_temp.pick(n, 59, ARRAY['DHL', 'GLS', 'PostNord', 'DPD']),
    'parcels', 1 + pg_temp.dice(n, 60, 3), 'insured', pg_temp.dice(n, 61, 5) = 0) END,
  CASE pg_temp.dice(n, 62, 40) WHEN 0 THEN 'Please leave it with the neighbours.' WHEN 1 THEN E'Gift:\nno invoice, please' WHEN 2 THEN '' END
FROM (SELECT order_id AS n, sum(round(quantity * unit_price * (1 - coalesce(discount, 0))::numeric, 2)) AS total
      FROM order_items GROUP BY order_id) AS items,
LATERAL (SELECT timestamptz '2024-11-20 06:00:00+00' + n * interval '63.07 seconds' + pg_temp.dice(n, 51, 60000) * interval '1 millisecond'
  AS placed_at) AS moment,
LATERAL (SELECT (CASE
  WHEN pg_temp.dice(n, 52, 100) < 3 THEN 'cancelled'
  WHEN n < 985000 AND pg_temp.dice(n, 52, 100) < 8 THEN 'returned'
  WHEN n < 985000 THEN 'delivered'
  ELSE pg_temp.pick(n, 63, ARRAY['placed', 'paid', 'paid', 'packed', 'shipped', 'shipped', 'delivered']) END)::order_status AS status) AS state
ORDER BY n;

-- What visitors did on the pages, one partition a month.
CREATE TABLE events (
  id bigint NOT NULL,
  at timestamptz NOT NULL,
  session uuid NOT NULL,
  customer_id bigint,
  kind text NOT NULL,
  path text NOT NULL,
  address inet NOT NULL,
  properties jsonb
) PARTITION BY RANGE (at);
CREATE TABLE events_2026_06 PARTITION OF events FOR VALUES FROM ('2026-06-01 00:00+00') TO ('2026-07-01 00:00+00');
CREATE TABLE events_2026_07 PARTITION OF events FOR VALUES FROM ('2026-07-01 00:00+00') TO ('2026-08-01 00:00+00');
CREATE TABLE events_2026_08 PARTITION OF events FOR VALUES FROM ('2026-08-01 00:00+00') TO ('2026-09-01 00:00+00');
CREATE TABLE events_2026_09 PARTITION OF events FOR VALUES FROM ('2026-09-01 00:00+00') TO ('2026-10-01 00:00+00');
CREATE TABLE events_2026_10 PARTITION OF events FOR VALUES FROM ('2026-10-01 00:00+00') TO ('2026-11-01 00:00+00');
CREATE TABLE events_2026_11 PARTITION OF events FOR VALUES FROM ('2026-11-01 00:00+00') TO ('2026-12-01 00:00+00');

INSERT INTO events
SELECT
  n,
  timestamptz '2026-06-01 00:00:00+00' + n * interval '29.7 seconds' + pg_temp.dice(n, 70, 29000000) * interval '1 microsecond',
  md5('session ' || (n / 7))::uuid,
  CASE WHEN pg_temp.dice(n / 7, 71, 3) > 0 THEN 1 + pg_temp.dice(n / 7, 72, 80000) END,
  kind,
  CASE kind WHEN 'search' THEN '/search' WHEN 'checkout' THEN '/checkout' ELSE '/products/' || (1 + pg_temp.dice(n, 74, 2400)) END,
  ('192.0.2.' || pg_temp.dice(n / 7, 75, 256))::inet,
  CASE kind WHEN 'search' THEN jsonb_build_object('q', pg_temp.pick(n, 76, ARRAY['tea', 'té', 'rosen', 'Ångström', 'herbata']))
            WHEN 'checkout' THEN jsonb_build_object('step', 1 + pg_temp.dice(n, 77, 4), 'total', pg_temp.dice(n, 78, 30000) / 100.0) END
FROM generate_series(1, 500000) AS n,
LATERAL (SELECT pg_temp.pick(n, 73, ARRAY['view', 'view', 'view', 'view', 'search', 'basket', 'checkout']) AS kind) AS drawn;

CREATE VIEW open_orders AS
SELECT orders.id, orders.placed_at, customers.name, customers.city, orders.status, orders.total, orders.currency
FROM orders JOIN customers ON customers.id = orders.customer_id
WHERE orders.status IN ('placed', 'paid', 'packed');

CREATE MATERIALIZED VIEW daily_sales AS
SELECT (placed_at AT TIME ZONE 'UTC')::date AS day, currency, count(*) AS orders, sum(total) AS revenue,
       avg(total) AS average, count(*) FILTER (WHERE status = 'returned') AS returned
FROM orders WHERE status <> 'cancelled' GROUP BY 1, 2 ORDER BY 1, 2;

-- Nobody grants the reader this schema: the demo shows that what is not granted stays closed.
CREATE SCHEMA payroll;
CREATE TABLE payroll.salaries AS
SELECT n AS employee, 2400 + pg_temp.dice(n, 80, 4000) AS euros FROM generate_series(1, 40) AS n;

ALTER TABLE customers ADD PRIMARY KEY (id);
ALTER TABLE products ADD PRIMARY KEY (id);
ALTER TABLE orders ADD PRIMARY KEY (id);
ALTER TABLE order_items ADD PRIMARY KEY (order_id, line);

COMMIT;

-- The estimates that a person sees while browsing come from here.
VACUUM (ANALYZE);
