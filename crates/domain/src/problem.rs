//! What a person is told when something fails: what happened, why, and what to do.

use crate::code::Code;
use std::{borrow::Cow, fmt, time::Duration};

pub type Result<T, E = Problem> = std::result::Result<T, E>;

/// A failure as a person reads it. `detail` and `fix` are written by us; what a driver, the system or a
/// library said goes into `internal`, which is logged and never shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub code: Code,
    /// What happened, in a sentence.
    pub detail: String,
    /// What to do; with the exact SQL where SQL is the cure.
    pub fix: Option<String>,
    /// Which fields of a form are meant.
    pub fields: Vec<FieldProblem>,
    /// For the log only.
    pub internal: Option<String>,
    /// When it can be tried again.
    pub retry_after: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldProblem {
    pub field: Cow<'static, str>,
    pub message: String,
}

impl Problem {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), fix: None, fields: Vec::new(), internal: None, retry_after: None }
    }

    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    #[must_use]
    pub fn field(mut self, field: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        self.fields.push(FieldProblem { field: field.into(), message: message.into() });
        self
    }

    #[must_use]
    pub fn internal(mut self, cause: impl fmt::Display) -> Self {
        self.internal = Some(cause.to_string());
        self
    }

    /// Too much was tried: when it can be again is said in words, and by HTTP's `Retry-After`.
    pub fn too_many_requests(detail: impl Into<String>, wait: Duration) -> Self {
        let seconds = wait.as_secs().max(1);
        let time = match seconds {
            1 => "a second".to_owned(),
            2..=90 => format!("{seconds} seconds"),
            _ => format!("{} minutes", seconds.div_ceil(60)),
        };
        let problem = Self::new(Code::TooManyRequests, detail).fix(format!("Try again in {time}."));
        Self { retry_after: Some(Duration::from_secs(seconds)), ..problem }
    }

    /// One field of a request is wrong.
    pub fn invalid(field: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::new(Code::Invalid, message.clone()).field(field, message)
    }

    /// What was asked for does not exist, or the caller may not know that it does.
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("There is no such {what}, or it is not shared with you."))
    }

    /// Our own fault: the person learns the request id, the log learns the cause.
    pub fn bug(cause: impl fmt::Display) -> Self {
        Self::new(Code::Internal, "Something went wrong inside Mycorr. Nothing was changed.")
            .fix("Try again. If it happens again, tell your operator the request id.")
            .internal(cause)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail)
    }
}

impl std::error::Error for Problem {}
