//! The OpenAPI document, made from the handlers' own attributes.

use crate::problem::ProblemBody;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        ContentBuilder, OpenApi as Document, Ref, RefOr, ResponseBuilder,
        path::Operation,
        schema::{ArrayBuilder, Schema},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Mycorr",
        description = "Tables from your PostgreSQL databases, in Models that you share. \
            Every failure is an RFC 9457 problem document.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    components(schemas(ProblemBody)),
    security(("session" = []), ("token" = [])),
    modifiers(&Security),
    tags(
        (name = "accounts", description = "Who is asking"),
        (name = "connections", description = "Where Mycorr reads; only their owner sees them"),
        (name = "models", description = "Workspaces of tables"),
        (name = "teams", description = "People who are shared with together"),
        (name = "jobs", description = "Imports and syncs"),
        (name = "tables", description = "Imported tables and their versions"),
        (name = "operating", description = "For who runs Mycorr"),
    )
)]
pub(crate) struct Doc;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        let cookie = ApiKey::Cookie(ApiKeyValue::with_description(
            "mycorr_session",
            "Requests that change something also need a same-origin proof: Sec-Fetch-Site or Origin.",
        ));
        components.add_security_scheme("session", SecurityScheme::ApiKey(cookie));
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("myc_…").build();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
    }
}

/// What is said once here rather than at each operation: any of them may end in a problem. And utoipa writes
/// the item of a `List_X` out where it could refer to `X`.
pub(crate) fn finish(document: &mut Document) {
    let schemas = &mut document.components.get_or_insert_default().schemas;
    for (name, schema) in schemas.iter_mut() {
        if let Some(item) = name.strip_prefix("List_")
            && let RefOr::T(Schema::Object(list)) = schema
        {
            let items = ArrayBuilder::new().items(Ref::from_schema_name(item)).build();
            list.properties.insert("items".to_owned(), RefOr::T(Schema::Array(items)));
        }
    }
    for item in document.paths.paths.values_mut() {
        let operations: [&mut Option<Operation>; 5] =
            [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
            let response = ResponseBuilder::new()
                .description("What went wrong, and what to do")
                .content("application/problem+json", problem)
                .build();
            operation.responses.responses.insert("default".to_owned(), RefOr::T(response));
        }
    }
}
