//! One table read through several connections that prove to share one snapshot, with nothing but SELECT.
//!
//! PostgreSQL lets a transaction take over another's snapshot only by `SET TRANSACTION SNAPSHOT`. But a portal keeps the
//! snapshot that its Bind took, and [`sql::SNAPSHOT`] says which it is. Each connection opens a portal `s1` of that, the
//! portals `d…` of its part of the table, and `s2`, all in one pipeline that is flushed and not synced. A transaction that
//! ends in between changes the text (`xmin:xmax:xip_list`), so when all texts of all connections are equal, all `d…` see
//! the same rows, and are executed. Otherwise the portals are closed and opened again. The locks that Parse took keep the
//! table from being truncated or rewritten meanwhile.

mod portals;

use crate::{
    checksums::ChecksumScan,
    client::settings_entry,
    division::Division,
    in_flight::Role,
    journal::Outgoing,
    scan::{LOCK, Scan},
    sql::{self, Template},
    wire::{
        Failure,
        pipeline::{self, Settings},
    },
};
use futures::future::join_all;
use mycorr_domain::{Problem, Result, StatementId};
use portals::{execute, open, prepare};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// How long connections try to agree.
const AGREE_TIMEOUT: Duration = Duration::from_millis(200);
/// After so many tries the connections wait for one moment of the server's clock.
const TRIES_BEFORE_ALIGN: usize = 3;
/// How far ahead that moment is, beyond the time that messages take.
const ALIGN_AHEAD: Duration = Duration::from_millis(3);
/// How long a connection that is given up may take to become ready.
const ABANDON_TIMEOUT: Duration = Duration::from_secs(1);

/// Whether the snapshots are compared. Tests show what goes wrong when they are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    Compare,
    Skip,
}

/// Scans of one table, in the order of its rows.
pub struct Agreed {
    /// More than one, or one beside a check: each has begun, and brings its part. One alone: it brings the whole table, and
    /// has not begun.
    pub scans: Vec<Scan>,
    /// What counts and hashes the same rows, where it joined.
    pub check: Option<ChecksumScan>,
    /// Why there are fewer than there were, for people to read.
    pub note: Option<String>,
}

/// Divides a table among scans of the whole of it that have not begun, each through a connection of its own to the same
/// source and with the same journal. Where they can't prove to see one snapshot, the first remains, and reads all. A
/// `check`, through one more connection, joins them or is given up.
///
/// # Errors
/// What the journal says that does not take a statement. What else goes wrong leaves the first scan, which tells it.
pub async fn agree(scans: Vec<Scan>, check: Option<ChecksumScan>, division: &Division) -> Result<Agreed> {
    agree_by(scans, check, division, Proof::Compare).await
}

pub(crate) async fn agree_by(
    mut scans: Vec<Scan>,
    check: Option<ChecksumScan>,
    division: &Division,
    proof: Proof,
) -> Result<Agreed> {
    let mut note = None;
    let mut readers = scans.len();
    // The check is the last of the group.
    let (scan, kept) = check.map(|ChecksumScan { scan, hash, columns }| (scan, (hash, columns))).unzip();
    scans.extend(scan);
    while scans.len() > 1 {
        let journal = scans[0].client.journal().clone();
        if !scans.iter().all(|scan| Arc::ptr_eq(scan.client.journal(), &journal)) {
            return Err(Problem::bug("several connections of one read with several journals"));
        }
        let mut parts = division.statements(readers, &scans[0].wanted);
        parts.extend(scans[readers..].iter().map(|check| vec![check.text.clone()]));
        let mut group =
            Group { parts, members: division.members.as_ref(), tries: 0, clock: None, took: Duration::ZERO };
        match group.agree(&mut scans, proof).await {
            Ok(()) => {
                let check = scans.split_off(readers).pop().zip(kept);
                let check = check.map(|(scan, (hash, columns))| ChecksumScan { scan, hash, columns });
                return Ok(Agreed { scans, check, note });
            }
            Err(Refusal::NotEntered(problem)) => {
                join_all(scans.into_iter().map(give_up)).await;
                return Err(*problem);
            }
            Err(Refusal::Alone(reason)) => {
                let others = scans.split_off(1);
                let (first, _) =
                    tokio::join!(abandon(&mut scans[0], 2 * LOCK), join_all(others.into_iter().map(give_up)));
                // If that failed, the read will, and say why.
                let _ = first;
                note = Some(format!("One connection was used: {reason}"));
            }
            Err(Refusal::Fewer(answered)) => {
                readers = answered[..readers].iter().filter(|answered| **answered).count();
                let (kept, silent): (Vec<_>, Vec<_>) =
                    scans.into_iter().zip(answered).partition(|(_, answered)| *answered);
                // They wait in a pooler's line: what they sent is stopped when they are dropped.
                drop(silent);
                scans = kept.into_iter().map(|(scan, _)| scan).collect();
                join_all(scans.iter_mut().map(|scan| abandon(scan, ABANDON_TIMEOUT))).await;
                note = Some(format!(
                    "{} connections were used: no more were served at the same time, by the server or a pooler before it.",
                    scans.len()
                ));
            }
        }
    }
    Ok(Agreed { scans, check: None, note })
}

/// Ends the pipeline of a scan that has not begun to read, so that it can begin another.
async fn abandon(scan: &mut Scan, limit: Duration) -> bool {
    scan.client.wire.limits.idle = limit;
    scan.client.wire.limits.deadline = Some(Instant::now() + limit);
    match pipeline::abandon(&mut scan.client.wire).await {
        Ok(()) => scan.client.gone(),
        Err(_) => return false,
    }
    scan.client.ended(Err(None)).await;
    true
}

async fn give_up(mut scan: Scan) {
    // One that does not become ready is stopped at the server when it is dropped.
    if abandon(&mut scan, ABANDON_TIMEOUT).await {
        scan.close().await;
    }
}

enum Refusal {
    /// The journal did not take it.
    NotEntered(Box<Problem>),
    /// Only some connections have answered, the first among them.
    Fewer(Vec<bool>),
    /// The table has to be read through one connection, because of this.
    Alone(String),
}

/// What the server said of itself, without its clock.
type Identity = Vec<Option<Vec<u8>>>;

struct Group<'a> {
    /// The statements of each scan.
    parts: Vec<Vec<String>>,
    members: Option<&'a (String, String)>,
    tries: usize,
    /// The server's clock in seconds since 1970, and when it came.
    clock: Option<(f64, Instant)>,
    /// How long the last try took, as far as it did not wait.
    took: Duration,
}

impl Group<'_> {
    async fn agree(&mut self, scans: &mut [Scan], proof: Proof) -> Result<(), Refusal> {
        self.prepare(scans).await?;
        let until = Instant::now() + AGREE_TIMEOUT;
        while !self.try_once(scans, proof).await? {
            if Instant::now() >= until {
                return Err(Refusal::Alone(format!(
                    "in {} ms and {} tries, {} connections did not come to one snapshot, because other \
                     transactions ended in between.",
                    AGREE_TIMEOUT.as_millis(),
                    self.tries,
                    scans.len()
                )));
            }
        }
        // A connection that is lost here shows when it is read from.
        join_all(scans.iter_mut().zip(&self.parts).map(|(scan, part)| execute(scan, part.len()))).await;
        Ok(())
    }

    /// The settings, who the server is, and Parse of each part, which locks what it reads.
    async fn prepare(&mut self, scans: &mut [Scan]) -> Result<(), Refusal> {
        let all: Vec<Settings> = scans.iter().map(|scan| scan.client.settings(scan.timeouts())).collect();
        let mut outgoing = Vec::new();
        for ((settings, part), scan) in all.iter().zip(&self.parts).zip(scans.iter()) {
            outgoing.push((settings_entry(settings), Role::Aside));
            outgoing.push((entry(sql::IDENTITY, &[]), Role::Aside));
            outgoing.extend(part.iter().map(|text| {
                (
                    Outgoing {
                        template: scan.template,
                        statement: text.clone(),
                        parameters: scan.parameters().to_vec(),
                    },
                    Role::Main,
                )
            }));
        }
        let lengths: Vec<usize> = self.parts.iter().map(|part| 2 + part.len()).collect();
        enter(scans, outgoing, &lengths).await?;
        let prepared = scans.iter_mut().zip(&all).zip(&self.parts);
        let prepared = join_all(prepared.map(|((scan, settings), part)| prepare(scan, settings, part))).await;
        let answered: Vec<bool> =
            prepared.iter().map(|prepared| !matches!(prepared, Err(Failure::TimedOut))).collect();
        let answers = answered.iter().filter(|answered| **answered).count();
        if answers == 0 {
            return Err(Refusal::Alone(
                "the server, or a pooler before it, does not answer before the end of a pipeline \
                 (Pgpool-II keeps answers back; a lock on the table delays them), so one snapshot could not be proven."
                    .into(),
            ));
        }
        if answers < scans.len() {
            let few =
                "no second connection was served at the same time, by the server or a pooler before it.";
            return Err(match answered[0] && answers > 1 {
                true => Refusal::Fewer(answered),
                false => Refusal::Alone(few.into()),
            });
        }
        let mut identities: Vec<Identity> = Vec::new();
        for prepared in prepared {
            let (mut row, read) = prepared.map_err(|failure| alone(&failure))?;
            let clock = row.pop().flatten().and_then(|text| std::str::from_utf8(&text).ok()?.parse().ok());
            self.clock = self.clock.or(clock.map(|clock| (clock, read)));
            identities.push(row);
        }
        let first = &identities[0];
        if first.len() != 5 || first[0].is_none() || first[4].as_deref() != Some(b"f") {
            return Err(Refusal::Alone("the server does not prove that it is no standby.".into()));
        }
        if identities.iter().any(|identity| identity != first) {
            return Err(Refusal::Alone("the connections do not lead to the same server.".into()));
        }
        Ok(())
    }

    /// Opens the portals everywhere, and compares the snapshots.
    async fn try_once(&mut self, scans: &mut [Scan], proof: Proof) -> Result<bool, Refusal> {
        let moment = self.moment();
        let mut outgoing = Vec::new();
        let mut lengths = Vec::new();
        for at in 0..scans.len() {
            let before = outgoing.len();
            outgoing.extend(moment.as_deref().map(|moment| (entry(sql::ALIGN, &[moment]), Role::Aside)));
            outgoing
                .extend([(entry(sql::SNAPSHOT, &[]), Role::Aside), (entry(sql::SNAPSHOT, &[]), Role::Aside)]);
            if let Some((oid, _)) = self.members.filter(|_| at == 0) {
                outgoing.push((entry(sql::MEMBERS, &[oid]), Role::Aside));
            }
            lengths.push(outgoing.len() - before);
        }
        enter(scans, outgoing, &lengths).await?;
        let again = self.tries > 0;
        self.tries += 1;
        let moment = moment.as_deref();
        let members = self.members;
        let opened = scans.iter_mut().zip(&self.parts).enumerate().map(|(at, (scan, part))| {
            let oid = members.filter(|_| at == 0).map(|(oid, _)| oid.as_str());
            open(scan, part, again, moment, oid)
        });
        let mut texts = Vec::new();
        let started = Instant::now();
        let opened = join_all(opened).await;
        if moment.is_none() {
            self.took = started.elapsed();
        }
        for opened in opened {
            let (snapshots, found) = opened.map_err(|failure| alone(&failure))?;
            texts.extend(snapshots);
            if let (Some(found), Some((_, known))) = (found, members)
                && found != known.as_bytes()
            {
                return Err(Refusal::Alone("partitions were attached or detached meanwhile.".into()));
            }
        }
        Ok(proof == Proof::Skip || texts.iter().all(|text| *text == texts[0]))
    }

    /// For which moment the next try waits, if it does.
    fn moment(&self) -> Option<String> {
        let (clock, read) = self.clock.filter(|_| self.tries >= TRIES_BEFORE_ALIGN)?;
        Some(format!("{:.6}", clock + (read.elapsed() + self.took + ALIGN_AHEAD).as_secs_f64()))
    }
}

fn alone(failure: &Failure) -> Refusal {
    Refusal::Alone(match failure {
        Failure::Server(error) => {
            format!("the server refused a part of the table (SQLSTATE {}).", error.sqlstate)
        }
        Failure::TimedOut => "a connection did not answer in time.".into(),
        Failure::Lost(_) => "a connection was lost.".into(),
        _ => "a connection did not answer as PostgreSQL does.".into(),
    })
}

fn entry(template: Template, parameters: &[&str]) -> Outgoing {
    Outgoing {
        template: template.name,
        statement: template.text.to_owned(),
        parameters: parameters.iter().map(|&parameter| parameter.to_owned()).collect(),
    }
}

/// Enters the statements of all scans at once: `lengths` says how many are each's.
async fn enter(
    scans: &mut [Scan],
    outgoing: Vec<(Outgoing, Role)>,
    lengths: &[usize],
) -> Result<(), Refusal> {
    let (outgoing, roles): (Vec<_>, Vec<_>) = outgoing.into_iter().unzip();
    let journal = scans[0].client.journal().clone();
    let ids = journal.sent(outgoing).await.map_err(|problem| Refusal::NotEntered(Box::new(problem)))?;
    let mut entries = ids.into_iter().zip(roles);
    for (scan, &length) in scans.iter_mut().zip(lengths) {
        let own: Vec<(StatementId, Role)> = entries.by_ref().take(length).collect();
        scan.client.sending(own);
    }
    Ok(())
}
