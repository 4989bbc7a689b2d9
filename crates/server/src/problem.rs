//! Failures as RFC 9457 problem documents.

use crate::routes::report::{Certificate, CertificateRule, FailedTest, Step};
use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use mycorr_domain::{Code, Problem};
use serde::Serialize;
use utoipa::ToSchema;

/// What went wrong, for people (`detail`, `fix`) and for programs (`code`).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// A URI that names the kind of problem; `urn:mycorr:problem:` and the code.
    #[schema(example = "urn:mycorr:problem:not_found")]
    r#type: String,
    /// A few words, the same for every occurrence of the code.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What happened, in a sentence.
    detail: String,
    /// Stable: what a program may branch on.
    #[schema(example = "not_found")]
    code: String,
    /// What to do; with the exact SQL where SQL is the cure.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
    /// What to tell the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// Which fields of the request are meant.
    fields: Vec<Field>,
    /// The steps of a connection's test, when that is what failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<Vec<Step>>,
    /// What the server showed, when its certificate was refused: its own first.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificates: Option<Vec<Certificate>>,
    /// Which rule they broke.
    #[serde(skip_serializing_if = "Option::is_none")]
    broken_rule: Option<CertificateRule>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FieldProblem)]
pub(crate) struct Field {
    field: String,
    message: String,
}

impl ProblemBody {
    /// A problem that is told within another answer, e.g. that of a failed job.
    pub(crate) fn new(problem: &Problem) -> Self {
        Self {
            r#type: format!("urn:mycorr:problem:{}", problem.code.as_str()),
            title: problem.code.title().to_owned(),
            status: status(problem.code).as_u16(),
            detail: problem.detail.clone(),
            code: problem.code.as_str().to_owned(),
            fix: problem.fix.clone(),
            request_id: None,
            fields: problem
                .fields
                .iter()
                .map(|field| Field { field: field.field.to_string(), message: field.message.clone() })
                .collect(),
            steps: None,
            certificates: None,
            broken_rule: None,
        }
    }
}

impl From<ApiError> for ProblemBody {
    fn from(ApiError { problem, test }: ApiError) -> Self {
        let mut body = Self::new(&problem);
        if let Some(test) = test {
            let FailedTest { steps, certificates, broken_rule } = *test;
            body.steps = Some(steps);
            body.certificates = broken_rule.map(|_| certificates);
            body.broken_rule = broken_rule;
        }
        body
    }
}

/// A request that failed. The response carries the problem as an extension until [`render`] writes it out,
/// because only there the request's id is known.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    problem: Problem,
    test: Option<Box<FailedTest>>,
}

impl ApiError {
    pub(crate) fn of_test(problem: Problem, test: FailedTest) -> Self {
        Self { problem, test: Some(Box::new(test)) }
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self { problem, test: None }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = status(self.problem.code).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// When a request that found too many others is worth trying again.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("10");

/// Writes a problem's body, and logs what only the log may know.
pub(crate) fn render(mut response: Response, request_id: &str) -> Response {
    let Some(error) = response.extensions_mut().remove::<ApiError>() else { return response };
    let problem = &error.problem;
    let code = problem.code.as_str();
    match (&problem.internal, response.status().is_server_error()) {
        (Some(cause), true) => tracing::error!(code, cause, "request failed"),
        (Some(cause), false) => tracing::info!(code, cause, "request refused"),
        (None, true) => tracing::error!(code, "request failed"),
        (None, false) => tracing::debug!(code, "request refused"),
    }
    let too_busy = problem.code == Code::TooBusy;
    let retry_after = problem.retry_after;
    let mut body = ProblemBody::from(error);
    body.request_id = Some(request_id.to_owned());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.remove(header::CONTENT_LENGTH);
    let wait = retry_after.map(|wait| HeaderValue::from(wait.as_secs()));
    if let Some(wait) = wait.or(too_busy.then_some(RETRY_AFTER_SECONDS)) {
        headers.entry(header::RETRY_AFTER).or_insert(wait);
    }
    *response.body_mut() =
        Body::from(serde_json::to_vec(&body).expect("a problem has only text and numbers"));
    response
}

/// A status for every code: decided one by one, so that a new code has to be thought about.
pub(crate) fn status(code: Code) -> StatusCode {
    match code {
        // What the person typed, or what the source says: the request was understood and could not be done.
        Code::PrivateAddress
        | Code::HostNotFound
        | Code::ConnectionRefused
        | Code::ConnectionTimeout
        | Code::ConnectionLost
        | Code::EncryptionUnsupported
        | Code::CertificateUntrusted
        | Code::CertificateExpired
        | Code::CertificateNotYetValid
        | Code::CertificateWrongHost
        | Code::CaCertificateInvalid
        | Code::AuthenticationFailed
        | Code::AuthenticationUnsupported
        | Code::DatabaseNotFound
        | Code::ConnectionRejected
        | Code::TooManyConnections
        | Code::SchemaPermissionDenied
        | Code::TablePermissionDenied
        | Code::ColumnPermissionDenied
        | Code::TableNotFound
        | Code::RowSecurityHidesRows
        | Code::PoolerConflict
        | Code::StatementTimeout
        | Code::RecoveryConflict
        | Code::ServerShuttingDown
        | Code::NotPostgresql
        | Code::ProtocolViolation
        | Code::SecretUnreadable
        | Code::NotSupportedServer
        | Code::PoolerHasNoServer
        | Code::ForeignServerFailed
        | Code::ViewFailed
        | Code::DamagedData
        | Code::HotStandbyOff
        | Code::PasswordExpired
        | Code::QuotaExceeded
        | Code::SourceError
        | Code::SourceChanged
        | Code::RowTooLarge
        | Code::WriteRefused
        | Code::Cancelled
        | Code::Invalid
        | Code::ImmutableField => StatusCode::UNPROCESSABLE_ENTITY,
        Code::NotSignedIn | Code::SignInFailed => StatusCode::UNAUTHORIZED,
        Code::Forbidden | Code::CrossOrigin | Code::SignUpClosed => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::EmailTaken | Code::Conflict | Code::StorageConflict => StatusCode::CONFLICT,
        Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Code::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::RangeNotSatisfiable => StatusCode::RANGE_NOT_SATISFIABLE,
        Code::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        Code::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
        Code::StorageUnavailable | Code::TooBusy | Code::ProviderUnavailable => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
