//! Types with an order, and values of them: what the tests of sorting and comparing go through.

mod extensions;
mod nested;
mod scalars;

use std::sync::LazyLock;

/// A type, borders and oddities of it, and an expression that makes another value of it each time.
#[derive(Clone)]
pub struct Family {
    pub pg_type: &'static str,
    pub odd: &'static [&'static str],
    pub random: &'static str,
    /// For text, whose order is promised for the C collation.
    pub collate: &'static str,
}

const fn family(pg_type: &'static str, odd: &'static [&'static str], random: &'static str) -> Family {
    Family { pg_type, odd, random, collate: "" }
}

const fn text(pg_type: &'static str, odd: &'static [&'static str], random: &'static str) -> Family {
    Family { pg_type, odd, random, collate: " COLLATE \"C\"" }
}

/// All of them; tests name columns by their places here.
pub static FAMILIES: LazyLock<Vec<Family>> =
    LazyLock::new(|| [scalars::FAMILIES, nested::FAMILIES, extensions::FAMILIES].concat());

/// What must be in a database before it has columns of these types.
pub const SETUP: &str = "CREATE EXTENSION citext; CREATE EXTENSION ltree; CREATE EXTENSION cube; CREATE EXTENSION seg; CREATE EXTENSION isn; \
    CREATE EXTENSION hstore; CREATE TYPE public.level AS ENUM ('low', 'high', 'a peak'); ALTER TYPE public.level ADD VALUE 'medium' BEFORE 'high'; \
    CREATE DOMAIN public.address AS inet CHECK (family(VALUE) = 4); \
    CREATE TYPE public.pair AS (a int, b text COLLATE \"C\", c public.level); CREATE TYPE public.textrange AS RANGE (subtype = text, collation = \"C\");";

/// A literal.
pub fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// The operator of the type's btree operator class that stands for `sql`. hstore's have names of their own.
pub fn comparison(pg_type: &str, sql: &'static str) -> &'static str {
    match (pg_type, sql) {
        ("public.hstore", "<") => "#<#",
        ("public.hstore", "<=") => "#<=#",
        ("public.hstore", ">") => "#>#",
        ("public.hstore", ">=") => "#>=#",
        _ => sql,
    }
}
