//! The fields of a connection, parsed.

use crate::{
    name::human_text,
    problem::{Problem, Result},
};
use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionKind {
    Postgresql,
    Supabase,
}

impl ConnectionKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Postgresql => "postgresql",
            Self::Supabase => "supabase",
        }
    }
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "postgresql" => Some(Self::Postgresql),
            "supabase" => Some(Self::Supabase),
            _ => None,
        }
    }
}

/// What a person calls a connection, e.g. "Prod analytics replica".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionName(String);

impl ConnectionName {
    pub fn parse(text: &str) -> Result<Self> {
        human_text("name", text, 100).map(Self)
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A TCP port, 1 to 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port(u16);

impl Port {
    pub fn parse(number: i64) -> Result<Self> {
        match u16::try_from(number) {
            Ok(port) if port != 0 => Ok(Self(port)),
            _ => Err(Problem::invalid("port", "A port is a number from 1 to 65535, usually 5432.")),
        }
    }
    pub const fn get(self) -> u16 {
        self.0
    }
}

macro_rules! startup_names {
    ($($(#[$doc:meta])* $name:ident, $field:literal;)+) => {$(
        $(#[$doc])*
        /// Any text of up to 255 bytes without NUL: it goes into the start-up message as it is, blanks and
        /// quotes included (PostgreSQL itself keeps 63 bytes; poolers route by longer ones).
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            pub fn parse(text: &str) -> Result<Self> {
                match text {
                    "" => Err(Problem::invalid($field, "This can't be empty.")),
                    _ if text.len() > 255 => Err(Problem::invalid($field, "At most 255 bytes.")),
                    _ if text.contains('\0') => Err(Problem::invalid($field, "A NUL character is not allowed here.")),
                    _ => Ok(Self(text.to_owned())),
                }
            }
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

startup_names! {
    /// The database (not the cluster).
    DatabaseName, "database";
    /// The role that Mycorr signs in as.
    RoleName, "username";
}

/// What a connection is: where it goes and as whom. Never changes once the connection is saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// As `egress` normalised it: a lower-case ASCII name, or an IP address without brackets.
    pub host: String,
    pub port: Port,
    pub database: DatabaseName,
    pub username: RoleName,
    /// true: TLS as libpq's `verify-full`. false: in clear.
    pub encrypted: bool,
}

impl Endpoint {
    /// The role as the database knows it, for the SQL that we show. Supabase's poolers want the project's ref
    /// behind it (`postgres.<ref>`, Supabase documentation, "Connect to your database").
    pub fn role(&self) -> &str {
        let username = self.username.as_str();
        match username.rsplit_once('.') {
            Some((role, _)) if self.host.ends_with(".pooler.supabase.com") => role,
            _ => username,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_role_is_what_the_database_knows() {
        let role = |host: &str, username: &str| {
            let endpoint = Endpoint {
                host: host.into(),
                port: Port::parse(5432).unwrap(),
                database: DatabaseName::parse("postgres").unwrap(),
                username: RoleName::parse(username).unwrap(),
                encrypted: true,
            };
            endpoint.role().to_owned()
        };
        assert_eq!(role("aws-0-eu-central-1.pooler.supabase.com", "a.reader.abcdefghij"), "a.reader");
        assert_eq!(role("aws-0-eu-central-1.pooler.supabase.com", "reader"), "reader");
        assert_eq!(role("db.abcdefghij.supabase.co", "a.reader"), "a.reader");
    }
}
