//! Takes messages out of the house: webhooks to places that people name, through the same guard as connections, and mail
//! to the server that the operator names. Knows nothing of why.

mod mail;
mod tls;
mod webhook;

pub use mail::{Mail, MailServer, Mailer};
pub use webhook::{WebhookClient, WebhookMessage, WebhookUrl, new_signing_secret, sign};

use mycorr_domain::{Code, Problem};
use mycorr_egress::DialError;

/// Why a message did not arrive.
#[derive(Debug)]
pub struct Undelivered {
    pub problem: Problem,
    /// Whether it is of no use to try again.
    pub permanent: bool,
}

impl Undelivered {
    fn transient(problem: Problem) -> Self {
        Self { problem, permanent: false }
    }
}

fn not_connected(error: DialError) -> Undelivered {
    let problem = match &error {
        DialError::InvalidHost(_) => Problem::new(Code::Invalid, "The host's name is not valid."),
        DialError::PrivateAddress { .. } => Problem::new(
            Code::PrivateAddress,
            "connections to private/internal addresses are not allowed: the host's address is not public.",
        )
        .fix("Name a public host, or ask your operator to allow this one (MYCORR_ALLOW_HOSTS)."),
        DialError::NotFound { .. } => {
            Problem::new(Code::HostNotFound, "The host's name has no address (failed to lookup address).")
        }
        DialError::Refused { .. } => {
            Problem::new(Code::ConnectionRefused, "Nobody listens there (connection refused).")
        }
        DialError::TimedOut { .. } => {
            Problem::new(Code::ConnectionTimeout, "The host did not answer in time.")
        }
        DialError::Unreachable { .. } | DialError::Other { .. } => {
            Problem::new(Code::ConnectionLost, "There is no way to the host.")
        }
    };
    Undelivered::transient(problem.internal(error))
}

fn lost(error: impl std::fmt::Display) -> Undelivered {
    Undelivered::transient(
        Problem::new(Code::ConnectionLost, "The connection was lost before an answer came.").internal(error),
    )
}

fn too_slow() -> Undelivered {
    Undelivered::transient(Problem::new(Code::ConnectionTimeout, "The host did not answer in time."))
}
