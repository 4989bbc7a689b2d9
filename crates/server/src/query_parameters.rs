//! An unknown query parameter is refused: a misspelt filter would otherwise be an answer about other rows. What is
//! known is what the OpenAPI document says, so that no handler can forget it.

use crate::problem::ApiError;
use axum::{
    extract::{MatchedPath, Query, Request, State},
    http::Method,
    middleware::Next,
    response::{IntoResponse, Response},
};
use mycorr_domain::{Code, Problem};
use std::{collections::HashMap, sync::Arc};
use utoipa::openapi::{
    OpenApi, RefOr,
    path::{Operation, ParameterIn},
};

/// The names of the query parameters of each operation, by its path in the document.
#[derive(Clone)]
pub(crate) struct KnownParameters(Arc<HashMap<(String, Method), Vec<String>>>);

/// More than so many unknown names are not repeated in the answer.
const MAX_NAMED: usize = 16;

impl KnownParameters {
    pub(crate) fn of(document: &OpenApi) -> Self {
        let mut known = HashMap::new();
        for (path, item) in &document.paths.paths {
            let operations = [
                (Method::GET, &item.get),
                (Method::PUT, &item.put),
                (Method::POST, &item.post),
                (Method::PATCH, &item.patch),
                (Method::DELETE, &item.delete),
            ];
            for (method, operation) in operations {
                if let Some(operation) = operation {
                    known.insert((path.clone(), method), names(operation));
                }
            }
        }
        Self(Arc::new(known))
    }

    fn check(&self, request: &Request) -> Result<(), Problem> {
        let Some(path) = request.extensions().get::<MatchedPath>() else { return Ok(()) };
        let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
        // Monitors of health and figures append what they like.
        let Some(known) = self.0.get(&(path.as_str().to_owned(), method.clone())) else { return Ok(()) };
        if request.uri().query().is_none() || !path.as_str().starts_with("/api/") || is_foreign(path.as_str())
        {
            return Ok(());
        }
        // What can't be parsed at all is refused by the handler that wants it.
        let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::try_from_uri(request.uri()) else {
            return Ok(());
        };
        let mut unknown: Vec<String> = Vec::new();
        for (name, _) in pairs {
            if !known.contains(&name) && !unknown.contains(&name) && unknown.len() < MAX_NAMED {
                unknown.push(name);
            }
        }
        if unknown.is_empty() { Ok(()) } else { Err(refused(unknown, known)) }
    }
}

/// Where sign-in providers send a browser to: they append what they like.
fn is_foreign(path: &str) -> bool {
    path == "/api/v1/sign-in/oidc/{id}/callback"
}

fn names(operation: &Operation) -> Vec<String> {
    let parameters = operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    });
    let of_query = parameters.filter(|parameter| parameter.parameter_in == ParameterIn::Query);
    of_query.map(|parameter| parameter.name.clone()).collect()
}

fn refused(unknown: Vec<String>, known: &[String]) -> Problem {
    let detail = match &unknown[..] {
        [name] => format!("This request has no parameter {name:?}."),
        _ => format!("This request has no parameters {}.", unknown.join(", ")),
    };
    let fix = match known {
        [] => "It takes no parameters after the question mark.".to_owned(),
        [only] => format!("The only parameter here is {only}."),
        _ => format!("The parameters here are {}.", known.join(", ")),
    };
    let problem = Problem::new(Code::Invalid, detail).fix(fix);
    unknown.into_iter().fold(problem, |problem, name| problem.field(name, "There is no such parameter here."))
}

pub(crate) async fn refuse_unknown(
    State(known): State<KnownParameters>,
    request: Request,
    next: Next,
) -> Response {
    match known.check(&request) {
        Ok(()) => next.run(request).await,
        Err(problem) => ApiError::from(problem).into_response(),
    }
}
