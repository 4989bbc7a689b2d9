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

/// An ErrorResponse, kept whole (manual, "Error and Notice Message Fields").
#[derive(Clone, Debug, Default, thiserror::Error)]
#[error("{severity} {sqlstate}: {message}")]
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

impl ServerError {
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
