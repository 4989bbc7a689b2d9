//! What can go wrong on the wire, as it was seen: not yet in words for people (that is `explain`).

use crate::tls::CertificateFault;
use mycorr_domain::Problem;
use postgres_protocol::message::backend::ErrorResponseBody;
use std::{fmt, io};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Dial(#[from] mycorr_egress::DialError),
    /// The server has no TLS.
    #[error("the server answered 'N' to SSLRequest")]
    NoTls,
    #[error("certificate: {0:?}")]
    Certificate(Box<CertificateFault>),
    /// TLS failed for another reason than the certificate.
    #[error("TLS: {0}")]
    Tls(String),
    /// What answered does not speak PostgreSQL's protocol.
    #[error("not PostgreSQL: {0}")]
    NotPostgresql(&'static str),
    /// It speaks it, and says of itself that it is too old or something else.
    #[error("not supported: version {version}")]
    NotSupported { version: String, product: Option<&'static str> },
    /// It speaks it, but broke its rules.
    #[error("protocol: {0}")]
    Protocol(String),
    /// An authentication method that we do not do, or not in clear.
    #[error("authentication method: {0}")]
    Authentication(AuthenticationRefusal),
    /// An ErrorResponse.
    #[error(transparent)]
    Server(Box<ServerError>),
    /// The connection ended or broke.
    #[error("connection lost: {0}")]
    Lost(io::Error),
    #[error("no answer in time")]
    TimedOut,
    /// Nothing came for longer than the operator allows.
    #[error("nothing came for {0:?}")]
    Idle(std::time::Duration),
    /// The journal did not take the statement, so that it was not sent.
    #[error("not sent: {}", .0.detail)]
    NotEntered(Box<Problem>),
    /// A row over the limit.
    #[error("row of {bytes} bytes")]
    RowTooLarge { row: u64, column: Option<usize>, bytes: u64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthenticationRefusal {
    /// The server wants a method by this name.
    Unsupported(&'static str),
    /// The server wants the password in clear over an unencrypted connection.
    ClearPassword,
    /// The server could not prove that it knows the password's verifier (SCRAM, RFC 5802 section 3).
    ServerUnproven,
}

impl fmt::Display for AuthenticationRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported(name) => f.write_str(name),
            Self::ClearPassword => f.write_str("cleartext password without TLS"),
            Self::ServerUnproven => f.write_str("wrong server signature"),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => Self::TimedOut,
            // What postgres-protocol says of a message that it cannot parse.
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => Self::Protocol(error.to_string()),
            _ => Self::Lost(error),
        }
    }
}

/// An ErrorResponse, kept whole (manual, "Error and Notice Message Fields"). Printed, it is what the log may hold:
/// the message only where it can't quote a value of a row.
#[derive(Clone, Default, thiserror::Error)]
pub(crate) struct ServerError {
    /// Never translated: FATAL means that the connection is over.
    pub(crate) severity: String,
    pub(crate) sqlstate: String,
    pub(crate) message: String,
    pub(crate) detail: Option<String>,
    pub(crate) hint: Option<String>,
    pub(crate) context: Option<String>,
    /// The statement of a function that failed, not ours.
    pub(crate) internal_query: Option<String>,
    pub(crate) schema: Option<String>,
    pub(crate) table: Option<String>,
    pub(crate) column: Option<String>,
    pub(crate) data_type: Option<String>,
    pub(crate) constraint: Option<String>,
    /// The function in the server's source that reported it; tells poolers from PostgreSQL.
    pub(crate) routine: Option<String>,
    /// Whether a password had been sent when it came.
    pub(crate) password_sent: bool,
}

/// Of a message, in the log.
const MAX_LOGGED_CHARS: usize = 300;

impl ServerError {
    /// Whether the message speaks of the connection, the server or the names of objects. That of any other error can
    /// quote a value, for instance `invalid input syntax for type integer: "…"`, and a function can raise any text.
    fn message_is_without_values(&self) -> bool {
        let raised = self.context.is_some()
            || self.internal_query.is_some()
            || self.routine.as_deref() == Some("exec_stmt_raise");
        let class = self.sqlstate.get(..2).unwrap_or_default();
        !raised
            && (matches!(class, "08" | "28" | "3D" | "3F" | "40" | "53" | "55" | "57" | "58")
                || matches!(self.sqlstate.as_str(), "42501" | "42P01" | "42703"))
    }

    pub(crate) fn parse(body: &ErrorResponseBody) -> Result<Self, Failure> {
        use fallible_iterator::FallibleIterator;
        let mut error = Self::default();
        let mut fields = body.fields();
        while let Some(field) = fields.next()? {
            // Before the encoding is settled a server may speak in its own.
            let value = String::from_utf8_lossy(field.value_bytes()).into_owned();
            match field.type_() {
                b'S' if error.severity.is_empty() => error.severity = value,
                b'V' => error.severity = value,
                b'C' => error.sqlstate = value,
                b'M' => error.message = value,
                b'D' => error.detail = Some(value),
                b'H' => error.hint = Some(value),
                b'W' => error.context = Some(value),
                b'q' => error.internal_query = Some(value),
                b's' => error.schema = Some(value),
                b't' => error.table = Some(value),
                b'c' => error.column = Some(value),
                b'd' => error.data_type = Some(value),
                b'n' => error.constraint = Some(value),
                b'R' => error.routine = Some(value),
                _ => {}
            }
        }
        Ok(error)
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { severity, sqlstate, message, routine, .. } = self;
        let short = |text: &str| text.chars().take(MAX_LOGGED_CHARS).collect::<String>();
        write!(f, "{} {}", short(severity), short(sqlstate))?;
        if self.message_is_without_values() {
            write!(f, ": {}", short(message))?;
        }
        match routine {
            Some(routine) => write!(f, " (in {})", short(routine)),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(sqlstate: &str, message: &str) -> ServerError {
        let [severity, sqlstate, message] = ["ERROR", sqlstate, message].map(str::to_owned);
        ServerError { severity, sqlstate, message, ..ServerError::default() }
    }

    #[test]
    fn log_holds_no_value_of_a_row() {
        for sqlstate in ["22P02", "22012", "23505", "P0001", "HV000", "38000", "XX000", "42883"] {
            let error = error(sqlstate, "invalid input: \"4111 1111 1111 1111\"");
            assert_eq!(error.to_string(), format!("ERROR {sqlstate}"));
            assert_eq!(format!("{error:?}"), error.to_string());
        }
        let denied = error("42501", "permission denied for table orders");
        assert_eq!(denied.to_string(), "ERROR 42501: permission denied for table orders");
        // A function can raise what it likes under any code.
        let raised = ServerError { context: Some("PL/pgSQL function f()".into()), ..denied };
        assert_eq!(raised.to_string(), "ERROR 42501");
        let long = error("57P03", &"x".repeat(3_000_000));
        assert!(long.to_string().len() < 400);
    }
}
