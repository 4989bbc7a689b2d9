//! The protocol's messages, answered.

use crate::{
    encode,
    failure::{Failure, SqlState},
    listener::Shared,
    parameters, run,
    session::Session,
    settings,
    shown::{Shown, computed},
    statement::{Command, aborted},
};
use arrow_schema::DataType;
use async_trait::async_trait;
use bytes::BytesMut;
use datafusion::scalar::ScalarValue;
use futures::{Sink, SinkExt, StreamExt, stream};
use pgwire::{
    api::{
        ClientInfo, ClientPortalStore, DEFAULT_NAME, METADATA_DATABASE, METADATA_USER, PidSecretKeyGenerator,
        RandomPidSecretKeyGenerator, Type,
        auth::{
            ServerParameterProvider, StartupHandler, finish_authentication, protocol_negotiation,
            save_startup_parameters_to_metadata,
        },
        cancel::CancelHandler,
        portal::{Format, Portal},
        query::{ExtendedQueryHandler, SimpleQueryHandler},
        results::{FieldFormat, FieldInfo, QueryResponse, Response, Tag},
        stmt::QueryParser,
        store::PortalStore,
    },
    error::{PgWireError, PgWireResult},
    messages::{
        PgWireBackendMessage, PgWireFrontendMessage,
        cancel::CancelRequest,
        data::DataRow,
        extendedquery::{Bind, Close, Parse, Sync as PgSync},
        response::{ReadyForQuery, TransactionStatus},
        startup::Authentication,
    },
};
use std::{collections::HashMap, fmt::Debug, sync::Arc};
use tokio::sync::watch;

/// One connection's handlers.
pub(crate) struct Handlers {
    pub(crate) shared: Arc<Shared>,
    pub(crate) pids: Arc<RandomPidSecretKeyGenerator>,
    pub(crate) parser: Arc<Statements>,
}

/// A statement as it is prepared.
#[derive(Clone)]
pub(crate) struct Prepared {
    command: Command,
    columns: Arc<[Shown]>,
    parameters: Arc<[Parameter]>,
}

/// The type that is told, and the Arrow type of the place where it stands, where the plan knows.
#[derive(Clone, Debug)]
struct Parameter {
    pg: Type,
    arrow: Option<DataType>,
}

pub(crate) fn session<C: ClientInfo>(client: &C) -> PgWireResult<Arc<Session>> {
    let found = client.session_extensions().get::<Session>();
    Ok(found.ok_or_else(|| Failure::new(SqlState::InvalidAuthorization, "not signed in").fatal())?)
}

fn in_transaction<C: ClientInfo>(client: &C) -> bool {
    !matches!(client.transaction_status(), TransactionStatus::Idle)
}

struct Reported;

impl ServerParameterProvider for Reported {
    fn server_parameters<C: ClientInfo>(&self, client: &C) -> Option<HashMap<String, String>> {
        let mut all: HashMap<_, _> = settings::REPORTED
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        for (name, from) in
            [("session_authorization", METADATA_USER), ("application_name", "application_name")]
        {
            all.insert(name.to_owned(), client.metadata().get(from).cloned().unwrap_or_default());
        }
        Some(all)
    }
}

#[async_trait]
impl StartupHandler for Handlers {
    async fn on_startup<C>(&self, client: &mut C, message: PgWireFrontendMessage) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        match message {
            PgWireFrontendMessage::Startup(ref startup) => {
                if self.shared.needs_tls && !client.is_secure() {
                    let message = "connections have to be encrypted here";
                    let failure = Failure::new(SqlState::InvalidAuthorization, message)
                        .hint("Set sslmode=require or better.");
                    return Err(failure.fatal().into());
                }
                protocol_negotiation(client, startup).await?;
                save_startup_parameters_to_metadata(client, startup);
                for (name, value) in &startup.parameters {
                    settings::start_with(name, value).map_err(Failure::fatal)?;
                }
                client.set_state(pgwire::api::PgWireConnectionState::AuthenticationInProgress);
                client.send(PgWireBackendMessage::Authentication(Authentication::CleartextPassword)).await?;
            }
            PgWireFrontendMessage::PasswordMessageFamily(password) => {
                let password = password.into_password()?;
                let of = |name: &str| client.metadata().get(name).cloned().unwrap_or_default();
                let user = of(METADATA_USER);
                let database = Some(of(METADATA_DATABASE))
                    .filter(|name| !name.is_empty())
                    .unwrap_or_else(|| user.clone());
                let (process, secret) = self.pids.generate(client);
                client.set_pid_and_secret_key(process, secret.clone());
                let opened = Session::open(
                    self.shared.clone(),
                    &user,
                    &database,
                    &password.password,
                    (process, secret),
                )
                .await?;
                self.shared.admit(&opened)?;
                client.session_extensions().insert(opened);
                finish_authentication(client, &Reported).await?;
            }
            _ => {}
        }
        Ok(())
    }
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
fn one(session: &Session, sql: &str) -> Result<Option<Command>, Failure> {
    let mut statements = session.shared.planner.parse(sql, &session.visible)?;
    let Some(statement) = statements.pop() else { return Ok(None) };
    if !statements.is_empty() {
        let message = "cannot insert multiple commands into a prepared statement";
        return Err(Failure::new(SqlState::SyntaxError, message));
    }
    Command::of(statement).map(Some)
}

fn refuse_aborted(status: TransactionStatus, command: &Command) -> Result<(), Failure> {
    match (status, command) {
        (TransactionStatus::Error, Command::Commit | Command::Rollback) => Ok(()),
        (TransactionStatus::Error, _) => Err(aborted()),
        _ => Ok(()),
    }
}

async fn prepare(
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

fn setting_column(name: &str) -> Shown {
    let text = arrow_schema::Field::new(name.to_lowercase(), DataType::Utf8, true);
    Shown::of(&text)
}

/// The values of a portal.
fn values(portal: &Portal<Prepared>) -> Result<Vec<ScalarValue>, Failure> {
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

/// Answers a statement.
async fn answer(
    session: &Arc<Session>,
    status: TransactionStatus,
    command: &Command,
    described: Option<&[Shown]>,
    values: Vec<ScalarValue>,
    formats: &Format,
) -> Result<Response, Failure> {
    refuse_aborted(status, command)?;
    let in_transaction = !matches!(status, TransactionStatus::Idle);
    match command {
        Command::Query(query) => {
            session.refresh(in_transaction).await?;
            let ready = run::ready(session, query, values).await?;
            if described.is_some_and(|described| *described != *ready.columns) {
                let message = "cached plan must not change result type";
                return Err(Failure::unsupported(message)
                    .hint("The table has a newer version. Prepare the statement again."));
            }
            let columns = ready.columns.clone();
            let formats: Vec<_> = (0..columns.len()).map(|at| formats.format_for(at)).collect();
            let infos = columns.iter().zip(&formats).map(|(shown, format)| shown.info(*format)).collect();
            let rows = ready.batches(session.clone()).flat_map(move |batch| {
                let rows = batch.and_then(|batch| encode::rows(&columns, &formats, &batch));
                stream::iter(match rows {
                    Ok(rows) => rows.into_iter().map(Ok).collect(),
                    Err(failure) => vec![Err(PgWireError::from(failure))],
                })
            });
            Ok(Response::Query(QueryResponse::new(Arc::new(infos), rows)))
        }
        Command::Copy(copy) => {
            session.refresh(in_transaction).await?;
            let ready = run::ready(session, &copy.query, values).await?;
            let columns = ready.columns.clone();
            Ok(Response::CopyOut(copy.response(columns, ready.batches(session.clone()))))
        }
        Command::Begin => {
            session.unpin();
            Ok(Response::TransactionStart(Tag::new("BEGIN")))
        }
        Command::Commit | Command::Rollback => {
            session.unpin();
            let undone = matches!(command, Command::Rollback) || matches!(status, TransactionStatus::Error);
            Ok(Response::TransactionEnd(Tag::new(if undone { "ROLLBACK" } else { "COMMIT" })))
        }
        Command::Set(name, value) => {
            settings::set(name, value)?;
            Ok(Response::Execution(Tag::new("SET")))
        }
        Command::Done(tag) => Ok(Response::Execution(Tag::new(tag))),
        Command::Show(name) => {
            let value = settings::show(name)?;
            let mut data = BytesMut::new();
            data.extend_from_slice(&(value.len() as i32).to_be_bytes());
            data.extend_from_slice(value.as_bytes());
            let info = setting_column(name).info(formats.format_for(0));
            let row = stream::iter([Ok(DataRow::new(data, 1))]);
            let mut response = QueryResponse::new(Arc::new(vec![info]), row);
            response.set_command_tag("SHOW");
            Ok(Response::Query(response))
        }
        Command::Deallocate(_) => Ok(Response::Execution(Tag::new("DEALLOCATE"))),
        Command::DiscardAll => Ok(Response::Execution(Tag::new("DISCARD ALL"))),
    }
}

/// Removes prepared statements where a statement says so.
fn deallocate<C>(client: &C, session: &Session, command: &Command)
where
    C: ClientPortalStore,
    C::PortalStore: PortalStore,
{
    let names = match command {
        Command::Deallocate(Some(name)) => {
            session.forget('s', name);
            vec![name.clone()]
        }
        Command::Deallocate(None) | Command::DiscardAll => session.forget_all('s'),
        _ => return,
    };
    names.iter().for_each(|name| client.portal_store().rm_statement(name));
}

#[async_trait]
impl SimpleQueryHandler for Handlers {
    async fn do_query<C>(&self, client: &mut C, query: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let session = session(client)?;
        let cancelled = session.cancelled.subscribe();
        let status = client.transaction_status();
        let work = async {
            let mut status = status;
            let (mut responses, mut done) = (Vec::new(), Vec::new());
            for statement in session.shared.planner.parse(query, &session.visible)? {
                let command = Command::of(statement);
                let answered = match &command {
                    Ok(command) => {
                        answer(&session, status, command, None, Vec::new(), &Format::UnifiedText).await
                    }
                    Err(failure) => Err(failure.clone()),
                };
                match answered {
                    Ok(response) => {
                        status = match &response {
                            Response::TransactionStart(_) => status.to_in_transaction_state(),
                            Response::TransactionEnd(_) => status.to_idle_state(),
                            _ => status,
                        };
                        responses.push(response);
                    }
                    // What went before is answered first.
                    Err(failure) if responses.is_empty() || failure.is_fatal() => return Err(failure),
                    Err(failure) => {
                        responses.push(Response::Error(Box::new(failure.info())));
                        break;
                    }
                }
                done.extend(command);
            }
            Ok((responses, done))
        };
        let (responses, done) = unless_cancelled(cancelled, work).await?;
        done.iter().for_each(|command| deallocate(client, &session, command));
        Ok(responses)
    }
}

#[async_trait]
impl ExtendedQueryHandler for Handlers {
    type Statement = Prepared;
    type QueryParser = Statements;

    fn query_parser(&self) -> Arc<Statements> {
        self.parser.clone()
    }

    async fn on_parse<C>(&self, client: &mut C, message: Parse) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        use pgwire::{api::stmt::StoredStatement, messages::extendedquery::ParseComplete};
        let name = message.name.clone().unwrap_or_else(|| DEFAULT_NAME.to_owned());
        session(client)?.prepare('s', &name)?;
        match StoredStatement::parse(client, &message, self.parser.clone()).await? {
            Some(statement) => client.portal_store().put_statement(Arc::new(statement)),
            None => client.portal_store().put_empty_statement(&name),
        }
        client.feed(PgWireBackendMessage::ParseComplete(ParseComplete::new())).await?;
        Ok(())
    }

    async fn on_bind<C>(&self, client: &mut C, message: Bind) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        use pgwire::{api::store::Entry, messages::extendedquery::BindComplete};
        let (statement, name) = (
            message.statement_name.as_deref().unwrap_or(DEFAULT_NAME),
            message.portal_name.as_deref().unwrap_or(DEFAULT_NAME),
        );
        session(client)?.prepare('p', name)?;
        match client.portal_store().get_statement(statement) {
            Some(Entry::Value(statement)) => {
                client.portal_store().put_portal(Arc::new(Portal::try_new(&message, statement)?));
            }
            Some(Entry::Empty) => client.portal_store().put_empty_portal(name),
            None => return Err(PgWireError::StatementNotFound(statement.to_owned())),
        }
        client.feed(PgWireBackendMessage::BindComplete(BindComplete::new())).await?;
        Ok(())
    }

    async fn on_close<C>(&self, client: &mut C, message: Close) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        use pgwire::messages::extendedquery::{CloseComplete, TARGET_TYPE_BYTE_STATEMENT};
        let name = message.name.as_deref().unwrap_or(DEFAULT_NAME);
        let session = session(client)?;
        if message.target_type == TARGET_TYPE_BYTE_STATEMENT {
            session.forget('s', name);
            client.portal_store().rm_statement(name);
        } else {
            session.forget('p', name);
            client.portal_store().rm_portal(name);
        }
        client.feed(PgWireBackendMessage::CloseComplete(CloseComplete::new())).await?;
        Ok(())
    }

    /// Outside of a transaction nothing goes on: portals, and what they hold of the machine, end here.
    async fn on_sync<C>(&self, client: &mut C, _: PgSync) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        if in_transaction(client) {
            client.portal_store().rm_portal(DEFAULT_NAME);
        } else {
            client.portal_store().clear_portals();
            session(client)?.forget_all('p');
        }
        client
            .send(PgWireBackendMessage::ReadyForQuery(ReadyForQuery::new(client.transaction_status())))
            .await?;
        Ok(())
    }

    async fn do_query<C>(&self, client: &mut C, portal: &Portal<Prepared>, _: usize) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let session = session(client)?;
        let cancelled = session.cancelled.subscribe();
        let Prepared { command, columns, .. } = &portal.statement.statement;
        let values = values(portal)?;
        let described = matches!(command, Command::Query(_)).then_some(&columns[..]);
        let answered = answer(
            &session,
            client.transaction_status(),
            command,
            described,
            values,
            &portal.result_column_format,
        );
        let response = unless_cancelled(cancelled, answered).await?;
        deallocate(client, &session, command);
        Ok(response)
    }
}

/// What a statement comes to, up to the rows of its answer, which look for themselves (`run::Ready::batches`).
async fn unless_cancelled<T>(
    mut cancelled: watch::Receiver<()>,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let answered = tokio::select! {
        biased;
        _ = cancelled.changed() => return Err(Failure::canceled()),
        answered = work => answered,
    };
    // Perhaps while it was at work without a pause.
    if cancelled.has_changed().unwrap_or(true) { Err(Failure::canceled()) } else { answered }
}

/// Another connection asks for the end of what a session does.
#[async_trait]
impl CancelHandler for Handlers {
    async fn on_cancel_request(&self, request: CancelRequest) {
        self.shared.cancel(request.pid, &request.secret_key);
    }
}
