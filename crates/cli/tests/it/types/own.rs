//! Types that are made for the test.

/// What the test makes before it looks which types there are.
pub(super) const OWN: &str = "CREATE SCHEMA \"Odd schema\"; CREATE TABLE public.\"Odd \"\"table\" (); CREATE COLLATION public.\"Odd collation\" FROM \"C\"; \
    CREATE TYPE public.mood AS ENUM ('sad', '', 'Ä, \"happy\"', 'a''b'); \
    CREATE FUNCTION public.\"Odd f\"(public.mood, int[]) RETURNS int LANGUAGE sql AS 'SELECT 1'; \
    CREATE DOMAIN public.price AS numeric(8,2); CREATE DOMAIN public.dear AS public.price CHECK (VALUE > 10); \
    CREATE DOMAIN public.few AS int[]; CREATE DOMAIN public.many AS public.few CHECK (array_ndims(VALUE) = 2); \
    CREATE TYPE public.pair AS (a int, \"b c\" text); CREATE DOMAIN public.whole AS public.pair; \
    CREATE TYPE public.nested AS (p public.pair, ps public.pair[], m public.mood, r int4range, t timestamptz, f float8, b bytea); \
    CREATE TYPE public.textrange AS RANGE (subtype = text, collation = \"C\"); \
    CREATE TABLE public.counted AS SELECT n % 3 AS a, n % 3 AS b, n AS c FROM generate_series(1, 1000) n; \
    CREATE STATISTICS public.counts (ndistinct, dependencies, mcv) ON a, b FROM public.counted; ANALYZE public.counted; ";
