//! Versioned tables on Delta Lake, behind the port of `domain`. Knows nothing about PostgreSQL but how its
//! types sort and print; knows nothing about users.

mod admission;
#[doc(hidden)]
pub mod bench;
mod calendar;
mod conditions;
mod diff;
mod encode;
mod export;
mod filter;
mod folder;
mod index;
mod log;
mod numeric;
mod options;
mod order;
mod packed;
mod page;
mod place;
mod problem;
mod row_numbers;
mod scan;
mod sizes;
mod sort_key;
mod store;
mod version;
mod workers;
mod writer;

pub use encode::WriteOptions;
pub use options::QueryOptions;
pub use store::DeltaStore;
