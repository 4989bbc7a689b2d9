//! Sorting and filtering follow PostgreSQL's order for the column's type.

use crate::open;
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array,
    StringArray, TimestampMicrosecondArray,
};
use mycorr_domain::{Cell, Code, ColumnType, FilterGroup, RowQuery, Snapshot, Sort, TableId, TableStore};
use mycorr_tables::DeltaStore;
use mycorr_testkit::store_suite;
use std::sync::Arc;

/// A stored column, with what its companion holds.
struct Case {
    stored: ColumnType,
    native: ArrayRef,
    exact: Option<Vec<Option<&'static str>>>,
    /// The rows, from 0, as they sort; null comes last.
    ascending: &'static [usize],
    /// Filters, and the rows that pass.
    filters: &'static [(&'static str, &'static [usize])],
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn cases() -> Vec<Case> {
    let decimal = |values: Vec<Option<i128>>, precision, scale| -> ArrayRef {
        Arc::new(Decimal128Array::from(values).with_precision_and_scale(precision, scale).unwrap())
    };
    vec![
        Case {
            stored: ColumnType::Boolean,
            native: Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), Some(true)])),
            exact: None,
            ascending: &[2, 0, 3, 1],
            filters: &[
                ("is.true", &[0, 3]),
                ("is.false", &[2]),
                ("is.null", &[1]),
                ("eq.t", &[0, 3]),
                ("lt.true", &[2]),
                ("neq.yes", &[2]),
                ("like.t*", &[0, 3]),
            ],
        },
        Case {
            stored: ColumnType::Float64,
            native: Arc::new(Float64Array::from(vec![
                Some(f64::NAN),
                Some(0.0),
                Some(-0.0),
                Some(f64::INFINITY),
                Some(f64::NEG_INFINITY),
                None,
                Some(-1.5),
            ])),
            exact: None,
            ascending: &[4, 6, 1, 2, 3, 0, 5],
            filters: &[
                ("eq.0", &[1, 2]),
                ("eq.NaN", &[0]),
                ("gt.1e308", &[0, 3]),
                ("gte.-0", &[0, 1, 2, 3]),
                ("lt.0", &[4, 6]),
                ("in.(-infinity,NaN)", &[0, 4]),
                ("like.-*", &[2, 4, 6]),
            ],
        },
        Case {
            stored: ColumnType::Float32,
            native: Arc::new(Float32Array::from(vec![Some(0.1), Some(-3.0), None])),
            exact: None,
            ascending: &[1, 0, 2],
            filters: &[("eq.0.1", &[0]), ("gt.0.1", &[]), ("lt.0.1", &[1])],
        },
        Case {
            stored: ColumnType::Decimal { precision: 5, scale: 2 },
            native: decimal(vec![Some(1050), Some(-99999), None, Some(0), Some(99999)], 5, 2),
            exact: None,
            ascending: &[1, 3, 0, 4, 2],
            filters: &[
                ("eq.10.5", &[0]),
                ("eq.10.500", &[0]),
                ("eq.10.501", &[]),
                ("neq.10.501", &[0, 1, 3, 4]),
                ("gt.10.499", &[0, 4]),
                ("lte.10.501", &[0, 1, 3]),
                ("lt.-0.001", &[1]),
                ("gt.-0.001", &[0, 3, 4]),
                ("gt.1e100", &[]),
                ("lt.1e100", &[0, 1, 3, 4]),
                ("gt.-1e100", &[0, 1, 3, 4]),
                ("lt.NaN", &[0, 1, 3, 4]),
                ("gt.-Infinity", &[0, 1, 3, 4]),
                ("in.(0,0.0,999.99,1e99)", &[3, 4]),
            ],
        },
        Case {
            stored: ColumnType::Decimal { precision: 38, scale: 10 },
            native: decimal(vec![None, Some(-1), None, Some(10i128.pow(38) - 1)], 38, 10),
            exact: Some(vec![Some("NaN"), None, None, None]),
            ascending: &[1, 3, 0, 2],
            filters: &[("eq.NaN", &[0]), ("gt.0", &[0, 3]), ("lt.NaN", &[1, 3]), ("is.null", &[2])],
        },
        Case {
            stored: ColumnType::Date,
            native: Arc::new(Date32Array::from(vec![Some(0), None, None, None, Some(-800_000)])),
            exact: Some(vec![None, Some("infinity"), Some("-infinity"), None, None]),
            ascending: &[2, 4, 0, 1, 3],
            filters: &[
                ("lt.0001-01-01", &[2, 4]),
                ("gte.1970-01-01", &[0, 1]),
                ("eq.-infinity", &[2]),
                ("gt.0200-01-01 BC", &[0, 1]),
                ("is.null", &[3]),
                ("ilike.INF*", &[1]),
            ],
        },
        Case {
            stored: ColumnType::TimestampTz,
            native: Arc::new(
                TimestampMicrosecondArray::from(vec![Some(1), None, None, None, None, Some(i64::MAX)])
                    .with_timezone("UTC"),
            ),
            exact: Some(vec![
                None,
                Some("294276-12-31 23:59:59.999999+00"),
                Some("-infinity"),
                Some("infinity"),
                None,
                None,
            ]),
            ascending: &[2, 0, 5, 1, 3, 4],
            filters: &[
                ("gt.1970-01-01 00:00:00.000001+00", &[1, 3, 5]),
                ("eq.1970-01-01 01:00:00.000001+01", &[0]),
                ("eq.294276-12-31 23:59:59.999999", &[1]),
                ("lt.infinity", &[0, 1, 2, 5]),
            ],
        },
        Case {
            stored: ColumnType::Timestamp,
            native: Arc::new(TimestampMicrosecondArray::from(vec![Some(0), Some(-1), None])),
            exact: None,
            ascending: &[1, 0, 2],
            filters: &[
                ("gte.1970-01-01", &[0]),
                ("lt.1970-01-01 00:00", &[1]),
                ("lt.infinity", &[0, 1]),
                ("gt.-infinity", &[0, 1]),
            ],
        },
        Case {
            stored: ColumnType::Bytea,
            native: Arc::new(BinaryArray::from_opt_vec(vec![
                Some(b"\xff"),
                Some(b""),
                None,
                Some(b"\x00"),
                Some(b"\x00\x00"),
                Some(b"\x00\x01"),
            ])),
            exact: None,
            ascending: &[1, 3, 4, 5, 0, 2],
            filters: &[
                ("eq.\\xff", &[0]),
                ("gt.\\x00", &[0, 4, 5]),
                ("eq.\\x", &[1]),
                ("like.\\\\x00*", &[3, 4, 5]),
            ],
        },
        Case {
            stored: ColumnType::Text,
            native: texts(&[
                Some("b"),
                Some("B"),
                Some("ä"),
                Some(""),
                None,
                Some("ba"),
                Some("b "),
                Some("a%"),
            ]),
            exact: None,
            ascending: &[3, 1, 7, 0, 6, 5, 2, 4],
            filters: &[
                ("eq.b", &[0]),
                ("gt.b", &[2, 5, 6]),
                ("ilike.B*", &[0, 1, 5, 6]),
                ("like._", &[0, 1, 2]),
                ("ilike.Ä", &[2]),
                ("like.a\\%", &[7]),
                ("like.*", &[0, 1, 2, 3, 5, 6, 7]),
                ("in.(b,,\"ä\")", &[0, 2, 3]),
            ],
        },
        Case {
            stored: ColumnType::Char,
            native: texts(&[Some("b  "), Some("a  "), Some("b"), Some("   "), None]),
            exact: None,
            ascending: &[3, 1, 0, 2, 4],
            filters: &[("eq.b", &[0, 2]), ("eq.b     ", &[0, 2]), ("lt.b", &[1, 3]), ("eq.", &[3])],
        },
        Case {
            stored: ColumnType::Uuid,
            native: texts(&[
                Some("ffffffff-0000-0000-0000-000000000000"),
                Some("0fffffff-0000-0000-0000-000000000000"),
                None,
            ]),
            exact: None,
            ascending: &[1, 0, 2],
            filters: &[
                ("eq.FFFFFFFF-0000-0000-0000-000000000000", &[0]),
                ("lt.{ffffffff-0000-0000-0000-000000000000}", &[1]),
            ],
        },
        Case {
            stored: ColumnType::Numeric,
            native: texts(&[
                Some("10"),
                Some("9"),
                Some("NaN"),
                Some("-1000000000000000000000000000000000000000000"),
                None,
                Some("9.00"),
                Some("Infinity"),
                Some("-Infinity"),
            ]),
            exact: None,
            ascending: &[7, 3, 1, 5, 0, 6, 2, 4],
            filters: &[("eq.9", &[1, 5]), ("gt.9.5", &[0, 2, 6]), ("lt.-1e41", &[3, 7]), ("gte.NaN", &[2])],
        },
        Case {
            stored: ColumnType::Time,
            native: texts(&[Some("24:00:00"), Some("00:00:00.000001"), Some("12:30:00"), None]),
            exact: None,
            ascending: &[1, 2, 0, 3],
            filters: &[("gt.12:29", &[0, 2]), ("eq.12:30", &[2])],
        },
        Case {
            stored: ColumnType::TimeTz,
            native: texts(&[
                Some("10:00:00-01"),
                Some("12:00:00+01"),
                Some("12:00:00+02"),
                Some("11:00:00+00"),
                None,
            ]),
            exact: None,
            ascending: &[2, 1, 3, 0, 4],
            filters: &[("eq.11:00+00", &[3]), ("gt.12:00+01", &[0, 3])],
        },
        Case {
            stored: ColumnType::Interval,
            native: texts(&[
                Some("1 mon"),
                Some("30 days"),
                Some("29 days 23:59:59.999999"),
                Some("-1 years"),
                None,
                Some("1 year 2 mons"),
            ]),
            exact: None,
            ascending: &[3, 2, 0, 1, 5, 4],
            filters: &[("eq.720:00:00", &[0, 1]), ("lt.0 days", &[3]), ("gt.1 mon", &[5])],
        },
    ]
}

struct Table {
    store: DeltaStore,
    at: Snapshot,
    _folder: tempfile::TempDir,
}

/// The case's column, and the row's number beside it.
async fn table(case: &Case) -> Table {
    let columns = store_suite::columns(&[("v", case.stored), ("row", ColumnType::Int32)]);
    let rows = case.native.len() as i32;
    let numbers: ArrayRef = Arc::new(arrow_array::Int32Array::from_iter_values(0..rows));
    let exact = case
        .exact
        .as_ref()
        .map(|exact| ("v", exact.iter().map(|text| text.map(str::as_bytes)).collect::<BinaryArray>()));
    let batch =
        store_suite::batch(&columns, vec![case.native.clone(), numbers], rows as usize, exact.as_slice());
    // One row per batch and two per row group, so that ties and files mix.
    let batches: Vec<_> = (0..rows as usize).map(|row| batch.slice(row, 1)).collect();
    let folder = tempfile::tempdir().unwrap();
    let options = mycorr_tables::WriteOptions { group_rows: 2, ..Default::default() };
    let store = open(folder.path()).with_write_options(options);
    let id = TableId::new();
    let at = store_suite::snapshot(id, store_suite::write(&store, id, &columns, batches).await, &columns);
    Table { store, at, _folder: folder }
}

impl Table {
    async fn rows(&self, sort: &str, filters: &[&str]) -> mycorr_domain::Result<Vec<usize>> {
        let query = RowQuery {
            offset: 0,
            limit: 200,
            sort: Sort::parse_list(sort).unwrap(),
            filters: FilterGroup::parse_list(filters).unwrap(),
            columns: None,
        };
        let page = self.store.page(&self.at, &query).await?;
        assert_eq!(page.total, page.rows.len() as u64);
        let row = |row: Vec<Cell>| match &row[1] {
            Cell::Text(text) => text.parse().unwrap(),
            other => panic!("{other:?}"),
        };
        Ok(page.rows.into_iter().map(row).collect())
    }
}

#[tokio::test]
async fn every_type() {
    for case in cases() {
        let table = table(&case).await;
        let got = table.rows("v", &[]).await.unwrap();
        assert_eq!(got, case.ascending, "{:?} ascending", case.stored);

        // Descending: nulls first; equal ones still by arrival, which the second column turns around.
        let nulls = case.ascending.iter().rev().take_while(|&&row| cell_is_null(&case, row)).count();
        let (values, null_rows) = case.ascending.split_at(case.ascending.len() - nulls);
        let got = table.rows("-v", &[]).await.unwrap();
        assert_eq!(got[..nulls], *null_rows, "{:?} descending", case.stored);
        let back: Vec<_> = table.rows("-v,-row", &[]).await.unwrap().into_iter().skip(nulls).rev().collect();
        assert_eq!(back, values, "{:?} descending, both", case.stored);

        for (filter, want) in case.filters {
            let filter = format!("v.{filter}");
            assert_eq!(table.rows("", &[&filter]).await.unwrap(), *want, "{:?} {filter}", case.stored);
            let mut sorted: Vec<_> = case.ascending.to_vec();
            sorted.retain(|row| want.contains(row));
            assert_eq!(
                table.rows("v", &[&filter]).await.unwrap(),
                sorted,
                "{:?} {filter} sorted",
                case.stored
            );
        }
    }
}

fn cell_is_null(case: &Case, row: usize) -> bool {
    case.native.is_null(row) && case.exact.as_ref().is_none_or(|exact| exact[row].is_none())
}

#[tokio::test]
async fn values_of_another_type_are_refused() {
    for case in cases() {
        let bad = match case.stored {
            ColumnType::Text | ColumnType::Char => continue,
            ColumnType::Bytea => "ff",
            _ => "2024-13-45 nonsense",
        };
        let table = table(&case).await;
        for operator in ["eq", "neq", "gt", "gte", "lt", "lte"] {
            let problem = table.rows("", &[&format!("v.{operator}.{bad}")]).await.unwrap_err();
            assert_eq!(problem.code, Code::Invalid, "{:?}", case.stored);
            assert!(problem.detail.contains("\"v\"") && problem.detail.contains(bad), "{}", problem.detail);
        }
        assert!(table.rows("", &[&format!("v.in.({bad})")]).await.is_err());
        if case.stored != ColumnType::Boolean {
            assert_eq!(table.rows("", &["v.is.true"]).await.unwrap_err().code, Code::Invalid);
        }
        assert_eq!(table.rows("", &["v.like.a\\"]).await.unwrap_err().code, Code::Invalid);
    }
}
