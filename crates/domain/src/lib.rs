//! The words of Mycorr: parsed newtypes, the column and type vocabulary, the error vocabulary, and the
//! port behind which tables are kept. Depends on no other crate of the house, dials nothing, stores nothing.

pub mod cell;
pub mod code;
pub mod column;
pub mod connection;
pub mod cron;
pub mod diff;
pub mod export;
pub mod id;
pub mod name;
pub mod output;
pub mod problem;
pub mod query;
pub mod right;
pub mod secret;
pub mod selection;
pub mod source;
pub mod source_name;
pub mod store;
mod transient;
pub mod type_tree;

pub use cell::{AnswerBudget, Cell, CellDigest, LargeCell};
pub use code::Code;
pub use column::{Column, ColumnType};
pub use connection::{ConnectionKind, ConnectionName, DatabaseName, Endpoint, Port, RoleName};
pub use cron::CronSchedule;
pub use diff::{Change, DiffColumn, DiffCounts, DiffFormat, DiffPage, DiffPlan, DiffRow};
pub use export::{Export, ExportFormat, StoredColumn, TextEncoder};
pub use id::{
    ConnectionId, DeliveryId, EventId, InviteId, JobId, MemberId, ModelId, NoticeId, SessionId, StatementId,
    TableId, TeamId, TokenId, UserId,
};
pub use name::{Email, PersonName, ResourceName, TableName};
pub use problem::{FieldProblem, Problem, Result};
pub use query::{Filter, Operator, RowQuery, Sort, parse_columns};
pub use right::WriteRight;
pub use secret::Secret;
pub use selection::{Mask, MaskHasher, MaskKey, REDACTED, Selection};
pub use source::{RecordedFilter, RecordedMask, SourceChange, SourceRecord, UniqueKey};
pub use store::{Committed, Held, Page, Section, Snapshot, StoreVersion, TableStore, TableWriter};
pub use type_tree::{Collating, Collation, RangeTree, Scalar, SortOrder, TypeTree};
