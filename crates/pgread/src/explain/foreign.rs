//! Foreign servers: rows that the source fetches from elsewhere (postgres_fdw, file_fdw, dblink and the like). Which
//! of them failed, what was the matter there, and whose turn it is.

use super::{
    beneath::{Foreign, Object},
    reading::{Read, shown},
    server::{new, routine},
    sqlstate::{class, plain},
    words,
};
use mycorr_domain::{Code, Problem};

/// What of the way to the foreign rows failed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The foreign server answered with an error.
    Remote,
    Unreachable,
    NoMapping,
    NoPassword,
    File,
    /// What came does not fit the columns that were declared here.
    Value,
    Unknown,
}

impl Read<'_> {
    /// `None` if the failure has nothing to do with a foreign server.
    pub(super) fn foreign(&self) -> Option<Problem> {
        let part = self.part()?;
        let error = self.error;
        let tables: Vec<&Object> = self.objects().filter(|object| object.foreign.is_some()).collect();
        let failed = self.failed(part, &tables);
        let name = self.name();
        let at = failed
            .and_then(|object| object.foreign.as_ref())
            .map_or_else(|| "a foreign server".to_owned(), described);
        let through = match failed {
            Some(table) if table.depth != Some(0) => {
                format!("{name} reads the foreign table {}, whose rows come", shown(&table.sql))
            }
            Some(_) => format!("The rows of the foreign table {name} come"),
            None => format!("{name} reads rows that come"),
        };
        let foreign = failed.and_then(|object| object.foreign.as_ref());
        let sqlstate = plain(&error.sqlstate);
        let problem = |what: &str| {
            new(
                Code::ForeignServerFailed,
                format!("{through} from {at}, {what} (SQLSTATE {sqlstate}). Nothing was changed."),
            )
        };
        let remote = foreign.zip(failed).map(|(foreign, table)| remote_name(foreign, table));
        let remote = remote.as_deref().unwrap_or("the table");
        Some(match part {
            Part::Remote => match sqlstate {
                "42P01" | "3F000" => problem(&format!("and that has no table {remote} (any more)"))
                    .fix("Have the table made again on the foreign server, or the foreign table changed to where it is now (ALTER FOREIGN TABLE … OPTIONS), by this database's administrator."),
                "42703" => {
                    let column = foreign.and_then(|foreign| foreign.columns().find(|column| error.message.contains(&format!("\"{column}\"")) || error.message.contains(&format!(".{column} "))));
                    let column = column.map_or_else(|| "a column".to_owned(), |column| format!("the column {}", shown(column)));
                    problem(&format!("and {remote} lacks {column} there (any more)"))
                        .fix("Have the column made again on the foreign server, or leave it out here: choose the other columns, or have the foreign table changed by this database's administrator.")
                }
                "42501" => problem(&format!("and the role of the user mapping may not read {remote} there"))
                    .fix(format!("On the foreign server, its administrator has to grant SELECT on {remote} to the role that the user mapping names (and USAGE on its schema). A GRANT in this database changes nothing.")),
                "57014" => problem("and that stopped the read: it took longer than is allowed there")
                    .fix("Have statement_timeout raised there for the role of the user mapping."),
                _ if sqlstate.starts_with("08") || sqlstate.starts_with("57") => problem("and that ended the connection")
                    .fix("Try again. If it keeps happening, the foreign server's administrator knows why it ends connections."),
                _ => problem(&format!("and that answered with an error: {}", class(sqlstate)))
                    .fix("The foreign server's administrator can tell what is wrong there, by the SQLSTATE and the time. Nothing has to be changed in this database."),
            },
            Part::Unreachable => {
                let said = error.detail.as_deref().unwrap_or_default();
                let why = words::unreached(said).or_else(|| words::unreached(&error.message)).unwrap_or("it does not answer, or refuses to let this server in");
                problem(&format!("and this server does not get in there: {why}"))
                    .fix("The administrators of both servers have to look: whether the foreign one runs, whether this one may reach it, and whether the user mapping's role and password are right there.")
            }
            Part::NoMapping => match failed.zip(foreign) {
                Some((table, foreign)) => problem(&format!("and {} has no user mapping for it: this server does not know as whom to sign in there", shown(&table.who)))
                    .fix(format!(
                        "Have the administrator of this database run this, with the role and the password over there added as OPTIONS (user, password) where the server asks for them:\nCREATE USER MAPPING FOR {} SERVER {};",
                        table.who, foreign.server
                    )),
                None => problem("and there is no user mapping for it").fix("Have the administrator of this database create one (CREATE USER MAPPING)."),
            },
            Part::NoPassword => problem("and its user mapping does not sign in with a password, which roles that are no superusers have to")
                .fix("Have the administrator of this database put the role's password over there into the user mapping, and the foreign server ask for it (ALTER USER MAPPING … OPTIONS)."),
            Part::File => {
                let file = foreign.and_then(|foreign| foreign.option("filename")).map_or_else(|| "the file".to_owned(), |file| format!("the file {}", shown(file)));
                let why = match sqlstate {
                    "42501" => "the database server's system user may not read it",
                    "58P01" => "it is not there",
                    _ => "it can't be read",
                };
                new(
                    Code::ForeignServerFailed,
                    format!("{through} from {file} on the database server's machine, and {why} (SQLSTATE {sqlstate}). Nothing was changed."),
                )
                .fix("Have the file put there, readable for the server, by this database's administrator, or the foreign table changed to where it is now.")
            }
            Part::Value => problem("and what comes from there does not fit the columns that the foreign table declares")
                .fix("Have the foreign table's columns declared as they are over there, or the value mended, by this database's administrator."),
            Part::Unknown => problem("and fetching them failed")
                .fix("This database's administrator can look at the server's options and user mapping, the foreign server's administrator at its own side."),
        })
    }

    fn part(&self) -> Option<Part> {
        let error = self.error;
        let class = error.sqlstate.get(..2).unwrap_or_default();
        let is_foreign = || self.objects().any(|object| object.foreign.is_some());
        let of_files = || {
            self.objects().any(|object| {
                object.foreign.as_ref().is_some_and(|foreign| foreign.option("filename").is_some())
            })
        };
        Some(match (error.sqlstate.as_str(), routine(error)) {
            ("08001", _) | (_, "connect_pg_server" | "dblink_get_conn" | "dblink_connect")
                if class == "08" =>
            {
                Part::Unreachable
            }
            (
                _,
                "pgfdw_report_error"
                | "pgfdw_report_internal"
                | "dblink_res_error"
                | "dblink_res_internalerror",
            ) => Part::Remote,
            (_, "GetUserMapping") => Part::NoMapping,
            ("2F003", _) => Part::NoPassword,
            (_, "BeginCopyFrom" | "fileBeginForeignScan" | "OpenPipeStream") if of_files() => Part::File,
            ("58P01" | "58030", _) if of_files() && self.table().is_some_and(|table| table.kind == 'f') => {
                Part::File
            }
            _ if class == "HV" => Part::Unknown,
            _ if class == "08" && is_foreign() => Part::Remote,
            ("22P04", _) if is_foreign() => Part::Value,
            _ if class == "22" && self.table().is_some_and(|table| table.kind == 'f') => Part::Value,
            _ => return None,
        })
    }

    /// Which of the foreign tables beneath it was: the only one, or the one that the error fits.
    fn failed<'t>(&self, part: Part, tables: &[&'t Object]) -> Option<&'t Object> {
        let context = self.error.context.as_deref().unwrap_or_default();
        let fits = |table: &&&'t Object| {
            let Some(foreign) = &table.foreign else { return false };
            match part {
                Part::NoMapping => !foreign.mapped,
                Part::File => {
                    foreign.option("filename").is_some_and(|file| self.error.message.contains(file))
                }
                Part::Remote => context.contains(foreign.option("table_name").unwrap_or(&table.name)),
                Part::Unreachable => self.error.message.contains(foreign.server.trim_matches('"')),
                _ => context.contains(&table.name),
            }
        };
        match tables {
            [only] => Some(only),
            _ => tables.iter().find(fits).copied(),
        }
    }
}

/// `the foreign server far (postgres_fdw, 192.0.2.1:5432, database shop)`
fn described(foreign: &Foreign) -> String {
    let mut parts = vec![shown(&foreign.wrapper)];
    if let Some(host) = foreign.option("host").or_else(|| foreign.option("hostaddr")) {
        let port = foreign.option("port").map_or_else(String::new, |port| format!(":{}", shown(port)));
        parts.push(format!("{}{port}", shown(host)));
    }
    if let Some(database) = foreign.option("dbname") {
        parts.push(format!("database {}", shown(database)));
    }
    format!("the foreign server {} ({})", shown(&foreign.server), parts.join(", "))
}

/// What the foreign table is called over there.
fn remote_name(foreign: &Foreign, table: &Object) -> String {
    let local = table.schema.trim_matches('"').replace("\"\"", "\"");
    let schema = foreign.option("schema_name").unwrap_or(&local);
    let name = foreign.option("table_name").unwrap_or(&table.name);
    format!("{}.{}", shown(schema), shown(name))
}
