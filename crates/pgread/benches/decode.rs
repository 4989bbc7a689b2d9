//! What decoding costs, for each family of types: 64 k cells from messages to an Arrow array.
//! `cargo bench -p mycorr-pgread`.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mycorr_pgread::bench_api::EncodedRows;

const ROWS: usize = 64 << 10;

/// Numbers all over the place, the same on every run.
fn scattered(row: usize) -> u64 {
    (row as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 8
}

/// A family's name, its type (`pg_type.dat`) and modifier, and a cell in the format that the type map asks for.
type Family = (&'static str, u32, i32, fn(usize) -> Vec<u8>);

const FAMILIES: &[Family] = &[
    ("boolean", 16, -1, |row| if scattered(row) & 1 == 0 { b"t" } else { b"f" }.to_vec()),
    ("integer", 23, -1, |row| ((scattered(row) % 6_000_000) as i32).to_string().into_bytes()),
    ("bigint", 20, -1, |row| ((scattered(row) << 7) as i64).to_string().into_bytes()),
    ("numeric(15,2)", 1700, ((15 << 16) | 2) + 4, |row| {
        let cents = scattered(row) % 10_000_000;
        format!("{}.{:02}", cents / 100, cents % 100).into_bytes()
    }),
    ("numeric", 1700, -1, |row| format!("{}.{}", scattered(row), row % 1000).into_bytes()),
    ("double precision", 701, -1, |row| (scattered(row) as f64 / 7.0).to_be_bytes().to_vec()),
    ("timestamptz", 1184, -1, |row| ((scattered(row) % 1_000_000_000_000_000) as i64).to_be_bytes().to_vec()),
    ("date", 1082, -1, |row| ((scattered(row) % 2500) as i32 - 3000).to_be_bytes().to_vec()),
    ("text", 25, -1, |row| format!("a comment of some words, number {}", scattered(row)).into_bytes()),
    ("text, not ASCII", 25, -1, |row| format!("São Paulo, Nürnberg, {}", scattered(row)).into_bytes()),
    ("character", 1042, -1, |_| b"TAKE BACK RETURN         ".to_vec()),
    ("uuid", 2950, -1, |row| (u128::from(scattered(row)) << 64).to_be_bytes().to_vec()),
    ("bytea", 17, -1, |row| scattered(row).to_be_bytes().repeat(4)),
    ("jsonb", 3802, -1, |row| format!(r#"{{"user": {}, "plan": "team"}}"#, scattered(row)).into_bytes()),
    ("integer[]", 1007, -1, |row| format!("{{{},{},{}}}", row % 100, row % 1000, row % 10_000).into_bytes()),
];

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(ROWS as u64)).sample_size(30);
    for &(name, oid, modifier, cell) in FAMILIES {
        let mut stretch = EncodedRows::new(oid, modifier, (0..ROWS).map(|row| Some(cell(row))));
        group.bench_function(name, |bencher| bencher.iter(|| stretch.decode().expect("cells of the type")));
    }
    let some = |row| (row % 3 != 0).then(|| (scattered(row) % 1_000_000).to_string().into_bytes());
    let mut stretch = EncodedRows::new(23, -1, (0..ROWS).map(some));
    group.bench_function("integer, a third null", |bencher| {
        bencher.iter(|| stretch.decode().expect("cells of the type"))
    });
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
