//! What a client is told when a statement fails: SQLSTATE, what happened, what to do.

use crate::nodes::TOO_BUSY;
use datafusion::{
    arrow::error::ArrowError, common::SchemaError, error::DataFusionError,
    sql::sqlparser::parser::ParserError,
};
use mycorr_domain::{Code, Problem};
use pgwire::error::{ErrorInfo, PgWireError};
use std::error::Error;

/// Codes of the appendix "PostgreSQL Error Codes".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SqlState {
    AmbiguousColumn,
    AdminShutdown,
    ConfigurationLimitExceeded,
    DivisionByZero,
    FeatureNotSupported,
    InFailedTransaction,
    InsufficientPrivilege,
    InsufficientResources,
    InternalError,
    InvalidAuthorization,
    InvalidCatalogName,
    InvalidParameterValue,
    InvalidPassword,
    InvalidTextRepresentation,
    NumericValueOutOfRange,
    OutOfMemory,
    ProgramLimitExceeded,
    QueryCanceled,
    ReadOnlyTransaction,
    SyntaxError,
    SystemError,
    TooManyColumns,
    TooManyConnections,
    UndefinedColumn,
    UndefinedFunction,
    UndefinedObject,
    UndefinedTable,
}

impl SqlState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::AmbiguousColumn => "42702",
            Self::AdminShutdown => "57P01",
            Self::ConfigurationLimitExceeded => "53400",
            Self::DivisionByZero => "22012",
            Self::FeatureNotSupported => "0A000",
            Self::InFailedTransaction => "25P02",
            Self::InsufficientPrivilege => "42501",
            Self::InsufficientResources => "53000",
            Self::InternalError => "XX000",
            Self::InvalidAuthorization => "28000",
            Self::InvalidCatalogName => "3D000",
            Self::InvalidParameterValue => "22023",
            Self::InvalidPassword => "28P01",
            Self::InvalidTextRepresentation => "22P02",
            Self::NumericValueOutOfRange => "22003",
            Self::OutOfMemory => "53200",
            Self::ProgramLimitExceeded => "54000",
            Self::QueryCanceled => "57014",
            Self::ReadOnlyTransaction => "25006",
            Self::SyntaxError => "42601",
            Self::SystemError => "58000",
            Self::TooManyColumns => "54011",
            Self::TooManyConnections => "53300",
            Self::UndefinedColumn => "42703",
            Self::UndefinedFunction => "42883",
            Self::UndefinedObject => "42704",
            Self::UndefinedTable => "42P01",
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) state: SqlState,
    message: String,
    hint: Option<String>,
    fatal: bool,
}

impl Failure {
    pub(crate) fn new(state: SqlState, message: impl Into<String>) -> Self {
        Self { state, message: message.into(), hint: None, fatal: false }
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Ends the session.
    #[must_use]
    pub(crate) fn fatal(self) -> Self {
        Self { fatal: true, ..self }
    }

    pub(crate) fn read_only(command: &str) -> Self {
        let message = format!("cannot execute {command} in a read-only transaction");
        Self::new(SqlState::ReadOnlyTransaction, message)
            .hint("Versions of tables are read here. They are made by imports and syncs.")
    }

    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Self::new(SqlState::FeatureNotSupported, what)
    }

    pub(crate) fn canceled() -> Self {
        Self::new(SqlState::QueryCanceled, "canceling statement due to user request")
    }

    pub(crate) fn bug(cause: impl std::fmt::Display) -> Self {
        tracing::error!(cause = %cause, "a statement failed for a reason of our own");
        Self::new(SqlState::InternalError, "Something went wrong inside Mycorr. The log knows the cause.")
    }

    pub(crate) fn problem(problem: Problem) -> Self {
        let state = match problem.code {
            Code::TooBusy => SqlState::InsufficientResources,
            Code::QuotaExceeded => SqlState::OutOfMemory,
            Code::NotFound | Code::Conflict => SqlState::InvalidCatalogName,
            Code::Forbidden => SqlState::InsufficientPrivilege,
            Code::Invalid => SqlState::InvalidParameterValue,
            Code::Internal => return Self::bug(problem.internal.unwrap_or(problem.detail)),
            _ => SqlState::SystemError,
        };
        if let Some(cause) = &problem.internal {
            tracing::warn!(code = problem.code.as_str(), cause, "a statement failed");
        }
        let failure = Self::new(state, format!("{}: {}", problem.code.as_str(), problem.detail));
        match problem.fix {
            Some(fix) => failure.hint(fix),
            None => failure,
        }
    }

    pub(crate) fn syntax(error: &ParserError) -> Self {
        Self::new(SqlState::SyntaxError, format!("syntax error: {}", words(&error.to_string())))
    }

    pub(crate) fn arrow(error: ArrowError) -> Self {
        match error {
            ArrowError::DivideByZero => Self::new(SqlState::DivisionByZero, "division by zero"),
            ArrowError::ArithmeticOverflow(text) => Self::new(SqlState::NumericValueOutOfRange, text),
            ArrowError::CastError(text) | ArrowError::ParseError(text) => {
                Self::new(SqlState::InvalidTextRepresentation, text)
            }
            ArrowError::InvalidArgumentError(text) | ArrowError::ComputeError(text) => {
                Self::new(SqlState::InvalidParameterValue, text)
            }
            error => Self::bug(error),
        }
    }

    /// Of a plan or an execution. Texts of the planner speak of the client's own statement; what the store says
    /// is never among them.
    pub(crate) fn query(error: DataFusionError) -> Self {
        if let Some(found) = in_chain::<Self>(&error) {
            return found.clone();
        }
        if let Some(found) = in_chain::<Problem>(&error) {
            return Self::problem(found.clone());
        }
        let root = error.find_root();
        let text = || words(&root.strip_backtrace());
        // Said as an error of this kind or that, and by name alone that it is about files.
        if root.to_string().contains("max_temp_directory_size") {
            return exhausted(root);
        }
        match root {
            DataFusionError::SQL(error, _) => Self::syntax(error),
            DataFusionError::SchemaError(error, _) => match error.as_ref() {
                SchemaError::FieldNotFound { field, .. } => {
                    Self::new(SqlState::UndefinedColumn, format!("column {field} does not exist"))
                        .hint("Names with capital letters are written in double quotes.")
                }
                SchemaError::AmbiguousReference { field } => {
                    Self::new(SqlState::AmbiguousColumn, format!("column reference {field} is ambiguous"))
                }
                _ => Self::new(SqlState::SyntaxError, text()),
            },
            DataFusionError::ArrowError(_, _) => match error.find_root() {
                DataFusionError::ArrowError(error, _) => arrow_ref(error),
                _ => Self::new(SqlState::InvalidParameterValue, text()),
            },
            DataFusionError::NotImplemented(_) => Self::unsupported(text()),
            DataFusionError::ResourcesExhausted(text) => match text.strip_prefix(TOO_BUSY) {
                Some(detail) => Self::problem(Problem::new(Code::TooBusy, detail)),
                None => exhausted(root),
            },
            DataFusionError::Plan(message) => {
                if let Some(table) =
                    message.strip_prefix("table '").and_then(|rest| rest.split_once("' not found"))
                {
                    let name = table.0.rsplit('.').next().unwrap_or_default();
                    return Self::new(SqlState::UndefinedTable, format!("relation {name:?} does not exist"));
                }
                if message.starts_with("Invalid function") || message.contains("No function matches") {
                    return Self::new(SqlState::UndefinedFunction, text());
                }
                Self::new(SqlState::SyntaxError, text())
            }
            DataFusionError::Execution(message) if message.contains("ivide by zero") => {
                Self::new(SqlState::DivisionByZero, "division by zero")
            }
            DataFusionError::Execution(_) | DataFusionError::Configuration(_) => {
                Self::new(SqlState::InvalidParameterValue, text())
            }
            error => Self::bug(error),
        }
    }

    pub(crate) fn is_fatal(&self) -> bool {
        self.fatal
    }

    pub(crate) fn info(self) -> ErrorInfo {
        let severity = if self.fatal { "FATAL" } else { "ERROR" };
        let mut info = ErrorInfo::new(severity.to_owned(), self.state.as_str().to_owned(), self.message);
        info.severity_nonlocalized = Some(severity.to_owned());
        info.hint = self.hint;
        info
    }
}

fn exhausted(cause: &DataFusionError) -> Failure {
    tracing::debug!(cause = %cause.strip_backtrace(), "a statement needs more than it may take");
    Failure::new(SqlState::OutOfMemory, "too_busy: The statement needs more memory and temporary files than a query may take.")
        .hint("Read fewer rows or columns, or ask your operator to raise MYCORR_QUERY_MEMORY and MYCORR_QUERY_DISK.")
}

fn arrow_ref(error: &ArrowError) -> Failure {
    match error {
        ArrowError::DivideByZero => Failure::new(SqlState::DivisionByZero, "division by zero"),
        ArrowError::CastError(text) | ArrowError::ParseError(text) => {
            Failure::new(SqlState::InvalidTextRepresentation, text.clone())
        }
        ArrowError::ArithmeticOverflow(text) => Failure::new(SqlState::NumericValueOutOfRange, text.clone()),
        error => Failure::new(SqlState::InvalidParameterValue, words(&error.to_string())),
    }
}

/// The first line, without the library's name of the kind.
fn words(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let kinds = [
        "Error during planning: ",
        "sql parser error: ",
        "SQL error: ",
        "Execution error: ",
        "This feature is not implemented: ",
    ];
    kinds.iter().fold(line, |line, kind| line.strip_prefix(kind).unwrap_or(line)).to_owned()
}

fn in_chain<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        if let Some(DataFusionError::External(inner)) = error.downcast_ref::<DataFusionError>()
            && let Some(found) = inner.downcast_ref::<T>()
        {
            return Some(found);
        }
        next = error.source();
    }
    None
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.state.as_str(), self.message)
    }
}

impl Error for Failure {}

impl From<DataFusionError> for Failure {
    fn from(error: DataFusionError) -> Self {
        Self::query(error)
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::problem(problem)
    }
}

impl From<Failure> for DataFusionError {
    fn from(failure: Failure) -> Self {
        Self::External(Box::new(failure))
    }
}

impl From<Failure> for PgWireError {
    fn from(failure: Failure) -> Self {
        Self::UserError(Box::new(failure.info()))
    }
}
