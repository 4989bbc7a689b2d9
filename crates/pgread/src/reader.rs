//! What a server's catalogue answered, value by value.

use crate::wire::pipeline::Row;
use mycorr_domain::{Code, Problem, Result, source_name};

/// The longest text that is no name: a type with its schema and modifier, or a list that a statement cuts off.
const MAX_TEXT_BYTES: usize = 64 << 10;

/// The values of a row, one after another. Names that are no UTF-8 are read as [`source_name`] writes them.
pub(crate) struct Reader<'a> {
    values: std::slice::Iter<'a, Option<Vec<u8>>>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(row: &'a Row) -> Self {
        Self { values: row.iter() }
    }

    pub(crate) fn skip(&mut self, values: usize) {
        self.values.by_ref().take(values).for_each(drop);
    }

    fn value(&mut self) -> Result<Option<&'a [u8]>> {
        Ok(self.values.next().ok_or_else(|| unreadable("a row has too few columns"))?.as_deref())
    }

    /// # Errors
    /// `protocol_violation` for one that is longer than PostgreSQL's are.
    pub(crate) fn optional_name(&mut self) -> Result<Option<String>> {
        match self.value()? {
            Some(name) if name.len() > source_name::MAX_NAME_BYTES => {
                Err(unreadable(&format!("a name has {} bytes, and PostgreSQL keeps 63", name.len())))
            }
            name => Ok(name.map(source_name::from_bytes)),
        }
    }

    pub(crate) fn name(&mut self) -> Result<String> {
        self.optional_name()?.ok_or_else(|| unreadable("a name is missing"))
    }

    pub(crate) fn optional(&mut self) -> Result<Option<String>> {
        match self.value()? {
            Some(text) if text.len() > MAX_TEXT_BYTES => {
                Err(unreadable(&format!("a text has {} bytes", text.len())))
            }
            text => Ok(text.map(source_name::from_bytes)),
        }
    }

    /// JSON, whose backslashes are its own; `None` also for what can't be read as it.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&mut self) -> Result<Option<T>> {
        Ok(self
            .value()?
            .filter(|text| text.len() <= MAX_TEXT_BYTES)
            .and_then(|text| serde_json::from_slice(text).ok()))
    }

    pub(crate) fn text(&mut self) -> Result<String> {
        self.optional()?.ok_or_else(|| unreadable("a value is missing"))
    }

    pub(crate) fn number(&mut self) -> Result<u64> {
        self.text()?.parse().map_err(|_| unreadable("what should be a number is none"))
    }

    /// A figure that may be anything, because nothing but an estimate hangs on it: not a number, below zero and
    /// without end are `None`.
    pub(crate) fn estimate(&mut self) -> Result<Option<f64>> {
        let figure: Option<f64> = self.optional()?.and_then(|text| text.parse().ok());
        Ok(figure.filter(|figure| figure.is_finite() && *figure >= 0.0))
    }

    /// `None` where the server would not say.
    pub(crate) fn optional_flag(&mut self) -> Result<Option<bool>> {
        Ok(self.optional()?.map(|flag| flag == "t"))
    }

    pub(crate) fn flag(&mut self) -> Result<bool> {
        Ok(self.optional_flag()? == Some(true))
    }
}

/// # Errors
/// `protocol_violation` for an answer of more rows than were asked for.
pub(crate) fn at_most(rows: &[Row], most: usize, what: &str) -> Result<()> {
    if rows.len() > most {
        return Err(unreadable(&format!("it has {} {what}, and {most} is the most", rows.len())));
    }
    Ok(())
}

pub(crate) fn unreadable(what: &str) -> Problem {
    Problem::new(
        Code::ProtocolViolation,
        format!("The server's catalogue answered in a way that PostgreSQL does not: {what}."),
    )
    .fix("Check that the server is PostgreSQL 10 or newer, or speaks its protocol in full.")
}
