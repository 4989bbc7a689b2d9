//! What encoding costs, for each Arrow type: a million values in batches as the reader makes them, to Parquet.
//! `cargo bench -p mycorr-tables`.

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array,
    RecordBatch, StringArray, TimestampMicrosecondArray,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mycorr_tables::{WriteOptions, bench};
use std::sync::Arc;

const BATCH: u64 = 32 << 10;
const BATCHES: u64 = 32;

/// Numbers all over the place, the same on every run.
fn scattered(row: u64) -> u64 {
    (row + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 8
}

fn array<V, A: FromIterator<Option<V>>>(rows: std::ops::Range<u64>, value: impl Fn(u64) -> V) -> A {
    rows.map(|row| Some(value(scattered(row)))).collect()
}

type Family = (&'static str, fn(std::ops::Range<u64>) -> ArrayRef);

const FAMILIES: &[Family] = &[
    ("boolean", |rows| Arc::new(array::<_, BooleanArray>(rows, |n| n & 1 == 0))),
    ("integer", |rows| Arc::new(array::<_, Int32Array>(rows, |n| (n % 6_000_000) as i32))),
    ("integer of few values", |rows| Arc::new(array::<_, Int32Array>(rows, |n| (n % 7) as i32))),
    ("long, ascending", |rows| Arc::new(Int64Array::from_iter_values(rows.map(|row| row as i64)))),
    ("decimal(15,2)", |rows| {
        let values = array::<_, Decimal128Array>(rows, |n| i128::from(n % 10_000_000));
        Arc::new(values.with_precision_and_scale(15, 2).expect("15 digits, 2 of them behind the point"))
    }),
    ("double", |rows| Arc::new(array::<_, Float64Array>(rows, |n| n as f64 / 7.0))),
    ("date", |rows| Arc::new(array::<_, Date32Array>(rows, |n| 8000 + (n % 2500) as i32))),
    ("timestamp", |rows| {
        Arc::new(array::<_, TimestampMicrosecondArray>(rows, |n| (n % 1_000_000_000_000_000) as i64))
    }),
    ("string", |rows| {
        Arc::new(array::<_, StringArray>(rows, |n| format!("a comment of some words, number {n}")))
    }),
    ("string of few values", |rows| {
        Arc::new(array::<_, StringArray>(rows, |n| ["DELIVER IN PERSON", "NONE", "RETURN"][(n % 3) as usize]))
    }),
    ("binary", |rows| Arc::new(array::<_, BinaryArray>(rows, |n| n.to_be_bytes().repeat(4)))),
];

fn encode(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let mut group = criterion.benchmark_group("encode");
    group.throughput(Throughput::Elements(BATCH * BATCHES)).sample_size(10);
    for &(name, make) in FAMILIES {
        let batches: Vec<RecordBatch> = (0..BATCHES)
            .map(|batch| {
                let values = make(batch * BATCH..(batch + 1) * BATCH);
                RecordBatch::try_from_iter([("value", values)]).expect("one column")
            })
            .collect();
        let options = WriteOptions::default();
        group.bench_function(name, |bencher| {
            bencher.iter(|| bench::encode(&batches, options.clone(), runtime.handle()));
        });
    }
    group.finish();
}

criterion_group!(benches, encode);
criterion_main!(benches);
