//! PostgreSQL's frontend/backend protocol, version 3.0 (manual, part VII, "Frontend/Backend Protocol").

mod ahead;
pub(crate) mod failure;
pub(crate) mod login;
pub(crate) mod pipeline;
mod scram;
pub(crate) mod stream;

pub(crate) use ahead::ReadAhead;
pub(crate) use failure::{Failure, ServerError};
pub(crate) use stream::Wire;
