//! What is sent and received on each connection that agrees: Parse of its part, portals and their snapshots, Execute.

use crate::{
    scan::Scan,
    sql,
    wire::{
        Failure,
        pipeline::{self, Row, Settings},
    },
};
use postgres_protocol::message::frontend;
use std::time::Duration;
use tokio::time::Instant;

/// How long the first pipelines may take: a pooler may have no connection to the server left.
const PREPARE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long after the answer to a statement that was executed the answer to Parse may come. It waits for locks; and
/// Pgpool-II keeps it until the end of the pipeline.
const PARSE_TIMEOUT: Duration = Duration::from_secs(1);
/// A try whose answer is not there by then has failed.
const TRY_TIMEOUT: Duration = Duration::from_secs(2);

/// Sends the settings, the question who the server is, and Parse of each statement. Returns the answer to the question,
/// and when it came.
pub(super) async fn prepare(
    scan: &mut Scan,
    settings: &Settings,
    part: &[String],
) -> Result<(Row, Instant), Failure> {
    let wire = &mut scan.client.wire;
    wire.limits.idle = PREPARE_TIMEOUT;
    wire.limits.deadline = Some(Instant::now() + PREPARE_TIMEOUT);
    let parameters = settings.each_ref().map(String::as_str);
    pipeline::put(wire, sql::SETTINGS.text, &parameters, &[], false)?;
    pipeline::put(wire, sql::IDENTITY.text, &[""; 0], &[], false)?;
    for text in part {
        pipeline::parse(text, &mut wire.output)?;
    }
    frontend::flush(&mut wire.output);
    wire.flush().await?;
    let read_only = pipeline::one_row(wire, |_| Ok(())).await?;
    if read_only.first().and_then(Option::as_deref) != Some(b"on") {
        return Err(Failure::Protocol("the server did not make the transaction read-only".into()));
    }
    let identity = pipeline::one_row(wire, |_| Ok(())).await?;
    let came = Instant::now();
    wire.limits.deadline = Some(came + PARSE_TIMEOUT);
    pipeline::parsed(wire, part.len()).await?;
    Ok((identity, came))
}

/// Opens the portals, after those of the last try were closed, and returns the texts of the two snapshots, and the table's
/// members if they were asked for.
pub(super) async fn open(
    scan: &mut Scan,
    part: &[String],
    again: bool,
    moment: Option<&str>,
    oid: Option<&str>,
) -> Result<([Vec<u8>; 2], Option<Vec<u8>>), Failure> {
    let (formats, parameters) = (scan.formats(), scan.parameters().to_vec());
    let none: [&str; 0] = [];
    let wire = &mut scan.client.wire;
    wire.limits.idle = TRY_TIMEOUT;
    wire.limits.deadline = Some(Instant::now() + TRY_TIMEOUT);
    let out = &mut wire.output;
    if again {
        for portal in ["s1", "s2", "m"].into_iter().filter(|portal| *portal != "m" || oid.is_some()) {
            frontend::close(b'P', portal, out)?;
        }
        for at in 0..part.len() {
            frontend::close(b'P', &portal(at), out)?;
        }
    }
    if let Some(moment) = moment {
        pipeline::put(wire, sql::ALIGN.text, &[moment], &[], false)?;
    }
    let out = &mut wire.output;
    pipeline::parse(sql::SNAPSHOT.text, out)?;
    pipeline::bind("s1", &none, &[], out)?;
    for (at, text) in part.iter().enumerate() {
        pipeline::parse(text, out)?;
        pipeline::bind(&portal(at), &parameters, &formats, out)?;
        frontend::describe(b'P', &portal(at), out)?;
    }
    if let Some(oid) = oid {
        pipeline::parse(sql::MEMBERS.text, out)?;
        pipeline::bind("m", &[oid], &[], out)?;
    }
    pipeline::parse(sql::SNAPSHOT.text, out)?;
    pipeline::bind("s2", &none, &[], out)?;
    frontend::execute("s1", 0, out)?;
    frontend::execute("s2", 0, out)?;
    if oid.is_some() {
        frontend::execute("m", 0, out)?;
    }
    frontend::flush(out);
    wire.flush().await?;
    if moment.is_some() {
        pipeline::one_row(&mut scan.client.wire, |_| Ok(())).await?;
    }
    let mut described = Vec::new();
    let first = pipeline::one_row(&mut scan.client.wire, |columns| {
        described.push(columns);
        Ok(())
    });
    let first = value(first.await?)?;
    let second = value(pipeline::one_row(&mut scan.client.wire, |_| Ok(())).await?)?;
    let members = match oid {
        Some(_) => Some(value(pipeline::one_row(&mut scan.client.wire, |_| Ok(())).await?)?),
        None => None,
    };
    if described.len() != part.len() || !described.iter().all(|columns| scan.is_expected(columns)) {
        return Err(Failure::Protocol("another result than described".into()));
    }
    Ok(([first, second], members))
}

fn portal(at: usize) -> String {
    format!("d{at}")
}

fn value(row: Row) -> Result<Vec<u8>, Failure> {
    let value = row.into_iter().next().flatten().filter(|value| !value.is_empty());
    value.ok_or_else(|| Failure::Protocol("no snapshot where there is always one".into()))
}

/// Executes the portals of a scan's part: from here on it has begun, and its rows come.
pub(super) async fn execute(scan: &mut Scan, portals: usize) {
    for at in 0..portals {
        frontend::execute(&portal(at), 0, &mut scan.client.wire.output).expect("a name without a zero byte");
    }
    frontend::sync(&mut scan.client.wire.output);
    scan.await_rows();
    scan.begun = true;
    scan.began = Instant::now();
    scan.selects = portals;
    let _ = scan.client.wire.flush().await;
    scan.client.wire.expect_many();
}
