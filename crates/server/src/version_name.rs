//! How a version is named in a request and in an answer: its number, or `held`.

use mycorr_engine as engine;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, OneOfBuilder, RefOr, Schema, schema::Type},
};

/// The number of a version from 1, or `held`: what a held sync would make.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VersionName(pub(crate) engine::VersionName);

const HELD: &str = "held";

impl From<&engine::Version> for VersionName {
    fn from(version: &engine::Version) -> Self {
        Self(match version.version {
            engine::Version::HELD => engine::VersionName::Held,
            number => engine::VersionName::Number(number),
        })
    }
}

impl<'de> Deserialize<'de> for VersionName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            HELD => Ok(Self(engine::VersionName::Held)),
            number => number
                .parse()
                .map(|number| Self(engine::VersionName::Number(number)))
                .map_err(D::Error::custom),
        }
    }
}

impl Serialize for VersionName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            engine::VersionName::Number(number) => serializer.serialize_i64(number),
            engine::VersionName::Held => serializer.serialize_str(HELD),
        }
    }
}

impl PartialSchema for VersionName {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
        let held = ObjectBuilder::new().schema_type(Type::String).enum_values(Some([HELD]));
        OneOfBuilder::new()
            .item(number)
            .item(held)
            .description(Some("The number of a version, or `held`: what a held sync would make."))
            .into()
    }
}

impl ToSchema for VersionName {}
