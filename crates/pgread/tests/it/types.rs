//! A table with a column of every type, and the server itself as the oracle of how its values are printed.

use crate::support::{dialer, read, target_at, unsaved};
use mycorr_domain::Cell;
use mycorr_pgread::Client;
use mycorr_testkit::Database;

/// The settings under which the contract promises its cells.
const PINNED: &str = "SET TimeZone='UTC'; SET DateStyle='ISO, MDY'; SET IntervalStyle='postgres'; SET bytea_output='hex'; \
    SET extra_float_digits=1; SET lc_monetary='C'; SET search_path=pg_catalog; ";

/// Settings of a role that must not change anything.
const HOSTILE: &[&str] = &[
    "DateStyle='German, DMY'",
    "IntervalStyle='iso_8601'",
    "bytea_output='escape'",
    "extra_float_digits=-15",
    "TimeZone='Asia/Kathmandu'",
    "client_encoding='LATIN1'",
    "quote_all_identifiers=on",
    "xmloption='document'",
    "search_path='evil, pg_catalog'",
    "default_transaction_read_only=off",
];

/// The first major version that has the type or takes the values (0: all), the type, and values as SQL expressions.
const TYPES: &[(u32, &str, &[&str])] = &[
    (0, "boolean", &["true", "false", "null"]),
    (0, "smallint", &["'-32768'", "32767", "0", "null"]),
    (0, "integer", &["'-2147483648'", "2147483647", "0", "-1", "null"]),
    (0, "bigint", &["'-9223372036854775808'", "9223372036854775807", "0", "1000000000000000000", "null"]),
    (0, "oid", &["0", "'4294967295'", "null"]),
    (
        0,
        "real",
        &[
            "'0'",
            "'-0'",
            "'NaN'",
            "'Infinity'",
            "'-Infinity'",
            "1e-45",
            "3.4028235e38",
            "0.1",
            "1e6",
            "123456",
            "1e-5",
            "null",
        ],
    ),
    (
        0,
        "double precision",
        &[
            "'0'",
            "'-0'",
            "'NaN'",
            "'Infinity'",
            "'-Infinity'",
            "5e-324",
            "1.7976931348623157e308",
            "0.1",
            "1e15",
            "1e14",
            "0.0001",
            "1e23",
            "9007199254740993",
            "1e-5",
            "null",
        ],
    ),
    (0, "numeric(12,2)", &["0", "'-0.01'", "9999999999.99", "-9999999999.99", "'NaN'", "0.5", "null"]),
    (
        0,
        "numeric(38,0)",
        &["99999999999999999999999999999999999999", "-99999999999999999999999999999999999999", "0"],
    ),
    (
        0,
        "numeric(38,38)",
        &["0.99999999999999999999999999999999999999", "-0.00000000000000000000000000000000000001", "0"],
    ),
    (0, "numeric(18,4)", &["99999999999999.9999", "-0.0001", "0.1", "1"]),
    (15, "numeric(3,5)", &["0.00999", "0", "'NaN'"]),
    (15, "numeric(3,-2)", &["12300", "'NaN'", "-100"]),
    (0, "numeric", &["0", "0.00", "1e1000", "1e-1000", "'NaN'", "repeat('9', 1000)", "-1.50", "null"]),
    (14, "numeric", &["'Infinity'", "'-Infinity'"]),
    (0, "public.price", &["12.50", "null"]),
    (0, "public.dear", &["12.50", "null"]),
    (
        0,
        "date",
        &[
            "'1970-01-01'",
            "'infinity'",
            "'-infinity'",
            "'0044-03-15 BC'",
            "'4713-11-24 BC'",
            "'5874897-12-31'",
            "'2024-02-29'",
            "'12345-06-07'",
            "null",
        ],
    ),
    (
        0,
        "timestamp",
        &[
            "'1970-01-01 00:00:00'",
            "'infinity'",
            "'-infinity'",
            "'0044-03-15 12:00 BC'",
            "'294276-12-31 23:59:59.999999'",
            "'294247-01-10 04:00:54.775807'",
            "'294247-01-10 04:00:54.775808'",
            "'4713-11-24 00:00:00 BC'",
            "'2024-02-29 23:59:59.1'",
            "'1969-12-31 23:59:59.999999'",
            "null",
        ],
    ),
    (
        0,
        "timestamptz",
        &[
            "'2024-03-31 02:30:00+02'",
            "'infinity'",
            "'-infinity'",
            "'294276-12-31 23:59:59.999999Z'",
            "'0001-01-01 00:00:00 BC'",
            "null",
        ],
    ),
    (0, "timestamp(3)", &["'2024-01-01 00:00:00.123456'", "null"]),
    (0, "time", &["'24:00:00'", "'00:00:00.000001'", "null"]),
    (0, "timetz", &["'12:00:00+05:30'", "'24:00:00-15:59:59'", "null"]),
    (0, "interval", &["'1 year -2 days 03:04:05.678901'", "'-178000000 years'", "'0'", "null"]),
    (
        0,
        "uuid",
        &[
            "'00000000-0000-0000-0000-000000000000'",
            "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
            "'0189dc53-a1b2-7c3d-8e4f-5a6b7c8d9e0f'",
            "null",
        ],
    ),
    (0, "bytea", &["''", "'\\x00ff10'", "decode(repeat('00ff', 1000), 'hex')", "null"]),
    (
        0,
        "text",
        &[
            "''",
            "'null'",
            "'NULL'",
            "E'line\\nbreak\\ttab\\\\'",
            "'Größe 👩‍🔬 مرحبا'",
            "repeat('x', 100000)",
            "E'\\x01'",
            "null",
        ],
    ),
    (0, "varchar(5)", &["''", "'abc  '", "'äöüß€'", "null"]),
    (0, "char(5)", &["''", "'abc'", "'  x'", "null"]),
    (0, "\"char\"", &["'a'", "''", "null"]),
    (0, "name", &["'n'", "repeat('n', 63)", "null"]),
    (0, "json", &["'{\"a\" : 1, \"a\":2}'", "'null'", "null"]),
    (0, "jsonb", &["'{\"b\": 1.50, \"a\": [1,2,null]}'", "'\"x\"'", "null"]),
    (12, "jsonpath", &["'$.a[*] ? (@ > 1)'"]),
    (0, "xml", &["'<a>b</a>'", "'text'"]),
    (0, "int[]", &["'{}'", "'{1,NULL,3}'", "'[2:3]={7,8}'", "'{{1,2},{3,4}}'", "null"]),
    (0, "text[]", &["'{\"a,b\",\"NULL\",NULL,\"\"}'"]),
    (0, "timestamptz[]", &["'{2024-01-01 00:00+02}'"]),
    (0, "float8[]", &["'{0.1,NaN,-0,1e23}'"]),
    (0, "public.mood", &["'sad'", "'Ä happy'", "null"]),
    (0, "public.pair", &["ROW(1, 'x,\"y', '2024-01-01Z')", "ROW(null, null, null)", "null"]),
    (0, "int4range", &["'[1,5)'", "'empty'", "'(,)'"]),
    (14, "int4multirange", &["'{[1,3),[5,7)}'", "'{}'"]),
    (0, "tstzrange", &["'[2024-01-01 00:00+02,)'"]),
    (0, "inet", &["'192.0.2.1/24'", "'::1'"]),
    (0, "cidr", &["'192.0.2.0/24'"]),
    (0, "macaddr", &["'08:00:2b:01:02:03'"]),
    (0, "macaddr8", &["'08:00:2b:01:02:03:04:05'"]),
    (0, "bit(3)", &["B'101'"]),
    (0, "varbit", &["B''", "B'1'"]),
    (0, "money", &["'-1234.56'", "'92233720368547758.07'"]),
    (0, "point", &["'(1.5,-0)'"]),
    (0, "line", &["'{1,2,3}'"]),
    (0, "lseg", &["'[(1,2),(3,4)]'"]),
    (0, "box", &["'(3,4),(1,2)'"]),
    (0, "path", &["'[(1,2),(3,4)]'", "'((1,2),(3,4))'"]),
    (0, "polygon", &["'((1,2),(3,4))'"]),
    (0, "circle", &["'<(1,2),3>'"]),
    (0, "tsvector", &["'fat:2 cat:1A'"]),
    (0, "tsquery", &["'fat & !cat'"]),
    (0, "pg_lsn", &["'16/B374D848'"]),
    (13, "xid8", &["'18446744073709551615'"]),
    (0, "regclass", &["'pg_catalog.pg_class'", "'public.every_type'"]),
    (0, "regtype", &["'public.mood'", "'int'"]),
    (0, "public.citext", &["'AbC'"]),
    (0, "public.hstore", &["'a=>1, b=>NULL'"]),
    (0, "public.ltree", &["'a.b'"]),
];

/// Makes `public.every_type` with a column for each type that a server of this version has, for a role whose
/// settings say otherwise. The columns' types in order.
pub(crate) fn make(database: &Database<'_>, major: u32) -> Vec<&'static str> {
    let known: Vec<_> = TYPES.iter().filter(|(since, ..)| *since <= major).collect();
    let columns: Vec<String> =
        known.iter().enumerate().map(|(at, (_, pg_type, _))| format!("c{at} {pg_type}")).collect();
    let rows = known.iter().map(|(.., values)| values.len()).max().unwrap_or_default();
    let row = |n: usize| {
        let values = known.iter().map(|(_, pg_type, values)| {
            values.get(n).map_or_else(|| "null".to_owned(), |value| format!("{value}::{pg_type}"))
        });
        format!("({n}, {})", values.collect::<Vec<_>>().join(", "))
    };
    let settings = HOSTILE.iter().map(|setting| format!("ALTER ROLE \"{}\" SET {setting}; ", database.role));
    database.sql(&format!(
        "{} CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION ltree; \
         CREATE TYPE public.mood AS ENUM ('sad', 'ok', 'Ä happy'); CREATE DOMAIN public.price AS numeric(8,2); \
         CREATE DOMAIN public.dear AS public.price CHECK (VALUE > 10); \
         CREATE TYPE public.pair AS (a int, b text, c timestamptz); \
         CREATE TABLE public.every_type (n int, {}); INSERT INTO public.every_type VALUES {}",
        settings.collect::<String>(),
        columns.join(", "),
        (0..rows).map(row).collect::<Vec<_>>().join(", ")
    ));
    known.iter().map(|(_, pg_type, _)| *pg_type).collect()
}

/// Reads a table whose first column numbers its rows, and compares every other cell with what the server prints.
/// `port` leads to the database.
pub(crate) async fn compare(database: &Database<'_>, table: &str, port: u16) {
    let client =
        Client::connect(&dialer(), &target_at(database.cluster, database, port), unsaved()).await.unwrap();
    let (columns, mut rows) = read(client, "public", table).await.unwrap();
    // `concat` calls the type's output function, which a cast to text does not always do.
    let printed = columns[1..].iter().map(|column| {
        let name = &column.name;
        format!(
            "CASE WHEN {name} IS NOT DISTINCT FROM NULL THEN 'null' \
             ELSE encode(convert_to(concat({name}), 'UTF8'), 'hex') END"
        )
    });
    let printed = printed.collect::<Vec<_>>().join(" || ' ' || ");
    let printed = database.sql(&format!("{PINNED} SELECT {printed} FROM public.{table} ORDER BY n"));
    let printed: Vec<&str> = printed.lines().collect();
    rows.sort_by_key(|row| match &row[0] {
        Cell::Text(n) => n.parse::<i32>().unwrap(),
        other => panic!("{other:?}"),
    });
    assert_eq!(rows.len(), printed.len());
    let text = |cell: &Cell| match cell {
        Cell::Null => "null".to_owned(),
        Cell::Text(text) => text.bytes().map(|byte| format!("{byte:02x}")).collect(),
        other => panic!("{other:?}"),
    };
    for (n, (row, printed)) in rows.iter().zip(printed).enumerate() {
        for ((column, cell), printed) in columns.iter().zip(row).skip(1).zip(printed.split(' ')) {
            assert_eq!(text(cell), printed, "row {n} of {}: {cell:?}", column.pg_type);
        }
    }
}
