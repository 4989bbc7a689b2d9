//! What a table reads, looked up after a read of it has failed, so that advice names the object, its owner and the
//! right that is missing.

use super::{ErrorContext, explain_read, named_in};
use crate::{
    client::{CATALOGUE, Client},
    sql,
    wire::{
        Failure, ServerError,
        pipeline::{self, Row},
    },
};
use mycorr_domain::{Code, Problem};
use std::time::Duration;

/// All that a table reads, and what bears a name that the server's error holds.
pub(crate) struct Beneath(Vec<Object>);

/// Names are as SQL writes them, quoted where they must be.
#[derive(Clone, Debug, Default)]
pub(super) struct Object {
    /// How far beneath; `None` for what only bears the name.
    pub(super) depth: Option<u32>,
    /// `pg_class.relkind`, or `F` for a function, `T` for a type, `N` for a schema.
    pub(super) kind: char,
    pub(super) schema: String,
    /// Unquoted, without the schema.
    pub(super) name: String,
    /// With the schema; of a function with its arguments.
    pub(super) sql: String,
    /// The role whose right counts.
    pub(super) who: String,
    /// Whether it may read or run it.
    pub(super) allowed: bool,
    /// The columns that it may not read, where it may read others.
    pub(super) columns: Option<String>,
    /// Of a materialized view: whether it holds rows.
    pub(super) filled: bool,
    pub(super) unlogged: bool,
    /// Of a function: its settings, one a line.
    pub(super) settings: String,
    /// Of a function: its owner, if it runs with that one's rights.
    pub(super) definer: Option<String>,
    pub(super) foreign: Option<Foreign>,
}

/// Where a foreign table's rows come from.
#[derive(Clone, Debug, Default)]
pub(super) struct Foreign {
    pub(super) server: String,
    pub(super) wrapper: String,
    /// `host=…`, `port=…` and `dbname=…`, one a line.
    server_options: String,
    /// `schema_name=…`, `table_name=…` or `filename=…`, one a line.
    table_options: String,
    /// The columns' names over there, one a line.
    columns: String,
    /// Whether the role has a user mapping for the server.
    pub(super) mapped: bool,
}

impl Object {
    /// Where a function's name and arguments end in a line: with its schema, or without where its own search path
    /// shows it.
    pub(super) fn signature_in<'l>(&self, line: &'l str) -> Option<&'l str> {
        let bare = self.sql.strip_prefix(&self.schema).and_then(|rest| rest.strip_prefix('.'));
        let whole = line.split_once(self.sql.as_str()).map(|(_, after)| after);
        whole.or_else(|| line.split_once(&format!(" {}", bare?)).map(|(_, after)| after))
    }
}

impl Foreign {
    pub(super) fn option(&self, name: &str) -> Option<&str> {
        let all = self.server_options.lines().chain(self.table_options.lines());
        all.filter_map(|line| line.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.lines()
    }
}

impl Beneath {
    fn read(rows: &[Row]) -> Self {
        Self(rows.iter().map(object).collect())
    }

    /// What the table reads, itself first.
    pub(super) fn read_objects(&self) -> impl Iterator<Item = &Object> {
        self.0.iter().filter(|object| object.depth.is_some())
    }

    /// All, also what only bears a name.
    pub(super) fn all(&self) -> impl Iterator<Item = &Object> {
        self.0.iter()
    }

    pub(super) fn table(&self) -> Option<&Object> {
        self.0.iter().find(|object| object.depth == Some(0))
    }

    /// The function that failed: the one that the innermost line of the error's context names that names one.
    pub(super) fn function(&self, error: &ServerError) -> Option<&Object> {
        error.context.as_deref()?.lines().find_map(|line| self.function_in(line))
    }

    fn function_in(&self, line: &str) -> Option<&Object> {
        let functions = || self.0.iter().filter(|object| object.kind == 'F');
        let longest = functions()
            .filter(|function| function.signature_in(line).is_some())
            .max_by_key(|function| function.sql.len());
        longest.or_else(|| {
            // SQL functions are named without schema or arguments: only one of this name is surely it.
            let name = line.split('"').nth(1)?;
            let mut same = functions().filter(|function| function.name == name);
            let first = same.next()?;
            same.all(|other| other.sql == first.sql).then_some(first)
        })
    }
}

fn object(row: &Row) -> Object {
    let text = |at: usize| {
        row.get(at).and_then(Option::as_deref).map(|value| String::from_utf8_lossy(value).into_owned())
    };
    let own = |at: usize| text(at).unwrap_or_default();
    let flag = |at: usize| text(at).as_deref() == Some("t");
    Object {
        depth: text(0).and_then(|depth| depth.parse().ok()),
        kind: own(1).chars().next().unwrap_or('?'),
        schema: own(2),
        name: own(3),
        sql: own(4),
        who: own(5),
        allowed: flag(6),
        columns: text(7).filter(|columns| !columns.is_empty()),
        filled: flag(8),
        unlogged: flag(9),
        settings: own(10),
        definer: text(11),
        foreign: text(12).map(|server| Foreign {
            server,
            wrapper: own(13),
            server_options: own(14),
            table_options: own(15),
            columns: own(16),
            mapped: flag(17),
        }),
    }
}

impl Client {
    /// Explains why a preview failed after `took`.
    pub(crate) async fn preview_failed(
        &mut self,
        failure: &Failure,
        schema: &str,
        table: &str,
        took: Duration,
    ) -> Problem {
        self.cause(failure, schema, table, took, true).await
    }

    /// Explains why the read of a table failed after `took`.
    pub(crate) async fn read_failed(
        &mut self,
        failure: &Failure,
        schema: &str,
        table: &str,
        took: Duration,
    ) -> Problem {
        if matches!(failure, Failure::Server(error) if error.severity == "ERROR") {
            // As in `attempt`.
            self.wire.limits.idle = CATALOGUE.statement;
            let _ = pipeline::recover(&mut self.wire).await;
        }
        self.cause(failure, schema, table, took, false).await
    }

    /// What the advice needs is looked up first, as long as the connection lives; where that fails too, less is known,
    /// and less is said.
    async fn cause(
        &mut self,
        failure: &Failure,
        schema: &str,
        table: &str,
        took: Duration,
        preview: bool,
    ) -> Problem {
        let endpoint = self.target.endpoint.clone();
        let asked = ErrorContext::table(&endpoint, schema, table);
        let error = match failure {
            Failure::Server(error) if error.severity == "ERROR" => error,
            _ => return explain_read(failure, &asked, None),
        };
        match error.sqlstate.as_str() {
            // A function may raise this code too.
            "57014" if error.routine.as_deref() == Some("ProcessInterrupts") => {
                self.stopped(failure, &asked, took, preview).await
            }
            // The server's own state: nothing beneath the table has to do with it.
            "55P03" | "40001" | "40P01" | "53100" | "53200" | "53300" => explain_read(failure, &asked, None),
            _ => {
                let names = named_in(error);
                let rows = self.attempt(sql::BENEATH.name, sql::BENEATH.text, &[schema, table, &names]).await;
                let beneath = rows.ok().map(|rows| Beneath::read(&rows));
                explain_read(failure, &asked, beneath.as_ref())
            }
        }
    }

    /// The server stopped the statement: at Mycorr's limit, at the role's, or because somebody cancelled it.
    async fn stopped(
        &mut self,
        failure: &Failure,
        asked: &ErrorContext<'_>,
        took: Duration,
        preview: bool,
    ) -> Problem {
        if preview && took >= CATALOGUE.statement {
            return Problem::new(
                Code::StatementTimeout,
                format!(
                    "The first rows took longer than the {} seconds after which Mycorr ends a preview. Nothing was changed.",
                    CATALOGUE.statement.as_secs()
                ),
            )
            .fix("Import the table or view: an import waits longer for its first row.")
            .internal(failure);
        }
        let rows = self.attempt(sql::LIMITS.name, sql::LIMITS.text, &[]).await.unwrap_or_default();
        let Some(row) = rows.first() else { return explain_read(failure, asked, None) };
        let text = |at: usize| {
            let value = row.get(at).and_then(Option::as_deref).unwrap_or_default();
            String::from_utf8_lossy(value).into_owned()
        };
        let limit: u64 = text(2).parse().unwrap_or(0);
        let problem = if limit > 0 && took >= Duration::from_millis(limit) {
            Problem::new(
                Code::StatementTimeout,
                format!("The server stopped the read: it took longer than the role's statement_timeout of {limit} ms allows. Nothing was changed."),
            )
            .fix(format!("ALTER ROLE {} IN DATABASE {} SET statement_timeout = '24h';", text(0), text(1)))
        } else {
            Problem::new(
                Code::StatementTimeout,
                "The server stopped the read before the role's statement_timeout ran out: somebody cancelled it there (pg_cancel_backend), or a limit of Mycorr's ended it. Nothing was changed.",
            )
            .fix("Try again. If it is cancelled again, ask the database's administrator who or what cancels it.")
        };
        problem.internal(failure)
    }
}

/// What an object of a kind is called.
pub(super) fn word(kind: char) -> &'static str {
    match kind {
        'v' => "view",
        'm' => "materialized view",
        'f' => "foreign table",
        'F' => "function",
        'N' => "schema",
        'S' => "sequence",
        'T' => "type",
        _ => "table",
    }
}

/// The right that reading it needs.
pub(super) fn right(kind: char) -> &'static str {
    match kind {
        'F' => "EXECUTE",
        'N' | 'T' => "USAGE",
        _ => "SELECT",
    }
}

/// The statement that gives it.
pub(super) fn grant(object: &Object, who: &str) -> String {
    let Object { sql, kind, columns, .. } = object;
    match (kind, columns) {
        ('F', _) => format!("GRANT EXECUTE ON FUNCTION {sql} TO {who};"),
        ('N', _) => format!("GRANT USAGE ON SCHEMA {sql} TO {who};"),
        ('T', _) => format!("GRANT USAGE ON TYPE {sql} TO {who};"),
        ('S', _) => format!("GRANT SELECT ON SEQUENCE {sql} TO {who};"),
        (_, Some(columns)) => format!("GRANT SELECT ({columns}) ON {sql} TO {who};"),
        (_, None) => format!("GRANT SELECT ON {sql} TO {who};"),
    }
}
