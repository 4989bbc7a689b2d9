//! The protocol's messages, answered.

use crate::{
    encode,
    failure::{Failure, SqlState},
    listener::Shared,
    prepared::{Prepared, Statements, refuse_aborted, setting_column, values},
    run,
    session::Session,
    settings,
    shown::Shown,
    statement::Command,
};
use async_trait::async_trait;
use bytes::BytesMut;
use datafusion::scalar::ScalarValue;
use futures::{Sink, SinkExt, StreamExt, stream};
use pgwire::{
    api::{
        ClientInfo, ClientPortalStore, DEFAULT_NAME, RandomPidSecretKeyGenerator,
        cancel::CancelHandler,
        portal::{Format, Portal},
        query::{ExtendedQueryHandler, SimpleQueryHandler},
        results::{QueryResponse, Response, Tag},
        store::PortalStore,
    },
    error::{PgWireError, PgWireResult},
    messages::{
        PgWireBackendMessage,
        cancel::CancelRequest,
        data::DataRow,
        extendedquery::{Bind, Close, Parse, Sync as PgSync},
        response::{ReadyForQuery, TransactionStatus},
    },
};
use std::{fmt::Debug, sync::Arc};
use tokio::sync::watch;

/// One connection's handlers.
pub(crate) struct Handlers {
    pub(crate) shared: Arc<Shared>,
    pub(crate) pids: Arc<RandomPidSecretKeyGenerator>,
    pub(crate) parser: Arc<Statements>,
}

pub(crate) fn session<C: ClientInfo>(client: &C) -> PgWireResult<Arc<Session>> {
    let found = client.session_extensions().get::<Session>();
    Ok(found.ok_or_else(|| Failure::new(SqlState::InvalidAuthorization, "not signed in").fatal())?)
}

pub(crate) fn in_transaction<C: ClientInfo>(client: &C) -> bool {
    !matches!(client.transaction_status(), TransactionStatus::Idle)
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
