//! `/connections/{id}/statements`: the ledger.

use super::List;
use crate::{
    App,
    authentication::Caller,
    download::broken_off,
    extract::{self, Path, Query},
    problem::ApiError,
};
use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, SecondsFormat, Utc};
use futures::{Stream, StreamExt, stream};
use mycorr_domain::{ConnectionId, Problem, UserId};
use mycorr_engine::{self as engine, Engine};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Purpose {
    Test,
    Browse,
    Preview,
    Import,
    Sync,
    Verify,
}

impl From<engine::Purpose> for Purpose {
    fn from(purpose: engine::Purpose) -> Self {
        match purpose {
            engine::Purpose::Test => Self::Test,
            engine::Purpose::Browse => Self::Browse,
            engine::Purpose::Preview => Self::Preview,
            engine::Purpose::Import => Self::Import,
            engine::Purpose::Sync => Self::Sync,
            engine::Purpose::Verify => Self::Verify,
        }
    }
}

impl From<Purpose> for engine::Purpose {
    fn from(purpose: Purpose) -> Self {
        match purpose {
            Purpose::Test => Self::Test,
            Purpose::Browse => Self::Browse,
            Purpose::Preview => Self::Preview,
            Purpose::Import => Self::Import,
            Purpose::Sync => Self::Sync,
            Purpose::Verify => Self::Verify,
        }
    }
}

/// A statement that was sent to the source.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Statement {
    id: Uuid,
    at: DateTime<Utc>,
    /// The template's name in the documentation.
    template: String,
    statement: String,
    parameters: Vec<String>,
    purpose: Purpose,
    /// The e-mail address of who asked for it; null when the account is gone.
    #[schema(required)]
    actor: Option<String>,
    #[schema(required)]
    job_id: Option<Uuid>,
    rows: u64,
    bytes: u64,
    milliseconds: u64,
    /// `running`, `ok`, PostgreSQL's SQLSTATE, a code of ours, `cancelled`, `not_stopped` (it was broken off, and the
    /// server did not confirm that it ended it), or `interrupted` (Mycorr died meanwhile).
    outcome: String,
}

impl From<engine::Statement> for Statement {
    fn from(sent: engine::Statement) -> Self {
        Self {
            id: *sent.id.as_uuid(),
            at: sent.at,
            template: sent.template,
            statement: sent.statement,
            parameters: sent.parameters,
            purpose: sent.purpose.into(),
            actor: sent.actor,
            job_id: sent.job.map(|id| *id.as_uuid()),
            rows: sent.rows,
            bytes: sent.bytes,
            milliseconds: sent.milliseconds,
            outcome: sent.outcome,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StatementsFormat {
    #[default]
    Json,
    Csv,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatementsParams {
    #[param(minimum = 1, maximum = 1000, default = 200)]
    limit: Option<u64>,
    /// The `next` of the part before.
    after: Option<String>,
    /// Only what was sent for it. A part may then hold fewer than `limit`, and still have a `next`.
    #[param(inline)]
    purpose: Option<Purpose>,
    /// `csv` downloads all of it.
    #[serde(default)]
    #[param(inline, default = "json")]
    format: StatementsFormat,
}

/// Every statement that was ever sent through the connection, newest first.
#[utoipa::path(get, path = "/connections/{id}/statements", tag = "connections",
    params(("id" = Uuid, Path), StatementsParams),
    responses((status = OK, content((List<Statement> = "application/json"), (String = "text/csv")))))]
pub(crate) async fn list_statements(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ConnectionId>,
    Query(params): Query<StatementsParams>,
) -> Result<Response, ApiError> {
    let purpose = params.purpose.map(Into::into);
    match params.format {
        StatementsFormat::Json => {
            let limit = extract::limit(params.limit)?;
            let after = params.after.as_deref();
            let page = app.engine.connections.statements(caller.id(), id, purpose, after, limit).await?;
            Ok(Json(List::<Statement>::from(page)).into_response())
        }
        StatementsFormat::Csv => {
            // Whether it is the caller's is answered before the stream begins.
            app.engine.connections.connection(caller.id(), id).await?;
            let headers = [
                (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
                (header::CONTENT_DISPOSITION, "attachment; filename=\"statements.csv\""),
            ];
            // Each page asks whether the ledger is the caller's still.
            let revoked = caller.revoked(&app);
            Ok((headers, broken_off(csv(app.engine, caller.id(), id, purpose), revoked)).into_response())
        }
    }
}

const HEADINGS: &str =
    "at,template,statement,parameters,purpose,actor,job_id,rows,bytes,milliseconds,outcome\r\n";

/// Entries that are read at once: some megabytes of text.
const CSV_PAGE_ROWS: usize = 5000;

/// The whole ledger, or what of it was sent for one purpose, as RFC 4180 has it, a page at a time.
fn csv(
    engine: Engine,
    user: UserId,
    id: ConnectionId,
    purpose: Option<engine::Purpose>,
) -> impl Stream<Item = Result<String, Problem>> {
    let pages = stream::try_unfold(Some(None::<String>), move |after| {
        let engine = engine.clone();
        async move {
            let Some(after) = after else { return Ok(None) };
            let page =
                engine.connections.statements(user, id, purpose, after.as_deref(), CSV_PAGE_ROWS).await?;
            let lines: String = page.items.into_iter().map(|sent| line(&sent.into())).collect();
            Ok(Some((lines, page.next.map(Some))))
        }
    });
    stream::once(async { Ok(HEADINGS.to_owned()) }).chain(pages)
}

fn line(sent: &Statement) -> String {
    let parameters = serde_json::to_string(&sent.parameters).expect("texts are JSON");
    let purpose = serde_json::to_value(sent.purpose).expect("a word is JSON");
    let fields = [
        sent.at.to_rfc3339_opts(SecondsFormat::Micros, true),
        sent.template.clone(),
        sent.statement.clone(),
        parameters,
        purpose.as_str().unwrap_or_default().to_owned(),
        sent.actor.clone().unwrap_or_default(),
        sent.job_id.map(|id| id.to_string()).unwrap_or_default(),
        sent.rows.to_string(),
        sent.bytes.to_string(),
        sent.milliseconds.to_string(),
        sent.outcome.clone(),
    ];
    fields.map(|field| quoted(&field)).join(",") + "\r\n"
}

fn quoted(field: &str) -> String {
    if field.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}
