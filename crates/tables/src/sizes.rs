//! How much memory values take when they are decoded, as the files say it.

use mycorr_domain::Column;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;

/// Bytes that a decoded row of these columns takes on average in that page of the row groups where it is most.
/// What is decoded at a time is limited by it: a column may hold large values, and a dictionary's page many equal
/// ones.
pub(crate) fn row_bytes(
    metadata: &ArrowReaderMetadata,
    columns: &[Column],
    groups: impl IntoIterator<Item = usize>,
) -> usize {
    let names = columns.iter().flat_map(|column| [column.field.clone(), column.exact_name()]);
    // None of our types is nested: a column has one leaf, at its own place.
    let places: Vec<usize> = names.filter_map(|name| metadata.schema().index_of(&name).ok()).collect();
    let of_group =
        |group: usize| places.iter().map(|&place| column_bytes(metadata, group, place)).sum::<usize>();
    groups.into_iter().map(of_group).max().unwrap_or_default()
}

fn column_bytes(metadata: &ArrowReaderMetadata, group: usize, place: usize) -> usize {
    if let Some(width) = metadata.schema().field(place).data_type().primitive_width() {
        return width;
    }
    let file = metadata.metadata();
    let rows = file.row_group(group).num_rows().max(1) as usize;
    let offset = size_of::<i32>();
    let index = file.offset_index().and_then(|index| index.get(group)?.get(place));
    let Some((pages, sizes)) =
        index.and_then(|index| Some((index.page_locations(), index.unencoded_byte_array_data_bytes()?)))
    else {
        return offset + file.row_group(group).column(place).uncompressed_size().max(0) as usize / rows;
    };
    let firsts = pages.iter().map(|page| page.first_row_index as usize);
    let ends = firsts.clone().skip(1).chain([rows]);
    let pages = firsts.zip(ends).zip(sizes);
    let most = pages.map(|((first, end), &bytes)| bytes.max(0) as usize / end.saturating_sub(first).max(1));
    offset + most.max().unwrap_or_default()
}
