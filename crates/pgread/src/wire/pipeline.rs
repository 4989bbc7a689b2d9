//! The one way a statement is sent: a pipeline of unnamed messages with one Sync, which the server runs as
//! one implicit transaction (manual, "Pipelining"). First the settings, then the statement.

use super::{failure::Failure, stream::Wire};
use crate::sql;
use bytes::{BufMut, BytesMut};
use fallible_iterator::FallibleIterator;
use mycorr_domain::source_name;
use postgres_protocol::{
    IsNull,
    message::{
        backend::{Message, RowDescriptionBody},
        frontend,
    },
};
use std::time::Duration;

/// How values are sent in a result (manual, "Formats and Format Codes").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i16)]
pub(crate) enum Format {
    Text = 0,
    Binary = 1,
}

/// The server's own ends of a statement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    pub(crate) statement: Duration,
    pub(crate) lock: Duration,
}

/// The parameters of [`sql::SETTINGS`].
pub(crate) type Settings = [String; 3];

impl Timeouts {
    pub(crate) fn settings(self, application_name: &str) -> Settings {
        let milliseconds = |limit: Duration| limit.as_millis().to_string();
        [milliseconds(self.statement), milliseconds(self.lock), application_name.to_owned()]
    }
}

/// A column of a result, from RowDescription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResultColumn {
    pub(crate) type_oid: u32,
    pub(crate) format: i16,
}

/// Sends the settings and `text`. `formats` has a format for each column of the result, or none for all text.
pub(crate) async fn send(
    wire: &mut Wire,
    settings: &Settings,
    text: &str,
    parameters: &[impl AsRef<[u8]>],
    formats: &[Format],
) -> Result<(), Failure> {
    let settings = settings.each_ref().map(String::as_str);
    put(wire, sql::SETTINGS.text, &settings, &[], false)?;
    put(wire, text, parameters, formats, true)?;
    frontend::sync(&mut wire.output);
    wire.flush().await
}

/// Parse, Bind and Execute of unnamed messages.
pub(crate) fn put(
    wire: &mut Wire,
    text: &str,
    parameters: &[impl AsRef<[u8]>],
    formats: &[Format],
    describe: bool,
) -> Result<(), Failure> {
    parse(text, &mut wire.output)?;
    bind("", parameters, formats, &mut wire.output)?;
    if describe {
        frontend::describe(b'P', "", &mut wire.output)?;
    }
    frontend::execute("", 0, &mut wire.output)?;
    Ok(())
}

/// Binds the unnamed statement to a portal.
pub(crate) fn bind(
    portal: &str,
    parameters: &[impl AsRef<[u8]>],
    formats: &[Format],
    output: &mut BytesMut,
) -> Result<(), Failure> {
    let bound = frontend::bind(
        portal,
        "",
        [],
        parameters,
        |value, buffer| {
            buffer.extend_from_slice(value.as_ref());
            Ok(IsNull::No)
        },
        formats.iter().map(|&format| format as i16),
        output,
    );
    bound.map_err(|_| Failure::Protocol("too many parameters".into()))
}

/// An unnamed Parse without types of parameters (manual, "Message Formats"). Names in `text` may be no UTF-8, and are
/// sent as their bytes.
pub(crate) fn parse(text: &str, output: &mut BytesMut) -> Result<(), Failure> {
    let text = source_name::to_bytes(text);
    let length = u32::try_from(text.len() + 8).ok().filter(|_| !text.contains(&0));
    let length = length.ok_or_else(|| Failure::Protocol("a statement that cannot be sent".into()))?;
    output.put_u8(b'P');
    output.put_u32(length);
    output.put_u8(0);
    output.put_slice(&text);
    output.put_slice(&[0, 0, 0]);
    Ok(())
}

/// Reads the answers up to the first row of the statement, and what its columns are.
pub(crate) async fn columns(wire: &mut Wire) -> Result<Vec<ResultColumn>, Failure> {
    let mut read_only = false;
    // Two statements parsed and bound, one of them executed with one row, the other described.
    for _ in 0..7 {
        match wire.message().await? {
            Message::ParseComplete | Message::BindComplete | Message::CommandComplete(_) => {}
            // The first value of the settings' row says whether the transaction is read-only by now.
            Message::DataRow(row) => {
                read_only = row.ranges().next()?.flatten().is_some_and(|at| &row.buffer()[at] == b"on");
            }
            Message::RowDescription(_) if !read_only => {
                return Err(Failure::Protocol("the server did not make the transaction read-only".into()));
            }
            Message::RowDescription(body) => return described(&body),
            _ => break,
        }
    }
    Err(Failure::Protocol("unexpected message before the rows".into()))
}

fn described(body: &RowDescriptionBody) -> Result<Vec<ResultColumn>, Failure> {
    let columns =
        body.fields().map(|field| Ok(ResultColumn { type_oid: field.type_oid(), format: field.format() }));
    Ok(columns.collect()?)
}

/// Reads up to the end of a statement that answers with one row. What was parsed, bound and described before it is passed
/// over; descriptions are handed to `description`.
pub(crate) async fn one_row(
    wire: &mut Wire,
    mut description: impl FnMut(Vec<ResultColumn>) -> Result<(), Failure>,
) -> Result<Row, Failure> {
    let mut only = None;
    loop {
        match wire.message().await? {
            Message::ParseComplete | Message::BindComplete | Message::CloseComplete => {}
            Message::RowDescription(body) => description(described(&body)?)?,
            Message::DataRow(row) if only.is_none() => {
                let values = row.ranges().map(|range| Ok(range.map(|range| row.buffer()[range].to_vec())));
                only = Some(values.collect()?);
            }
            Message::CommandComplete(_) => {
                return only.ok_or_else(|| Failure::Protocol("no row where there is always one".into()));
            }
            _ => return Err(Failure::Protocol("unexpected message in a pipeline".into())),
        }
    }
}

/// Reads the answers to so many Parse messages.
pub(crate) async fn parsed(wire: &mut Wire, count: usize) -> Result<(), Failure> {
    for _ in 0..count {
        let Message::ParseComplete = wire.message().await? else {
            return Err(Failure::Protocol("unexpected message in a pipeline".into()));
        };
    }
    Ok(())
}

/// Ends a pipeline of which nothing more is wanted, and reads until the server is ready again.
pub(crate) async fn abandon(wire: &mut Wire) -> Result<(), Failure> {
    frontend::sync(&mut wire.output);
    wire.flush().await?;
    for _ in 0..MAX_ROWS {
        if let Message::ReadyForQuery(_) = wire.any_message().await? {
            return Ok(());
        }
    }
    Err(Failure::Protocol("endless messages after a pipeline".into()))
}

/// A value of a small result: text, or null.
pub(crate) type Row = Vec<Option<Vec<u8>>>;

/// No answer about the catalogue has more rows: lists are asked for in parts of at most 1,000.
const MAX_ROWS: usize = 20_000;

/// Reads all rows of a small result. At most `most` bytes of them.
pub(crate) async fn rows(wire: &mut Wire, most: u64) -> Result<Vec<Row>, Failure> {
    let columns = columns(wire).await?.len();
    let end = wire.received() + most;
    let mut rows = Vec::new();
    let mut complete = false;
    loop {
        match wire.message().await? {
            Message::DataRow(row) if !complete => {
                let values: Row = row
                    .ranges()
                    .map(|range| Ok(range.map(|range| row.buffer()[range].to_vec())))
                    .collect()?;
                if values.len() != columns || wire.received() > end || rows.len() == MAX_ROWS {
                    return Err(Failure::Protocol("a row that does not fit its description".into()));
                }
                rows.push(values);
            }
            Message::CommandComplete(_) if !complete => complete = true,
            Message::ReadyForQuery(_) if complete => return Ok(rows),
            _ => return Err(Failure::Protocol("unexpected message among the rows".into())),
        }
    }
}

/// After an ErrorResponse: reads until the server is ready again. A connection that ends instead (FATAL)
/// cannot be used any more, which whoever uses it next will find.
pub(crate) async fn recover(wire: &mut Wire) -> Result<(), Failure> {
    match wire.message().await? {
        Message::ReadyForQuery(_) => Ok(()),
        _ => Err(Failure::Protocol("unexpected message after an error".into())),
    }
}
