//! The words of Mycorr: parsed newtypes, the column and type vocabulary, the error vocabulary, and the
//! port behind which tables are kept. Depends on no other crate of the house, dials nothing, stores nothing.

pub mod cell;
pub mod checksum;
pub mod code;
pub mod column;
pub mod connection;
pub mod cron;
pub mod diff;
pub mod export;
pub mod filter_group;
pub mod id;
pub mod name;
pub mod output;
pub mod problem;
pub mod profile;
pub mod query;
pub mod receipt;
pub mod right;
pub mod saved_view;
pub mod secret;
pub mod selection;
pub mod source;
pub mod source_name;
pub mod store;
pub mod sync_policy;
mod transient;
pub mod type_tree;

pub use cell::{AnswerBudget, Cell, CellDigest, LargeCell};
pub use checksum::{Checksums, ColumnChecksum, SourceChecksums, TextHash};
pub use code::Code;
pub use column::{Column, ColumnType};
pub use connection::{ConnectionKind, ConnectionName, DatabaseName, Endpoint, Port, RoleName};
pub use cron::CronSchedule;
pub use diff::{Change, DiffColumn, DiffCounts, DiffFormat, DiffPage, DiffPlan, DiffRow};
pub use export::{Export, ExportFormat, StoredColumn, TextEncoder};
pub use filter_group::FilterGroup;
pub use id::{
    ConnectionId, DeliveryId, EventId, IdentityId, InviteId, JobId, MemberId, ModelId, NoticeId, SessionId,
    StatementId, TableId, TeamId, TokenId, UserId, ViewId,
};
pub use name::{Email, PersonName, ResourceName, TableName};
pub use problem::{FieldProblem, Problem, Result};
pub use profile::{ColumnProfile, Profile};
pub use query::{Filter, Operator, RowQuery, Sort, parse_columns};
pub use receipt::{BothSides, ColumnReceipt, Receipt};
pub use right::WriteRight;
pub use saved_view::{Look, SavedView};
pub use secret::Secret;
pub use selection::{Mask, MaskHasher, MaskKey, REDACTED, Selection};
pub use source::{ForeignKey, RecordedFilter, RecordedMask, SourceChange, SourceRecord, UniqueKey};
pub use store::{
    Committed, Held, Page, Removed, Section, Snapshot, StoreVersion, StoredChecksums, TableStore, TableWriter,
};
pub use sync_policy::{Compared, Hold, HoldCode, HoldReason, Keep, SyncPolicy};
pub use type_tree::{Collating, Collation, RangeTree, Scalar, SortOrder, TypeTree};
