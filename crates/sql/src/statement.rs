//! Which statements are answered: queries, and the few others that clients send.

use crate::{
    copy::CopyOut,
    failure::{Failure, SqlState},
};
use datafusion::sql::sqlparser::ast::{Expr, Query, Set, SetExpr, Statement, Value};

#[derive(Clone, Debug)]
pub(crate) enum Command {
    Query(Statement),
    Copy(CopyOut),
    Begin,
    Commit,
    Rollback,
    Set(String, String),
    /// Of no effect, with the tag that says it is done.
    Done(&'static str),
    Show(String),
    /// A prepared statement, or all.
    Deallocate(Option<String>),
    DiscardAll,
}

impl Command {
    /// # Errors
    /// `25006` for what would write, `0A000` for what else is not answered.
    pub(crate) fn of(statement: Statement) -> Result<Self, Failure> {
        Ok(match statement {
            Statement::Query(query) => {
                check(&query)?;
                Self::Query(Statement::Query(query))
            }
            Statement::Copy { source, to, target, options, legacy_options, .. } => {
                let copy = CopyOut::of(source, to, &target, &options, &legacy_options)?;
                if let Statement::Query(query) = &copy.query {
                    check(query)?;
                }
                Self::Copy(copy)
            }
            Statement::StartTransaction { statements, .. } if statements.is_empty() => Self::Begin,
            Statement::Commit { .. } => Self::Commit,
            Statement::Rollback { savepoint: None, .. } => Self::Rollback,
            Statement::Set(set) => assignment(set)?,
            Statement::ShowVariable { variable } => {
                let words: Vec<String> = variable.iter().map(|ident| ident.value.clone()).collect();
                Self::Show(words.join(" "))
            }
            Statement::Deallocate { name, .. } => {
                let all = name.quote_style.is_none() && name.value.eq_ignore_ascii_case("all");
                Self::Deallocate((!all).then_some(name.value))
            }
            Statement::Discard { .. } => Self::DiscardAll,
            Statement::Close { .. } => Self::Done("CLOSE CURSOR ALL"),
            Statement::UNLISTEN { .. } => Self::Done("UNLISTEN"),
            Statement::Reset(_) => Self::Done("RESET"),
            other => return Err(refused(&other)),
        })
    }
}

/// A query may hold what writes.
fn check(query: &Query) -> Result<(), Failure> {
    if let Some(with) = &query.with {
        with.cte_tables.iter().try_for_each(|table| check(&table.query))?;
    }
    if !query.locks.is_empty() {
        return Err(Failure::read_only("SELECT FOR UPDATE"));
    }
    body(&query.body)
}

fn body(of: &SetExpr) -> Result<(), Failure> {
    match of {
        SetExpr::Select(select) if select.into.is_some() => Err(Failure::read_only("SELECT INTO")),
        SetExpr::Select(_) | SetExpr::Values(_) | SetExpr::Table(_) => Ok(()),
        SetExpr::Query(query) => check(query),
        SetExpr::SetOperation { left, right, .. } => body(left).and_then(|()| body(right)),
        SetExpr::Insert(_) => Err(Failure::read_only("INSERT")),
        SetExpr::Update(_) => Err(Failure::read_only("UPDATE")),
        SetExpr::Delete(_) => Err(Failure::read_only("DELETE")),
        SetExpr::Merge(_) => Err(Failure::read_only("MERGE")),
    }
}

fn assignment(set: Set) -> Result<Command, Failure> {
    let text = |value: &Expr| match value {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => text.clone(),
            other => other.to_string(),
        },
        Expr::Identifier(ident) => ident.value.clone(),
        other => other.to_string(),
    };
    match set {
        Set::SingleAssignment { variable, values, .. } => {
            let values: Vec<String> = values.iter().map(text).collect();
            Ok(Command::Set(variable.to_string().replace('"', ""), values.join(", ")))
        }
        Set::SetTimeZone { value, .. } => Ok(Command::Set("TimeZone".to_owned(), text(&value))),
        Set::SetNames { charset_name, .. } => {
            Ok(Command::Set("client_encoding".to_owned(), charset_name.value))
        }
        // Everything reads one moment, and only reads.
        Set::SetTransaction { .. } => Ok(Command::Done("SET")),
        other => Err(Failure::unsupported(format!("{other} is not answered here."))),
    }
}

fn refused(statement: &Statement) -> Failure {
    let text = statement.to_string();
    let first = text.split_whitespace().next().unwrap_or_default().to_uppercase();
    const READING: &[&str] = &[
        "EXPLAIN",
        "DESCRIBE",
        "DECLARE",
        "FETCH",
        "EXECUTE",
        "PREPARE",
        "SAVEPOINT",
        "RELEASE",
        "ROLLBACK",
        "SHOW",
        "LISTEN",
        "USE",
        "BEGIN",
        "ASSERT",
        "PRAGMA",
    ];
    if READING.contains(&first.as_str()) {
        return Failure::unsupported(format!("{first} is not answered here."))
            .hint("Queries are, and the statements by which clients begin, end and set.");
    }
    Failure::read_only(&first)
}

/// In a transaction that has failed.
pub(crate) fn aborted() -> Failure {
    let message = "current transaction is aborted, commands ignored until end of transaction block";
    Failure::new(SqlState::InFailedTransaction, message)
}
