//! What is wrong with a body, field by field: serde stops at the first.

use mycorr_domain::{Code, Problem};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use utoipa::{
    PartialSchema,
    openapi::{
        RefOr,
        schema::{Array, Object, Schema, SchemaType, Type},
    },
};

/// All fields that are missing, unknown or of another type, by the schema in the document; `first` is what serde said.
pub(crate) fn all<T: DeserializeOwned + PartialSchema>(body: &[u8], first: Problem) -> Problem {
    let (Ok(body), RefOr::T(Schema::Object(schema))) =
        (serde_json::from_slice::<Map<String, Value>>(body), T::schema())
    else {
        return first;
    };
    let known = known::<T>();
    let missing = schema.required.iter().filter(|name| !body.contains_key(*name));
    let mut wrong: Vec<(String, &str)> = missing.map(|name| (name.clone(), "This is missing.")).collect();
    for (name, value) in &body {
        if known.as_ref().is_some_and(|known| !known.contains(name)) {
            wrong.push((name.clone(), "There is no such field here."));
        } else if schema.properties.get(name).is_some_and(|schema| !fits(value, schema)) {
            wrong.push((name.clone(), "This has the wrong type or an unknown value."));
        }
    }
    wrong.truncate(MAX_NAMED);
    // What serde found deeper inside stays what is said.
    let told = |field: &str| wrong.iter().any(|(name, _)| name == field);
    if wrong.is_empty() || !first.fields.iter().all(|field| told(&field.field)) {
        return first;
    }
    let [(name, message)] = &wrong[..] else {
        let names: Vec<&str> = wrong.iter().map(|(name, _)| name.as_str()).collect();
        let detail = format!("These fields are missing or wrong: {}.", names.join(", "));
        return wrong.iter().fold(Problem::new(Code::Invalid, detail), |problem, (name, message)| {
            problem.field(name.clone(), *message)
        });
    };
    Problem::invalid(name.clone(), *message)
}

/// More fields than this are not told at once.
const MAX_NAMED: usize = 64;

/// The fields that serde takes, as it lists them where it meets one that it doesn't.
fn known<T: DeserializeOwned>() -> Option<Vec<String>> {
    let text = serde_json::from_str::<T>("{\"\\u0000\":0}").err()?.to_string();
    let list = text.strip_prefix("unknown field `\0`, expected ")?;
    Some(list.split('`').skip(1).step_by(2).map(str::to_owned).collect())
}

/// Whether JSON's type of a value is one that the schema names; what it does not say is not judged.
fn fits(value: &Value, schema: &RefOr<Schema>) -> bool {
    let (RefOr::T(Schema::Object(Object { schema_type, .. }))
    | RefOr::T(Schema::Array(Array { schema_type, .. }))) = schema
    else {
        return true;
    };
    let is = |wanted: &Type| match wanted {
        Type::Object => value.is_object(),
        Type::String => value.is_string(),
        Type::Integer => value.is_i64() || value.is_u64(),
        Type::Number => value.is_number(),
        Type::Boolean => value.is_boolean(),
        Type::Array => value.is_array(),
        Type::Null => value.is_null(),
    };
    match schema_type {
        SchemaType::Type(wanted) => is(wanted),
        SchemaType::Array(any) => any.iter().any(is),
        SchemaType::AnyValue => true,
    }
}
