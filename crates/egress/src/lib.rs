//! Opens sockets to places that people name, and to no place that isn't public unless the operator says so.
//!
//! A host is parsed once ([`Host`]), resolved once, every answer is checked ([`policy`], [`AllowList`]), and the
//! socket is opened to the very address that was checked ([`Dialer`]). Nothing else in Mycorr may connect
//! to where a person points. Knows nothing of PostgreSQL.

mod allow;
mod dial;
mod host;
pub mod policy;
pub mod tls;
mod wake;

pub use allow::{AllowError, AllowList};
pub use dial::{Attempt, DialError, Dialed, Dialer, Outcome, Permitted, Resolver, SystemResolver};
pub use host::{Host, HostError};
pub use wake::wake_at;
