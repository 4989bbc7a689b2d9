//! A source for whoever has none at hand: the operator names it, and a connection to it is made by one click.

use crate::{extract, routes::connections::CreateConnection};
use mycorr_domain::{Problem, Secret};
use std::fmt;

/// The body of a request that makes a connection, as the operator wrote it.
pub struct SampleSource {
    body: Secret,
    name: String,
}

impl SampleSource {
    /// `text` is the JSON that `POST /connections` takes.
    ///
    /// # Errors
    /// `invalid`, with the fields that are missing or wrong.
    pub fn parse(text: String) -> Result<Self, Problem> {
        let form: CreateConnection = extract::parse(text.as_bytes())?;
        Ok(Self { name: form.name().to_owned(), body: Secret::new(text) })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn form(&self) -> Result<CreateConnection, Problem> {
        extract::parse(self.body.expose().as_bytes())
    }
}

impl fmt::Debug for SampleSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SampleSource").field("name", &self.name).finish_non_exhaustive()
    }
}
