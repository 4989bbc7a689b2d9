//! A door for `benches/encode.rs`: batches to Parquet in memory, by the encoder that every version is made by.

use crate::{
    encode::{self, Encoder, Target, WriteOptions},
    writer::WriterId,
};
use arrow_array::RecordBatch;
use mycorr_domain::{JobId, Section};
use object_store::{memory::InMemory, path::Path};
use std::{num::NonZeroUsize, sync::Arc};
use tokio::runtime::Handle;

/// How many bytes the file takes that `batches` become, encoded by one thread.
///
/// # Panics
/// When encoding fails.
pub fn encode(batches: &[RecordBatch], options: WriteOptions, runtime: &Handle) -> u64 {
    let target = Target {
        store: Arc::new(InMemory::new()),
        folder: Path::default(),
        writer: WriterId { fence: 0, job: JobId::new() },
        runtime: runtime.clone(),
        written: Arc::default(),
        begun: Arc::default(),
        earlier: Arc::default(),
    };
    let thread = encode::threads(NonZeroUsize::MIN).expect("a thread starts");
    let native = batches.first().map_or(0, RecordBatch::num_columns);
    let mut encoder = Encoder::new(target, Section::WHOLE, native, options, thread);
    for batch in batches {
        let hashes: Vec<u64> = (1..=batch.num_rows() as u64).collect();
        encoder.write(batch.clone(), &hashes).expect("memory takes everything");
    }
    encoder.finish().expect("memory takes everything").0.iter().map(|file| file.bytes).sum()
}
