//! The role's passport: what it can read, what it cannot and the GRANT that opens it, and what it has too
//! much of, with the REVOKE.

use crate::{catalogue::Reader, client::Client, explain::Asked, lookup::DeniedLookup, reader::at_most, sql};
use mycorr_domain::Result;
use serde::{Deserialize, Serialize};

/// What the role of a connection may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passport {
    pub schemas: Vec<SchemaRights>,
    /// Rights that a reader does not need.
    pub excess: Vec<Excess>,
    /// What of the catalogue is kept from the role, so that not all is known.
    #[serde(default)]
    pub denied: Vec<DeniedLookup>,
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
    /// The SQL that takes it away.
    pub revoke: String,
}

impl Passport {
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
        let revokes = self.excess.iter().map(|excess| excess.revoke.as_str());
        let all: Vec<&str> = self.denied.iter().map(|lookup| lookup.grant.as_str()).chain(revokes).collect();
        (!all.is_empty()).then(|| all.join("\n"))
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
            let shut = |rights: &SchemaRights| rights.tables - rights.readable.min(rights.tables);
            let SchemaRights { name, tables, readable, row_security, .. } = now;
            if now.usage != then.usage {
                let word = if now.usage { "now" } else { "no longer" };
                changes.push(format!("The role may {word} look into the schema {name}."));
            } else if shut(now) != shut(&then) {
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
    /// Two SELECTs over the catalogue.
    ///
    /// # Errors
    /// As every read.
    pub async fn passport(&mut self) -> Result<Passport> {
        let endpoint = self.target.endpoint.clone();
        let asked = Asked::login(&endpoint);
        let (role, database) = (endpoint.role(), endpoint.database.as_str());
        let attributes = self.query(sql::ROLE, &[], &asked).await?;
        let rights = self.query(sql::RIGHTS, &[&MAX_SCHEMAS.to_string()], &asked).await?;
        at_most(&rights, MAX_SCHEMAS, "schemas")?;
        let mut excess = Vec::new();
        if let Some(row) = attributes.first() {
            attribute_excess(&mut Reader::new(row), role, database, &mut excess)?;
        }
        let superuser = excess.iter().any(|excess| excess.revoke.contains("NOSUPERUSER"));
        let mut schemas = Vec::with_capacity(rights.len());
        for row in &rights {
            let mut row = Reader::new(row);
            let name = row.name()?;
            let usage = row.optional_flag()? != Some(false);
            let (create, create_public) = (row.flag()?, row.flag()?);
            let (tables, readable, shut) = (row.number()?, row.number()?, row.optional()?);
            let writable = Tables { count: row.number()?, names: row.optional()? };
            let public = Tables { count: row.number()?, names: row.optional()? };
            let row_security = row.number()?;
            // A superuser may everything; saying it once is enough.
            if !superuser {
                schema_excess(&name, role, (create, create_public), &writable, &public, &mut excess);
            }
            let shut = Tables { count: tables.saturating_sub(readable), names: shut };
            let readable = if usage { readable } else { 0 };
            let grant = (readable < tables || !usage).then(|| match shut.few() {
                // Some were opened and some were not: it may have been meant so.
                Some(names) if readable > 0 => sql::grant_select_all(names, role),
                _ => sql::grant_schema(&name, role),
            });
            schemas.push(SchemaRights { name, usage, tables, readable, row_security, grant });
        }
        let denied = self.denied_lookups().await;
        Ok(Passport { schemas, excess, denied })
    }
}

fn attribute_excess(
    row: &mut Reader<'_>,
    role: &str,
    database: &str,
    excess: &mut Vec<Excess>,
) -> Result<()> {
    let quoted = sql::identifier(role);
    for (what, option) in [
        ("is a superuser: it may do everything", "NOSUPERUSER"),
        ("sees all rows whatever row-level security says", "NOBYPASSRLS"),
        ("may copy the whole cluster by replication", "NOREPLICATION"),
        ("may create databases", "NOCREATEDB"),
        ("may create and change roles", "NOCREATEROLE"),
    ] {
        if row.flag()? {
            excess.push(Excess {
                what: format!("{role} {what}."),
                revoke: format!("ALTER ROLE {quoted} {option};"),
            });
        }
    }
    let (create, public) = (row.flag()?, row.flag()?);
    if create && !excess.iter().any(|excess| excess.revoke.ends_with("NOSUPERUSER;")) {
        let from = if public { "PUBLIC" } else { &quoted };
        excess.push(Excess {
            what: format!("{role} may create schemas in {database}."),
            revoke: format!("REVOKE CREATE ON DATABASE {} FROM {from};", sql::identifier(database)),
        });
    }
    for member in row.optional()?.as_deref().unwrap_or_default().lines() {
        // A role that only reads adds nothing to complain about.
        if member != "pg_read_all_data" {
            excess.push(Excess {
                what: format!("{role} has the rights of the role {member}."),
                revoke: format!("REVOKE {} FROM {quoted};", sql::identifier(member)),
            });
        }
    }
    Ok(())
}

/// Some tables of a schema.
struct Tables {
    count: u64,
    /// As SQL names them, with commas between.
    names: Option<String>,
}

impl Tables {
    /// So many are still named one by one.
    const FEW: u64 = 20;

    fn few(&self) -> Option<&str> {
        self.names.as_deref().filter(|_| self.count <= Self::FEW)
    }
}

/// `create`: whether the role may, and whether everybody may. Tables that everybody may change are not `writable`.
fn schema_excess(
    schema: &str,
    role: &str,
    (create, create_public): (bool, bool),
    writable: &Tables,
    public: &Tables,
    excess: &mut Vec<Excess>,
) {
    let quoted = sql::identifier(role);
    let schema_sql = sql::schema_name(schema);
    if create {
        let from = if create_public { "PUBLIC" } else { quoted.as_str() };
        excess.push(Excess {
            what: format!("{role} may create tables in the schema {schema}."),
            revoke: format!("REVOKE CREATE ON SCHEMA {schema_sql} FROM {from};"),
        });
    }
    let all = format!("ALL TABLES IN SCHEMA {schema_sql}");
    for (tables, who, from) in [
        (writable, role.to_owned(), quoted.clone()),
        (public, "Everybody".to_owned(), format!("PUBLIC, {quoted}")),
    ] {
        if tables.count > 0 {
            excess.push(Excess {
                what: format!("{who} may change {} of the schema {schema}.", number_of_tables(tables.count)),
                revoke: format!(
                    "REVOKE INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER ON {} FROM {from};",
                    tables.few().unwrap_or(&all)
                ),
            });
        }
    }
}

fn number_of_tables(count: u64) -> String {
    if count == 1 { "1 table".to_owned() } else { format!("{count} tables") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(name: &str, tables: u64, readable: u64) -> SchemaRights {
        SchemaRights { name: name.into(), usage: true, tables, readable, row_security: 0, grant: None }
    }

    fn passport(schemas: Vec<SchemaRights>, excess: Vec<Excess>) -> Passport {
        Passport { schemas, excess, denied: Vec::new() }
    }

    #[test]
    fn changes_of_rights_are_told_and_new_tables_are_not() {
        let writes = Excess { what: "r may write.".into(), revoke: "REVOKE".into() };
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
