//! A whole version as one Parquet file that is never encoded: the column chunks of its files stand in it as they are, one
//! after the other, and only the footer is new. So its length is known, and it can be read from any byte on.

use super::rows::Shape;
use crate::{
    problem::storage,
    version::{DataFile, Version},
};
use arrow_array::{RecordBatch, new_null_array};
use arrow_schema::{DataType, Field, Schema};
use async_trait::async_trait;
use bytes::Bytes;
use mycorr_domain::{Export, Result};
use parquet::{
    arrow::{ArrowSchemaConverter, ArrowWriter, add_encoded_arrow_schema_to_metadata},
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::{
        metadata::{
            ColumnChunkMetaData, FileMetaData, ParquetMetaData, ParquetMetaDataReader, ParquetMetaDataWriter,
            RowGroupMetaData,
        },
        properties::WriterProperties,
    },
    schema::types::ColumnDescPtr,
};
use std::{
    collections::{HashMap, VecDeque},
    ops::Range,
    sync::Arc,
};

const MAGIC: &[u8] = b"PAR1";
/// What is read of a file at a time.
const PIECE_BYTES: u64 = 1 << 20;

pub(crate) struct Splice {
    version: Arc<Version>,
    parts: VecDeque<Part>,
    length: u64,
}

/// Bytes of a version's file, by its place, or bytes that are only here.
#[derive(Clone)]
enum Part {
    OfFile(usize, Range<u64>),
    Here(Bytes),
}

impl Part {
    fn length(&self) -> u64 {
        match self {
            Self::OfFile(_, range) => range.end - range.start,
            Self::Here(bytes) => bytes.len() as u64,
        }
    }

    fn cut(self, range: Range<u64>) -> Self {
        match self {
            Self::OfFile(file, of) => Self::OfFile(file, of.start + range.start..of.start + range.end),
            Self::Here(bytes) => Self::Here(bytes.slice(range.start as usize..range.end as usize)),
        }
    }
}

/// A file in the making.
struct Layout {
    parts: VecDeque<Part>,
    at: u64,
}

impl Layout {
    fn push(&mut self, part: Part) {
        self.at += part.length();
        // Chunks that lie together are read together.
        if let (Some(Part::OfFile(file, range)), Part::OfFile(next, of)) = (self.parts.back_mut(), &part)
            && file == next
            && range.end == of.start
        {
            range.end = of.end;
        } else {
            self.parts.push_back(part);
        }
    }

    /// The chunk with the part of a file that holds it, as a chunk of the column `descr` at this place.
    fn chunk(
        &mut self,
        chunk: &ColumnChunkMetaData,
        descr: &ColumnDescPtr,
        part: impl FnOnce(Range<u64>) -> Part,
    ) -> Result<ColumnChunkMetaData, ParquetError> {
        let (start, length) = chunk.byte_range();
        let moved = |offset: i64| offset - start as i64 + self.at as i64;
        let builder = ColumnChunkMetaData::builder(descr.clone())
            .set_encodings_mask(*chunk.encodings_mask())
            .set_num_values(chunk.num_values())
            .set_compression(chunk.compression())
            .set_total_compressed_size(chunk.compressed_size())
            .set_total_uncompressed_size(chunk.uncompressed_size())
            .set_data_page_offset(moved(chunk.data_page_offset()))
            .set_dictionary_page_offset(chunk.dictionary_page_offset().map(moved));
        let made = builder.build()?;
        self.push(part(start..start + length));
        Ok(made)
    }
}

impl Splice {
    pub(crate) async fn new(version: Arc<Version>, shape: &Shape) -> Result<Self> {
        let named = shape.named_schema();
        let mut properties = WriterProperties::builder().build();
        add_encoded_arrow_schema_to_metadata(&named, &mut properties);
        let schema = Arc::new(ArrowSchemaConverter::new().convert(&named).map_err(storage)?);
        let mut layout = Layout { parts: VecDeque::new(), at: 0 };
        layout.push(Part::Here(Bytes::from_static(MAGIC)));
        let mut groups = Vec::new();
        let mut missing = HashMap::new();
        for (at, file) in version.files.iter().enumerate() {
            let metadata = file.metadata().await?;
            for group in metadata.metadata().row_groups() {
                let mut chunks = Vec::with_capacity(named.fields().len());
                for (field, descr) in shape.fields().fields().iter().zip(schema.columns()) {
                    let made = match metadata.schema().index_of(field.name()) {
                        Ok(place) => {
                            layout.chunk(group.column(place), descr, |range| Part::OfFile(at, range))
                        }
                        Err(_) => {
                            let rows = group.num_rows() as usize;
                            let key = (field.data_type().clone(), rows);
                            let (chunk, bytes) = match missing.get(&key) {
                                Some(known) => known,
                                None => missing.entry(key).or_insert(nulls(field.data_type(), rows)?),
                            };
                            let bytes: &Bytes = bytes;
                            layout.chunk(chunk, descr, |range| {
                                Part::Here(bytes.slice(range.start as usize..range.end as usize))
                            })
                        }
                    };
                    chunks.push(made.map_err(storage)?);
                }
                let bytes = chunks.iter().map(ColumnChunkMetaData::uncompressed_size).sum();
                let group = RowGroupMetaData::builder(schema.clone())
                    .set_num_rows(group.num_rows())
                    .set_total_byte_size(bytes)
                    .set_column_metadata(chunks)
                    .build();
                groups.push(group.map_err(storage)?);
            }
        }
        let file = FileMetaData::new(
            1,
            version.rows as i64,
            Some(concat!("mycorr ", env!("CARGO_PKG_VERSION")).to_owned()),
            properties.key_value_metadata().cloned(),
            schema,
            None,
        );
        let mut footer = Vec::new();
        ParquetMetaDataWriter::new(&mut footer, &ParquetMetaData::new(file, groups))
            .finish()
            .map_err(storage)?;
        layout.push(Part::Here(footer.into()));
        Ok(Self { version, parts: layout.parts, length: layout.at })
    }
}

/// A column chunk of nothing but nulls, and the bytes of a file that holds it.
fn nulls(data_type: &DataType, rows: usize) -> Result<(ColumnChunkMetaData, Bytes)> {
    let schema = Arc::new(Schema::new(vec![Field::new("nulls", data_type.clone(), true)]));
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).expect("zstd has a level 1")))
        .set_max_row_group_row_count(None)
        .build();
    let write = || {
        let mut writer = ArrowWriter::try_new(Vec::new(), schema.clone(), Some(properties))?;
        writer.write(&RecordBatch::try_new(schema.clone(), vec![new_null_array(data_type, rows)])?)?;
        let bytes = Bytes::from(writer.into_inner()?);
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&bytes)?;
        Ok::<_, ParquetError>((metadata.row_group(0).column(0).clone(), bytes))
    };
    write().map_err(storage)
}

#[async_trait]
impl Export for Splice {
    fn length(&self) -> Option<u64> {
        Some(self.length)
    }

    fn cut(&mut self, range: Range<u64>) {
        let mut at = 0;
        let mut left = VecDeque::new();
        for part in self.parts.drain(..) {
            let of = at..at + part.length();
            at = of.end;
            let (start, end) = (range.start.max(of.start), range.end.min(of.end));
            if start < end {
                left.push_back(part.cut(start - of.start..end - of.start));
            }
        }
        self.parts = left;
    }

    async fn next(&mut self) -> Result<Option<Bytes>> {
        let Some(part) = self.parts.pop_front() else { return Ok(None) };
        match part {
            Part::Here(bytes) => Ok(Some(bytes)),
            Part::OfFile(file, range) => {
                let end = range.end.min(range.start + PIECE_BYTES);
                if end < range.end {
                    self.parts.push_front(Part::OfFile(file, end..range.end));
                }
                let file: &DataFile = &self.version.files[file];
                file.bytes(range.start..end).await.map(Some)
            }
        }
    }
}
