//! The role's passport: what it can read, what it cannot and the GRANT that opens it, and what it has too
//! much of, with the REVOKE.

use crate::{
    client::Client,
    explain::{self, ErrorContext},
    lookup::DeniedLookup,
    reader::{Reader, at_most},
    sql,
    writes::{group_excess, write_excess},
};
use chrono::{DateTime, Utc};
use mycorr_domain::{Code, Problem, Result};
use serde::{Deserialize, Serialize};

/// What the role of a connection may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolePrivileges {
    pub schemas: Vec<SchemaRights>,
    /// Rights that a reader does not need.
    pub excess: Vec<Excess>,
    /// What of the catalogue is kept from the role, so that not all is known.
    #[serde(default)]
    pub denied: Vec<DeniedLookup>,
    /// Until when the role's password is good, if it ends.
    #[serde(default)]
    pub valid_until: Option<DateTime<Utc>>,
    /// What makes the role inherit the rights of groups that it is in without inheriting them.
    #[serde(default)]
    pub inherit: Option<String>,
}

/// Of so many schemas it is told what the role may do, the first by name.
const MAX_SCHEMAS: usize = 1000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaRights {
    pub name: String,
    pub usage: bool,
    pub tables: u64,
    /// Tables of which at least one column can be read; none counts without USAGE on the schema.
    pub readable: u64,
    /// Tables in which row-level security may hide rows from the role.
    pub row_security: u64,
    /// What opens the rest, if there is a rest.
    pub grant: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excess {
    /// In a sentence.
    pub what: String,
    /// The SQL that takes it away, and nothing else; `None` for what no REVOKE takes away without taking reading away.
    pub revoke: Option<String>,
}

impl RolePrivileges {
    /// `mycorr_reader can read 12 of the 14 tables of shop. It may do more than read: 2 rights too many.`
    pub(crate) fn sentence(&self, role: &str, database: &str) -> String {
        let readable: u64 = self.schemas.iter().map(|schema| schema.readable).sum();
        let tables: u64 = self.schemas.iter().map(|schema| schema.tables).sum();
        let mut text = format!("{role} can read {readable} of the {tables} tables of {database}.");
        match self.excess.as_slice() {
            [] => {}
            [one] => text.push_str(&format!(" It may do more than read: {}", one.what)),
            many => text.push_str(&format!(" It may do more than read: {} rights too many.", many.len())),
        }
        if !self.denied.is_empty() {
            let denied: Vec<&str> = self.denied.iter().map(|lookup| lookup.object.as_str()).collect();
            text.push_str(&format!(
                " The server keeps a part of its catalogue from it, so that not all is known: {}.",
                denied.join(", ")
            ));
        }
        text
    }

    /// The SQL that takes away all that is too much, and opens what of the catalogue is kept from the role.
    pub(crate) fn fix(&self) -> Option<String> {
        let revokes = self.excess.iter().filter_map(|excess| excess.revoke.as_deref());
        let all: Vec<&str> = self.denied.iter().map(|lookup| lookup.grant.as_str()).chain(revokes).collect();
        (!all.is_empty()).then(|| all.join("\n"))
    }

    /// A sign-in that failed, told by what is remembered: a server does not say that a password has expired.
    pub fn expired(&self, problem: Problem, role: &str, now: DateTime<Utc>) -> Problem {
        match self.valid_until {
            Some(until) if until <= now && problem.code == Code::AuthenticationFailed => {
                let internal = problem.internal.unwrap_or_default();
                explain::password_expired(role).internal(internal)
            }
            _ => problem,
        }
    }

    /// What is different from `before`, in sentences. Tables that come and go are no change of rights.
    pub fn changes_since(&self, before: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        let has =
            |passport: &Self, excess: &Excess| passport.excess.iter().any(|other| other.what == excess.what);
        for gained in self.excess.iter().filter(|excess| !has(before, excess)) {
            changes.push(format!("New: {}", gained.what));
        }
        for lost in before.excess.iter().filter(|excess| !has(self, excess)) {
            changes.push(format!("No longer so: {}", lost.what));
        }
        let find = |passport: &'_ Self, name: &str| passport.schemas.iter().find(|s| s.name == name).cloned();
        for now in &self.schemas {
            let Some(then) = find(before, &now.name) else { continue };
            let unreadable = |rights: &SchemaRights| rights.tables - rights.readable.min(rights.tables);
            let SchemaRights { name, tables, readable, row_security, .. } = now;
            if now.usage != then.usage {
                let word = if now.usage { "now" } else { "no longer" };
                changes.push(format!("The role may {word} look into the schema {name}."));
            } else if unreadable(now) != unreadable(&then) {
                changes.push(format!(
                    "The role can read {readable} of the {tables} tables of the schema {name}; before: {} of {}.",
                    then.readable, then.tables
                ));
            }
            if *row_security != then.row_security {
                changes.push(format!(
                    "Row-level security may hide rows in {} of the schema {name}; before: in {}.",
                    number_of_tables(*row_security),
                    then.row_security
                ));
            }
        }
        for gone in before.schemas.iter().filter(|then| find(self, &then.name).is_none()) {
            changes.push(format!("The schema {} is gone.", gone.name));
        }
        changes
    }
}

impl Client {
    /// Three SELECTs over the catalogue.
    ///
    /// # Errors
    /// As every read.
    pub async fn passport(&mut self) -> Result<RolePrivileges> {
        let endpoint = self.target.endpoint.clone();
        let asked = ErrorContext::login(&endpoint);
        let (role, database) = (endpoint.role(), endpoint.database.as_str());
        let attributes = self.query(sql::ROLE, &[], &asked).await?;
        let rights = self.query(sql::RIGHTS, &[&MAX_SCHEMAS.to_string()], &asked).await?;
        at_most(&rights, MAX_SCHEMAS, "schemas")?;
        let mut excess = Vec::new();
        let (mut superuser, mut valid_until, mut inherit) = (false, None, None);
        if let Some(row) = attributes.first() {
            let mut row = Reader::new(row);
            superuser = attribute_excess(&mut row, role, &mut excess)?;
            valid_until = row.optional()?.and_then(|epoch| DateTime::from_timestamp(epoch.parse().ok()?, 0));
            let groups = row.optional()?.unwrap_or_default();
            groups.lines().filter_map(|line| group_excess(line, role)).for_each(|group| excess.push(group));
            inherit = row.optional()?.map(|groups| inherit_from(&groups, role, &self.server().version));
        }
        // A superuser may everything; saying it once is enough.
        if !superuser {
            // A server that keeps this from the role still shows it what it may read.
            let writes = self.query(sql::WRITES, &[], &asked).await.unwrap_or_default();
            for row in &writes {
                excess.push(write_excess(&mut Reader::new(row), role, database)?);
            }
        }
        let mut schemas = Vec::with_capacity(rights.len());
        for row in &rights {
            let mut row = Reader::new(row);
            let name = row.name()?;
            let usage = row.optional_flag()? != Some(false);
            let (tables, readable, unreadable) = (row.number()?, row.number()?, row.optional()?);
            let row_security = row.number()?;
            let unreadable = Tables { count: tables.saturating_sub(readable), names: unreadable };
            let readable = if usage { readable } else { 0 };
            let grant = (readable < tables || !usage).then(|| match unreadable.few() {
                // Some were opened and some were not: it may have been meant so.
                Some(names) if readable > 0 => sql::grant_select_all(names, role),
                _ => sql::grant_schema(&name, role),
            });
            schemas.push(SchemaRights { name, usage, tables, readable, row_security, grant });
        }
        let denied = self.denied_lookups().await;
        Ok(RolePrivileges { schemas, excess, denied, valid_until, inherit })
    }
}

/// Whether it is a superuser.
fn attribute_excess(row: &mut Reader<'_>, role: &str, excess: &mut Vec<Excess>) -> Result<bool> {
    let superuser = row.flag()?;
    if superuser {
        let what = format!(
            "{role} is a superuser: it may do everything. A role of its own for Mycorr, which only reads, is safer."
        );
        excess.push(Excess { what, revoke: None });
    }
    let quoted = sql::identifier(role);
    for (what, option) in [
        ("may copy the whole cluster by replication", "NOREPLICATION"),
        ("may create databases", "NOCREATEDB"),
        ("may create and change roles", "NOCREATEROLE"),
    ] {
        if row.flag()? && !superuser {
            excess.push(Excess {
                what: format!("{role} {what}."),
                revoke: Some(format!("ALTER ROLE {quoted} {option};")),
            });
        }
    }
    Ok(superuser)
}

/// From PostgreSQL 16 on it is the membership that inherits, before that the role.
fn inherit_from(groups: &str, role: &str, version: &str) -> String {
    let role = sql::identifier(role);
    let major: u32 =
        version.split(|c: char| !c.is_ascii_digit()).next().and_then(|major| major.parse().ok()).unwrap_or(0);
    if major >= 16 {
        format!("GRANT {groups} TO {role} WITH INHERIT TRUE;")
    } else {
        format!("ALTER ROLE {role} INHERIT;")
    }
}

/// Some tables of a schema.
struct Tables {
    count: u64,
    /// As SQL names them, with commas between.
    names: Option<String>,
}

impl Tables {
    /// So many are still named one by one.
    const MAX_NAMED: u64 = 20;

    fn few(&self) -> Option<&str> {
        self.names.as_deref().filter(|_| self.count <= Self::MAX_NAMED)
    }
}

pub(crate) fn number_of_tables(count: u64) -> String {
    if count == 1 { "1 table".to_owned() } else { format!("{count} tables") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(name: &str, tables: u64, readable: u64) -> SchemaRights {
        SchemaRights { name: name.into(), usage: true, tables, readable, row_security: 0, grant: None }
    }

    fn passport(schemas: Vec<SchemaRights>, excess: Vec<Excess>) -> RolePrivileges {
        RolePrivileges { schemas, excess, denied: Vec::new(), valid_until: None, inherit: None }
    }

    #[test]
    fn changes_of_rights_are_told_and_new_tables_are_not() {
        let writes = Excess { what: "r may write.".into(), revoke: Some("REVOKE".into()) };
        let before = passport(vec![schema("a", 2, 2), schema("b", 1, 1)], vec![]);
        let grown = passport(vec![schema("a", 5, 5), schema("b", 1, 1)], vec![]);
        assert_eq!(grown.changes_since(&before), [""; 0]);
        let after = passport(vec![schema("a", 3, 2)], vec![writes]);
        assert_eq!(
            after.changes_since(&before),
            [
                "New: r may write.",
                "The role can read 2 of the 3 tables of the schema a; before: 2 of 2.",
                "The schema b is gone.",
            ]
        );
        assert_eq!(before.changes_since(&after)[0], "No longer so: r may write.");
    }
}
