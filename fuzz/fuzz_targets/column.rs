//! Cells of every type of the map, sent by a server that knows no types: what is taken is shown as it was sent.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mycorr_fuzz as _;
use mycorr_pgread::bench_api::EncodedRows;

/// `pg_type.oid` and `atttypmod`.
const TYPES: &[(u32, i32)] = &[
    (16, -1),
    (17, -1),
    (20, -1),
    (21, -1),
    (23, -1),
    (26, -1),
    (25, -1),
    (700, -1),
    (701, -1),
    (1042, -1),
    (1082, -1),
    (1083, -1),
    (1114, -1),
    (1184, -1),
    (1186, -1),
    (1266, -1),
    (1700, -1),
    (1700, ((12 << 16) | 2) + 4),
    (1700, ((38 << 16) | 38) + 4),
    (1700, (38 << 16) + 4),
    (2950, -1),
    (3802, -1),
];

/// A byte for the type, then for each cell a byte for its length (255: null) and its bytes.
fn read(data: &[u8]) -> Option<(u32, i32, Vec<Option<Vec<u8>>>)> {
    let (&which, mut rest) = data.split_first()?;
    let (oid, modifier) = TYPES[usize::from(which) % TYPES.len()];
    let mut cells = Vec::new();
    while let Some((&length, bytes)) = rest.split_first() {
        let length = if length == 255 { None } else { Some(usize::from(length).min(bytes.len())) };
        cells.push(length.map(|length| bytes[..length].to_vec()));
        rest = &bytes[length.unwrap_or(0)..];
    }
    Some((oid, modifier, cells))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fuzz_target!(|data: &[u8]| {
    let Some((oid, modifier, cells)) = read(data) else { return };
    let mut rows = EncodedRows::new(oid, modifier, cells.clone());
    let Ok(shown) = rows.shown() else {
        assert!(!rows.is_text(), "whatever a server prints can be kept");
        return;
    };
    assert_eq!(shown.len(), cells.len());
    for (shown, sent) in shown.into_iter().zip(cells) {
        let (Some(shown), Some(sent)) = (&shown, &sent) else {
            assert_eq!(shown, sent);
            continue;
        };
        let text = || std::str::from_utf8(shown).unwrap();
        match oid {
            _ if rows.is_text() => assert_eq!(shown, sent),
            17 => assert_eq!(text(), format!("\\x{}", hex(sent))),
            2950 => assert_eq!(text().replace('-', ""), hex(sent)),
            700 => {
                let bits = u32::from_be_bytes(sent[..].try_into().unwrap());
                let back: f32 = text().parse().unwrap();
                assert!(back.to_bits() == bits || back.is_nan() && f32::from_bits(bits).is_nan());
            }
            701 => {
                let bits = u64::from_be_bytes(sent[..].try_into().unwrap());
                let back: f64 = text().parse().unwrap();
                assert!(back.to_bits() == bits || back.is_nan() && f64::from_bits(bits).is_nan());
            }
            _ => assert!(!shown.is_empty()),
        }
    }
});
