//! Versioned tables on Delta Lake, behind the port of `domain`. Knows nothing about PostgreSQL but how its
//! types sort and print; knows nothing about users.

#![warn(clippy::missing_errors_doc)]

mod admission;
mod backup;
#[doc(hidden)]
pub mod bench;
mod boundaries;
mod checksums;
mod companions;
mod conditions;
mod copy;
mod datetime_key;
mod diff;
mod earlier_files;
mod encode;
mod export;
mod file_digest;
mod filter;
mod folder;
mod hash;
mod head;
mod index;
mod log;
mod numeric;
mod options;
mod order;
mod packed;
mod page;
mod problem;
mod profile;
mod queries;
mod query;
mod read_cache;
mod row_file;
mod row_hashes;
mod row_numbers;
mod s3;
mod scan;
mod sink;
mod sizes;
mod sort_key;
mod sort_pool;
mod staged;
mod store;
mod stored_files;
mod table_location;
mod version;
mod views;
mod workers;
mod writer;

pub use backup::StoredFile;
pub use copy::Copied;
pub use encode::WriteOptions;
pub use options::QueryOptions;
pub use query::{AdmittedQuery, RowsPart, StoredRows};
pub use store::DeltaStore;
