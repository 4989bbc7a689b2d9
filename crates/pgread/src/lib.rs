//! Reads PostgreSQL: our own connection on top of `postgres-protocol`'s messages, because what Mycorr
//! promises (nothing but SELECT, verify-full as libpq's, one deadline, every wait with an end) cannot be kept
//! through a general driver. Messages in, Arrow batches out; knows nothing of where they go.

#![warn(clippy::missing_errors_doc)]

mod agreed;
#[doc(hidden)]
pub mod bench_api;
mod catalogue;
mod checksums;
mod client;
mod decode;
mod division;
mod explain;
mod handout;
mod identity;
mod in_flight;
mod journal;
mod lookup;
pub mod paste;
mod preview;
mod probe;
mod reader;
mod role_privileges;
mod scan;
mod selection;
mod similar;
pub mod sql;
mod statement;
mod statistics;
pub mod tls;
mod type_tree;
mod types;
mod wire;
mod writes;

pub use agreed::{Agreed, agree};
pub use catalogue::{SchemaEntry, SourceColumn, TableDescription, TableEntry, TableKind};
pub use checksums::ChecksumScan;
pub use client::{Backend, Client, ServerInfo, Target};
pub use division::{Division, MAX_CONNECTIONS};
pub use handout::{handout, scram_verifier};
pub use in_flight::{Canceller, Stop, WithStop};
pub use journal::{Ending, Journal, MemoryJournal, Outgoing, RUNNING};
pub use lookup::DeniedLookup;
pub use mycorr_egress::{Attempt, Outcome as DialOutcome};
pub use probe::{Outcome, Report, ServerFacts, Step, StepName, Tls, test};
pub use role_privileges::{Excess, RolePrivileges, SchemaRights};
pub use scan::{Scan, ScanLimits};
pub use similar::nearest;
pub use statement::Statement;
pub use statistics::{ColumnStatistics, StatisticsState, TableStatistics};
