//! Mycorr over HTTP: routes, sessions, problem documents, the OpenAPI document and the embedded page.
//! Knows no SQL and no Delta; whatever it does, it asks `engine` to do.

mod extract;
mod openapi;
mod problem;
mod router;
mod routes;

use problem::ApiError;

#[derive(Clone)]
pub struct App;

impl App {
    fn later<T>(&self) -> Result<T, ApiError> {
        Err(mycorr_domain::Problem::bug("not wired yet").into())
    }
}

/// The OpenAPI 3.1 document, as `/api/openapi.json` serves it.
pub fn openapi() -> String {
    let mut text = router::api().1.to_pretty_json().expect("the document is plain JSON");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    /// The web page's types are made from the committed document. `UPDATE_SNAPSHOTS=1` rewrites it.
    #[test]
    fn the_committed_openapi_document_is_what_is_served() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
        let now = super::openapi();
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            std::fs::write(path, &now).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(now == committed, "openapi.json is not what the code makes: run with UPDATE_SNAPSHOTS=1");
    }
}
