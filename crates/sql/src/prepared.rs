//! Statements as they are prepared, and the values that are bound to them.

use crate::{
    failure::{Failure, SqlState},
    handlers::{in_transaction, session},
    parameters, run,
    session::Session,
    shown::{Shown, computed},
    statement::{Command, aborted},
};
use arrow_schema::DataType;
use async_trait::async_trait;
use datafusion::scalar::ScalarValue;
use pgwire::{
    api::{
        ClientInfo, Type,
        portal::{Format, Portal},
        results::{FieldFormat, FieldInfo},
        stmt::QueryParser,
    },
    error::PgWireResult,
    messages::response::TransactionStatus,
};
use std::sync::Arc;

/// A statement as it is prepared.
#[derive(Clone)]
pub(crate) struct Prepared {
    pub(crate) command: Command,
    pub(crate) columns: Arc<[Shown]>,
    parameters: Arc<[Parameter]>,
}

/// The type that is told, and the Arrow type of the place where it stands, where the plan knows.
#[derive(Clone, Debug)]
struct Parameter {
    pg: Type,
    arrow: Option<DataType>,
}

/// Parses and describes statements.
pub(crate) struct Statements;

#[async_trait]
impl QueryParser for Statements {
    type Statement = Prepared;

    async fn parse_sql<C>(
        &self,
        client: &C,
        sql: &str,
        types: &[Option<Type>],
    ) -> PgWireResult<Option<Prepared>>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        let session = session(client)?;
        let command = match one(&session, sql)? {
            Some(command) => command,
            None => return Ok(None),
        };
        refuse_aborted(client.transaction_status(), &command)?;
        Ok(Some(prepare(&session, command, types, in_transaction(client)).await?))
    }

    fn get_parameter_types(&self, statement: &Prepared) -> PgWireResult<Vec<Type>> {
        Ok(statement.parameters.iter().map(|parameter| parameter.pg.clone()).collect())
    }

    fn get_result_schema(
        &self,
        statement: &Prepared,
        formats: Option<&Format>,
    ) -> PgWireResult<Vec<FieldInfo>> {
        let format = |at| formats.map_or(FieldFormat::Text, |formats| formats.format_for(at));
        Ok(statement.columns.iter().enumerate().map(|(at, shown)| shown.info(format(at))).collect())
    }
}

/// The one statement of a text, `None` if there is nothing in it.
pub(crate) fn one(session: &Session, sql: &str) -> Result<Option<Command>, Failure> {
    let mut statements = session.shared.planner.parse(sql, &session.visible)?;
    let Some(statement) = statements.pop() else { return Ok(None) };
    if !statements.is_empty() {
        let message = "cannot insert multiple commands into a prepared statement";
        return Err(Failure::new(SqlState::SyntaxError, message));
    }
    Command::of(statement).map(Some)
}

pub(crate) fn refuse_aborted(status: TransactionStatus, command: &Command) -> Result<(), Failure> {
    match (status, command) {
        (TransactionStatus::Error, Command::Commit | Command::Rollback) => Ok(()),
        (TransactionStatus::Error, _) => Err(aborted()),
        _ => Ok(()),
    }
}

pub(crate) async fn prepare(
    session: &Session,
    command: Command,
    types: &[Option<Type>],
    in_transaction: bool,
) -> Result<Prepared, Failure> {
    let (query, shown) = match &command {
        Command::Query(query) => (Some(query), true),
        Command::Copy(copy) => (Some(&copy.query), false),
        _ => (None, false),
    };
    let Some(query) = query else {
        let columns: Vec<Shown> = match &command {
            Command::Show(name) => vec![setting_column(name)],
            _ => Vec::new(),
        };
        return Ok(Prepared { command, columns: columns.into(), parameters: Arc::new([]) });
    };
    session.refresh(in_transaction).await?;
    let (columns, found) = run::describe(session, query).await?;
    let mut parameters: Vec<Parameter> = Vec::new();
    for (name, arrow) in found {
        let at = name.strip_prefix('$').and_then(|number| number.parse::<usize>().ok()).filter(|&at| at > 0);
        let Some(at) = at.filter(|&at| at <= usize::from(u16::MAX)) else {
            return Err(Failure::new(SqlState::SyntaxError, format!("{name} is not a parameter")));
        };
        if parameters.len() < at {
            parameters.resize(at, Parameter { pg: Type::TEXT, arrow: None });
        }
        let pg = arrow.as_ref().map_or(Type::TEXT, |arrow| computed(arrow).0);
        parameters[at - 1] = Parameter { pg, arrow };
    }
    for (parameter, told) in parameters.iter_mut().zip(types) {
        if let Some(told) = told.as_ref().filter(|told| **told != Type::UNKNOWN && told.oid() != 0) {
            parameter.pg = told.clone();
        }
    }
    let columns = if shown { columns } else { Vec::new() };
    Ok(Prepared { command, columns: columns.into(), parameters: parameters.into() })
}

pub(crate) fn setting_column(name: &str) -> Shown {
    let text = arrow_schema::Field::new(name.to_lowercase(), DataType::Utf8, true);
    Shown::of(&text)
}

/// The values of a portal.
pub(crate) fn values(portal: &Portal<Prepared>) -> Result<Vec<ScalarValue>, Failure> {
    let wanted = &portal.statement.statement.parameters;
    if wanted.len() != portal.parameters.len() {
        let message = format!(
            "bind message supplies {} parameters, but prepared statement requires {}",
            portal.parameters.len(),
            wanted.len()
        );
        return Err(Failure::new(SqlState::SyntaxError, message));
    }
    let value = |(at, (parameter, bytes)): (usize, (&Parameter, &Option<bytes::Bytes>))| {
        let Some(bytes) = bytes else { return Ok(parameters::null(&parameter.pg)) };
        if portal.parameter_format.is_binary(at) {
            return parameters::from_binary(bytes, &parameter.pg);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| {
            Failure::new(SqlState::InvalidTextRepresentation, "a parameter is not valid UTF-8")
        })?;
        let arrow = match &parameter.arrow {
            Some(arrow) if parameter.pg == computed(arrow).0 => arrow.clone(),
            _ if parameter.pg == Type::NUMERIC => DataType::Decimal128(38, 0),
            _ => crate::shown::arrow_of(&parameter.pg),
        };
        parameters::from_text(text, &arrow)
    };
    wanted.iter().zip(&portal.parameters).enumerate().map(value).collect()
}
