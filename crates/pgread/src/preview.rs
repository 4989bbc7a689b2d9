//! The first rows of a table, within the budget of an answer: a cell over it is hashed while it arrives, and
//! never in memory as a whole.

use crate::{
    catalogue::TableDescription,
    client::Client,
    in_flight::WithStop,
    sql,
    wire::{Failure, Wire, pipeline},
};
use mycorr_domain::{AnswerBudget, Cell, CellDigest, Result};
use postgres_protocol::message::backend::Message;
use tokio::time::Instant;

/// A preview ends with the row that takes it over so many bytes, as sent: it is looked at while somebody waits.
const MAX_BYTES: u64 = 256 << 20;
/// PostgreSQL makes no row of a gigabyte (`MaxAllocSize`).
const MAX_ROW_BYTES: usize = 1 << 30;
/// So much of a large cell is waited for at a time.
const PIECE_BYTES: usize = 64 << 10;
/// Length of the null value.
const NULL: u32 = u32::MAX;

impl Client {
    /// The first `limit` rows of the readable columns, as PostgreSQL prints them: fewer if they come to more than
    /// an answer may hold.
    ///
    /// # Errors
    /// As every read; a row of any size is none.
    pub async fn preview(&mut self, table: &TableDescription, limit: u32) -> Result<Vec<Vec<Cell>>> {
        let (schema, name) = (&table.entry.schema, &table.entry.name);
        if let Some(problem) = &table.entry.problem {
            return Err(problem.clone());
        }
        let columns = table.columns.iter().filter(|column| column.readable);
        let text = sql::select(schema, name, columns.clone().map(|column| column.name.as_str()), Some(limit));
        let mut budget = AnswerBudget::new(limit as usize * columns.count());
        let started = Instant::now();
        let settings = self.begin(sql::PREVIEW, &text, &[]).await?;
        let mut rows = Vec::new();
        let answer = async {
            pipeline::send(&mut self.wire, &settings, &text, &[""; 0], &[]).await?;
            read(&mut self.wire, &mut budget, &mut rows).await
        };
        let answer = answer.await;
        let stop = match &answer {
            // The server would go on to send: the connection is of no more use.
            Ok(false) => self.ended(Err(None)).await,
            Ok(true) => self.end(Ok(rows.len() as u64)).await,
            Err(failure) => self.end(Err(failure)).await,
        };
        match answer {
            Ok(_) => Ok(rows),
            Err(failure) => {
                Err(self.preview_failed(&failure, schema, name, started.elapsed()).await.with_stop(stop))
            }
        }
    }
}

/// Reads rows to their end, or until there are enough; says whether it was the end.
async fn read(
    wire: &mut Wire,
    budget: &mut AnswerBudget,
    rows: &mut Vec<Vec<Cell>>,
) -> Result<bool, Failure> {
    let width = pipeline::columns(wire).await?.len();
    let most = wire.received() + MAX_BYTES;
    let mut complete = false;
    loop {
        match wire.peek(MAX_ROW_BYTES)? {
            None => wire.fill(5).await?,
            Some((b'D', _)) if budget.is_spent() || wire.received() > most => return Ok(false),
            Some((b'D', length)) if !complete => rows.push(row(wire, length, width, budget).await?),
            Some(_) => match wire.message().await? {
                Message::CommandComplete(_) if !complete => complete = true,
                Message::ReadyForQuery(_) if complete => return Ok(true),
                _ => return Err(Failure::Protocol("unexpected message among the rows".into())),
            },
        }
    }
}

/// Reads one DataRow of `length` bytes with its tag.
async fn row(
    wire: &mut Wire,
    length: usize,
    width: usize,
    budget: &mut AnswerBudget,
) -> Result<Vec<Cell>, Failure> {
    let bad = || Failure::Protocol("a row that does not fit its description".into());
    let mut left = length.checked_sub(7).ok_or_else(bad)?;
    wait(wire, 7).await?;
    if usize::from(u16::from_be_bytes([wire.input()[5], wire.input()[6]])) != width {
        return Err(bad());
    }
    wire.take(7);
    let mut cells = Vec::with_capacity(width);
    for _ in 0..width {
        left = left.checked_sub(4).ok_or_else(bad)?;
        wait(wire, 4).await?;
        let length = u32::from_be_bytes(wire.input()[..4].try_into().map_err(|_| bad())?);
        wire.take(4);
        if length == NULL {
            cells.push(budget.cell(None::<&[u8]>));
            continue;
        }
        let length = length as usize;
        left = left.checked_sub(length).ok_or_else(bad)?;
        cells.push(cell(wire, length, budget).await?);
    }
    if left == 0 { Ok(cells) } else { Err(bad()) }
}

async fn cell(wire: &mut Wire, length: usize, budget: &mut AnswerBudget) -> Result<Cell, Failure> {
    if budget.takes(length) {
        wait(wire, length).await?;
        let cell = budget.cell(Some(&wire.input()[..length]));
        wire.take(length);
        return Ok(cell);
    }
    let mut digest = CellDigest::default();
    let mut left = length;
    while left > 0 {
        wait(wire, left.min(PIECE_BYTES)).await?;
        let here = left.min(wire.input().len());
        digest.update(&wire.input()[..here]);
        wire.take(here);
        left -= here;
    }
    Ok(budget.large(digest))
}

/// Waits until so many bytes are there.
async fn wait(wire: &mut Wire, bytes: usize) -> Result<(), Failure> {
    while wire.input().len() < bytes {
        let missing = bytes - wire.input().len();
        wire.fill(missing).await?;
    }
    Ok(())
}
