//! What a request carries, parsed at the door; whatever is wrong with it is answered as a problem.

use crate::{body_fields, problem::ApiError};
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::{StatusCode, header, request::Parts},
    response::IntoResponse,
};
use mycorr_domain::{Code, Problem};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use utoipa::{IntoParams, PartialSchema};

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + PartialSchema> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let is_json = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .is_some_and(|value| value.trim().eq_ignore_ascii_case("application/json"));
        if !is_json {
            return Err(Problem::new(Code::UnsupportedMediaType, "The body of this request has to be JSON.")
                .fix("Send it with the header Content-Type: application/json.")
                .into());
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            match rejection.into_response().status() {
                StatusCode::PAYLOAD_TOO_LARGE => too_large(),
                _ => Problem::new(Code::Invalid, "The body of this request did not arrive whole."),
            }
        })?;
        parse(&bytes).map(Self).map_err(ApiError::from)
    }
}

/// The largest body that is read, in bytes. The largest honest one is a bundle of CA certificates.
pub(crate) const MAX_BODY_BYTES: usize = 2 << 20;

pub(crate) fn too_large() -> Problem {
    Problem::new(Code::PayloadTooLarge, "The request is larger than 2 MiB.").fix(
        "If this is a bundle of CA certificates, keep only the one that signed the server's certificate.",
    )
}

/// All fields that are missing or wrong are told at once.
pub(crate) fn parse<T: DeserializeOwned + PartialSchema>(bytes: &[u8]) -> Result<T, Problem> {
    // serde would take a list for a struct.
    if bytes.trim_ascii_start().first().is_some_and(|&first| first != b'{') {
        return Err(Problem::new(Code::Invalid, "The body has to be a JSON object."));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let body = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let fields = |problem| body_fields::all::<T>(bytes, problem);
        let inner = error.inner();
        // serde_json calls a number in place of one of several words, or half a pair of surrogates, no JSON at all.
        if !inner.is_data() && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_err() {
            let (line, column) = (inner.line(), inner.column());
            return Problem::new(
                Code::Invalid,
                format!("The body is no JSON: line {line}, column {column}."),
            );
        }
        // serde's text quotes the value, which may be a secret: only the name of the field is taken from it.
        let text = inner.to_string();
        let named = |prefix| text.strip_prefix(prefix).and_then(|rest: &str| rest.split('`').next());
        if let Some(field) = named("missing field `") {
            return fields(Problem::invalid(field.to_owned(), "This is missing."));
        }
        if let Some(field) = named("unknown field `") {
            return fields(Problem::invalid(field.to_owned(), "There is no such field here."));
        }
        fields(Problem::invalid(error.path().to_string(), "This has the wrong type or an unknown value."))
    })?;
    json.end().map_err(|_| Problem::new(Code::Invalid, "Something follows the JSON of the body."))?;
    Ok(body)
}

/// The id in the path. Text that is no id names nothing, so it is answered like an id that doesn't exist.
pub(crate) struct Path<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(path)) => Ok(Self(path)),
            Err(_) => Err(Problem::not_found("thing").into()),
        }
    }
}

/// The query string; a name may come several times.
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum_extra::extract::Query::from_request_parts(parts, state).await {
            Ok(axum_extra::extract::Query(query)) => Ok(Self(query)),
            Err(_) => {
                Err(Problem::new(Code::Invalid, "A parameter after the question mark has the wrong type.")
                    .fix("Look the parameters up in /api/openapi.json.")
                    .into())
            }
        }
    }
}

/// Which part of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Paging {
    /// At most so many items.
    #[param(minimum = 1, maximum = 1000, default = 200)]
    limit: Option<u64>,
    /// The `next` of the part before.
    after: Option<String>,
}

impl Paging {
    pub(crate) fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    pub(crate) fn limit(&self) -> Result<usize, Problem> {
        limit(self.limit)
    }
}

/// 200 when left out, at most 1,000.
pub(crate) fn limit(asked: Option<u64>) -> Result<usize, Problem> {
    match asked {
        None => Ok(200),
        Some(limit @ 1..=1000) => Ok(limit as usize),
        Some(_) => Err(Problem::invalid("limit", "This has to be a number from 1 to 1000.")),
    }
}

/// Tells a field that is left out (`None`) from one that is `null` (`Some(None)`).
pub(crate) fn nullable<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use utoipa::ToSchema;

    #[derive(Debug, Deserialize, ToSchema)]
    #[serde(deny_unknown_fields)]
    struct Form {
        #[allow(dead_code)]
        port: i64,
        #[serde(default, deserialize_with = "nullable")]
        name: Option<Option<String>>,
        #[serde(default)]
        #[allow(dead_code)]
        inner: Vec<Inner>,
    }

    #[derive(Debug, Deserialize, ToSchema)]
    struct Inner {
        #[allow(dead_code)]
        a: i64,
    }

    fn field(body: &str) -> (String, String) {
        let problem = parse::<Form>(body.as_bytes()).unwrap_err();
        assert_eq!(problem.code, Code::Invalid);
        assert!(!problem.detail.contains("hunter2"));
        (problem.fields.first().map(|f| f.field.to_string()).unwrap_or_default(), problem.detail)
    }

    #[test]
    fn a_wrong_body_names_its_field_and_never_its_value() {
        assert_eq!(field("{}").0, "port");
        assert_eq!(field(r#"{"port":1,"prot":2}"#).0, "prot");
        assert_eq!(field(r#"{"port":"hunter2"}"#).0, "port");
        assert_eq!(field("{\n\"port\":}").1, "The body is no JSON: line 2, column 8.");
        assert_eq!(field("[1]").0, "");
        assert_eq!(field(r#"{"port":1} x"#).1, "Something follows the JSON of the body.");
    }

    #[test]
    fn all_missing_and_wrong_fields_are_told_at_once() {
        let fields = |body: &str| -> Vec<String> {
            let problem = parse::<Form>(body.as_bytes()).unwrap_err();
            problem.fields.iter().map(|field| field.field.to_string()).collect()
        };
        assert_eq!(fields(r#"{"prot":1,"inner":3}"#), ["port", "inner", "prot"]);
        assert_eq!(fields(r#"{"port":"x","name":4,"q":null}"#), ["name", "port", "q"]);
        // Deeper inside only the first is known.
        assert_eq!(fields(r#"{"port":"x","inner":[{"a":1},{}]}"#), ["port"]);
        assert_eq!(fields(r#"{"port":1,"inner":[{"a":1},{"a":"x"}]}"#), ["inner[1].a"]);
    }

    #[test]
    fn null_is_not_the_same_as_nothing() {
        assert_eq!(parse::<Form>(br#"{"port":1}"#).unwrap().name, None);
        assert_eq!(parse::<Form>(br#"{"port":1,"name":null}"#).unwrap().name, Some(None));
        assert_eq!(parse::<Form>(br#"{"port":1,"name":"x"}"#).unwrap().name, Some(Some("x".into())));
    }
}
