//! What goes wrong in a table or view that the catalogue said is there and may be read.

use super::{
    beneath::{Beneath, Object, grant, right, word},
    server::{damaged, locked, new, routine},
    source,
    sqlstate::{is_of_a_value, is_unknown_name, plain},
};
use crate::{sql, wire::ServerError};
use mycorr_domain::{Code, Endpoint, Problem};

/// A read that failed, with what was looked up since.
pub(super) struct Read<'a> {
    pub(super) error: &'a ServerError,
    pub(super) schema: &'a str,
    pub(super) table: &'a str,
    pub(super) endpoint: &'a Endpoint,
    pub(super) beneath: Option<&'a Beneath>,
}

/// Whether an SQLSTATE tells of the server, a transaction or a right rather than of a value, so that it means the same
/// when a function passes it on (manual, appendix A).
fn is_of_server(sqlstate: &str) -> bool {
    sqlstate == "42501"
        || ["40", "53", "55", "57", "58", "XX"].iter().any(|class| sqlstate.starts_with(class))
}

impl<'a> Read<'a> {
    pub(super) fn to_problem(&self) -> Option<Problem> {
        let Self { error, schema, table, .. } = *self;
        let name = self.name();
        let role = self.endpoint.role();
        if routine(error) == "exec_stmt_raise" && !is_of_server(&error.sqlstate) {
            return Some(self.raised());
        }
        if let Some(problem) = self.foreign() {
            return Some(problem);
        }
        Some(match (error.sqlstate.as_str(), routine(error)) {
            ("42501", "check_enable_rls") => self.row_security_off(),
            // A number of a sequence cannot be had without writing.
            ("42501" | "25006", "nextval_internal" | "do_setval" | "SetSequence") => new(
                Code::WriteRefused,
                format!("{name} takes numbers from a sequence, which is a write. Mycorr only reads, so this can't be read by any role."),
            )
            .fix("Import the tables that it reads, or a view without nextval or setval."),
            ("42501", _) => self.denied(),
            ("25006", _) => new(
                Code::WriteRefused,
                format!("Reading {name} would write: {} changes data. The read was refused and nothing was changed.", self.function_or("a function that it calls")),
            )
            .fix("Import a table or a view that only reads."),
            // Names without a schema, where a table or a function used to be found through search_path.
            (sqlstate, _) if self.inside_a_function() && is_unknown_name(sqlstate) => self.without_schema(),
            ("42P01" | "3F000", _) => source::table_not_found(schema, table),
            ("42703" | "42804" | "42809", _) => source::source_changed(schema, table),
            ("55000", "ExecOpenScanRelation") => self.never_filled(),
            // `cannot access temporary or unlogged relations during recovery`
            ("0A000", "get_relation_info") => {
                let unlogged: Vec<String> = self.objects().filter(|object| object.unlogged).map(|object| shown(&object.sql)).collect();
                let which = if unlogged.is_empty() { String::new() } else { format!(" ({})", unlogged.join(", ")) };
                new(
                    Code::SourceError,
                    format!("{name} holds an unlogged table{which}. This server is a replica, and replicas do not have its rows."),
                )
                .fix("Read it from the primary.")
            }
            ("53400", "FileWrite" | "FileWriteV" | "FileZero") => new(
                Code::SourceError,
                format!("Reading {name} needs more temporary disk space than temp_file_limit allows (SQLSTATE 53400)."),
            )
            .fix(sql::alter_role_in(role, self.endpoint.database.as_str(), "temp_file_limit", "'10GB'")),
            ("54001", _) => new(
                Code::ViewFailed,
                format!("{name} is too deep for the server's stack (SQLSTATE 54001): {} calls itself, or views read each other, too often.", self.function_or("a function in it")),
            )
            .fix("Have the function that calls itself mended, or raise max_stack_depth at the server."),
            ("40P01", "DeadLockReport") => locked(),
            ("XX001" | "XX002", _) => damaged(&error.sqlstate, &format!(" in {name}")),
            ("58P01" | "58030", _) => damaged(&error.sqlstate, &format!(" in {name}: a file of its own is missing or unreadable")),
            ("XX000", routine) => self.internal(routine)?,
            (sqlstate, _) if self.computes() && is_of_a_value(sqlstate) => self.view_failed(),
            _ => return None,
        })
    }

    pub(super) fn name(&self) -> String {
        format!("{}.{}", self.schema, self.table)
    }

    pub(super) fn table(&self) -> Option<&'a Object> {
        self.beneath.and_then(Beneath::table)
    }

    pub(super) fn objects(&self) -> impl Iterator<Item = &'a Object> {
        self.beneath.into_iter().flat_map(Beneath::read_objects)
    }

    /// `the function public.f(integer)`, where it is known.
    fn function_or(&self, otherwise: &str) -> String {
        let function = self.beneath.and_then(|beneath| beneath.function(self.error));
        function
            .map_or_else(|| otherwise.to_owned(), |function| format!("the function {}", shown(&function.sql)))
    }

    /// Whether it was a statement of a function's that failed, and not ours.
    fn inside_a_function(&self) -> bool {
        self.error.internal_query.is_some() || self.error.context.is_some()
    }

    /// Whether reading it evaluates anything of its owner's: a view, or a table with a policy or function beneath.
    fn computes(&self) -> bool {
        self.inside_a_function()
            || self.table().is_none_or(|table| matches!(table.kind, 'v' | 'm'))
            || self.objects().count() > 1
    }

    fn raised(&self) -> Problem {
        new(
            Code::ViewFailed,
            format!(
                "{} raised an error of its own while {} was read (SQLSTATE {}{}). Nothing was changed.",
                capital(&self.function_or("A function")), self.name(), plain(&self.error.sqlstate), self.line()
            ),
        )
        .fix("Ask who wrote the function: it refuses to be read like this on purpose, or met a row that it does not expect.")
    }

    /// The view's own expression fails on a row.
    fn view_failed(&self) -> Problem {
        let kind = match self.error.sqlstate.as_str() {
            "22012" => "it divides by zero",
            "22P02" | "22018" | "22007" => "a text is not a value of the type that it is cast to",
            "22008" => "a date or time is outside of what its type holds",
            "22003" => "a number is outside of what its type holds",
            "22001" => "a text is too long for its type",
            "21000" => "a subquery that may return one row returns several",
            "22030" | "22032" | "22033" | "22034" | "22035" | "2203A" | "2203F" | "22023" => {
                "a value is not of the form that a function takes"
            }
            "2201B" => "a regular expression is not valid",
            "2201E" | "2201F" => "a logarithm or power has no result",
            "2202E" => "the subscript of an array is not valid",
            "22026" | "22011" => "a substring or bit string has the wrong length",
            "22004" => "a value is null that must not be",
            "23514" | "23502" | "44000" => "a value breaks a rule of the type that it is cast to",
            "54000" | "54023" | "22P01" => "a value grows too large",
            "55000" => "something that it reads is not ready to be read",
            _ => "one of its expressions has no result",
        };
        let what = match self.table().map(|table| table.kind) {
            Some('v') | None => "The view itself fails",
            Some('m') => "The materialized view itself fails",
            _ => "A policy or a function of the table fails",
        };
        let place = match self.beneath.and_then(|beneath| beneath.function(self.error)) {
            Some(function) => format!(" It fails in the function {}{}.", shown(&function.sql), self.line()),
            None if self.inside_a_function() => " It fails in a function that it calls.".to_owned(),
            None => String::new(),
        };
        new(
            Code::ViewFailed,
            format!("{what} while {} is read: {kind} (SQLSTATE {}).{place} Nothing was changed.", self.name(), plain(&self.error.sqlstate)),
        )
        .fix("Have its owner mend the expression, or the row on which it fails. Import the tables beneath it if you need their rows meanwhile.")
    }

    /// `, line 3`: where PL/pgSQL was, in whatever language it says so.
    fn line(&self) -> String {
        let function = self.beneath.and_then(|beneath| beneath.function(self.error));
        let context = self.error.context.as_deref().unwrap_or_default();
        let after =
            function.and_then(|function| context.lines().find_map(|line| function.signature_in(line)));
        let Some(after) = after else { return String::new() };
        let digits: String =
            after.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
        if digits.is_empty() || digits.len() > 9 { String::new() } else { format!(", line {digits}") }
    }

    /// An error for which PostgreSQL has no code. An allocation of an impossible size is a damaged length.
    fn internal(&self, routine: &str) -> Option<Problem> {
        let allocates = routine.starts_with("MemoryContext")
            || routine.contains("palloc")
            || routine.starts_with("AllocSet");
        let stores = routine.starts_with("md")
            || ["toast", "heap", "tuple", "pglz", "Buffer", "index", "_bt"]
                .iter()
                .any(|part| routine.contains(part));
        let size = allocates
            .then(|| {
                self.error
                    .message
                    .split(|c: char| !c.is_ascii_digit())
                    .filter_map(|digits| digits.parse::<u64>().ok())
                    .max()
            })
            .flatten();
        match size {
            // No value asks for so much: a length that was overwritten does.
            Some(size) if size > 1 << 40 => Some(damaged("XX000", &format!(" in {}", self.name()))),
            Some(_) => Some(
                new(
                    Code::ViewFailed,
                    format!("A value of {} grows over the gigabyte that PostgreSQL can hold at once (SQLSTATE XX000). Nothing was changed.", self.name()),
                )
                .fix("Leave the column out, or have the value made smaller at the source."),
            ),
            None if stores => Some(damaged("XX000", &format!(" in {}", self.name()))),
            None => None,
        }
    }

    fn row_security_off(&self) -> Problem {
        let problem = new(
            Code::RowSecurityHidesRows,
            format!(
                "Row-level security hides rows of a table that {} reads, and a function in it switches row_security off, so PostgreSQL refuses the read.",
                self.name()
            ),
        );
        let all = self.beneath.into_iter().flat_map(Beneath::all);
        let mut resets: Vec<String> = all
            .filter(|object| {
                object.kind == 'F' && object.settings.lines().any(|line| line.starts_with("row_security="))
            })
            .map(|function| format!("ALTER FUNCTION {} RESET row_security;", function.sql))
            .collect();
        resets.sort();
        resets.dedup();
        if resets.is_empty() {
            return problem
                .fix("Have the function's SET row_security = off removed, or read the table itself.");
        }
        problem.fix(format!("Have that removed (the function then sees the rows that its role may see), or read the table itself:\n{}", resets.join("\n")))
    }

    fn never_filled(&self) -> Problem {
        // The deepest first: what is filled from another one needs that one's rows.
        let mut unfilled: Vec<&Object> =
            self.objects().filter(|object| object.kind == 'm' && !object.filled).collect();
        unfilled.sort_by_key(|object| std::cmp::Reverse(object.depth));
        let lines: Vec<String> =
            unfilled.iter().map(|object| format!("REFRESH MATERIALIZED VIEW {};", object.sql)).collect();
        let problem = new(
            Code::SourceError,
            format!("{} reads a materialized view that was never filled, or it is one itself.", self.name()),
        );
        if lines.is_empty() {
            return problem
                .fix("Have the materialized view filled (REFRESH MATERIALIZED VIEW, by its owner).");
        }
        problem.fix(lines.join("\n"))
    }

    /// A function names something without its schema. With one place where that is, its search path can be said.
    fn without_schema(&self) -> Problem {
        let name = self.name();
        let sqlstate = plain(&self.error.sqlstate);
        let called = self.function_or("a function");
        let meant: Vec<&Object> = self.meant().collect();
        let mut schemas: Vec<&str> = meant.iter().map(|object| object.schema.as_str()).collect();
        schemas.sort_unstable();
        schemas.dedup();
        if self.beneath.is_some() && schemas.is_empty() {
            return new(
                Code::ViewFailed,
                format!("{name} calls {called}, which names a table, type or other function that does not exist (any more) (SQLSTATE {sqlstate})."),
            )
            .fix("Have the function mended, or what it names made again.");
        }
        let problem = new(
            Code::ViewFailed,
            format!(
                "{name} calls {called}, which names a table, type or other function without its schema (SQLSTATE {sqlstate}). Mycorr reads with search_path = pg_catalog, so that a name can't mean two things."
            ),
        );
        let function = self.beneath.and_then(|beneath| beneath.function(self.error));
        match (function, schemas.as_slice()) {
            (Some(function), [schema]) => {
                let before = function.settings.lines().find_map(|line| line.strip_prefix("search_path="));
                let mut path: Vec<&str> = before.into_iter().flat_map(|path| path.split(", ")).filter(|part| *part != "pg_temp" && part != schema).collect();
                path.extend([*schema, "pg_temp"]);
                problem.fix(format!(
                    "Have the function name things with their schema, or give it a search path of its own:\nALTER FUNCTION {} SET search_path = {};",
                    function.sql, path.join(", ")
                ))
            }
            _ => problem.fix(format!(
                "Have the function name things with their schema, or give it a search path of its own (ALTER FUNCTION … SET search_path). The name exists in: {}.",
                schemas.join(", ")
            )),
        }
    }

    /// What is not beneath the table by the catalogue and bears a name that the error holds.
    fn meant(&self) -> impl Iterator<Item = &'a Object> {
        let message = &self.error.message;
        self.beneath.into_iter().flat_map(Beneath::all).filter(move |object| {
            object.depth.is_none() && object.kind != 'N' && holds_word(message, &object.name)
        })
    }

    /// The catalogue said that the role may read the table. So the right was taken away just now, or it is missing
    /// beneath: a view reads with its owner's rights, a function is run with the caller's.
    fn denied(&self) -> Problem {
        let (schema, table, role) = (self.schema, self.table, self.endpoint.role());
        let mut missing: Vec<&Object> =
            self.objects().filter(|object| !object.allowed && object.kind != 'S').collect();
        let named: Vec<&Object> =
            missing.iter().copied().filter(|object| holds_word(&self.error.message, &object.name)).collect();
        if named.is_empty() && self.inside_a_function() {
            missing.clear();
        }
        if let [only] = missing.as_slice()
            && only.depth == Some(0)
        {
            return source::table_permission_denied(schema, table, role);
        }
        if !missing.is_empty() {
            let first = named.first().copied().unwrap_or(missing[0]);
            let mut grants: Vec<String> = Vec::new();
            for object in &missing {
                let grant = grant(object, &object.who);
                if !grants.contains(&grant) {
                    grants.push(grant);
                }
            }
            return new(
                Code::TablePermissionDenied,
                format!(
                    "permission denied for {} {}: {schema}.{table} needs it, and {} lacks {} on it. A view reads with the rights of its \
                     owner; functions, and views with security_invoker, with those of {role}.",
                    word(first.kind), shown(&first.name), shown(&first.who), right(first.kind)
                ),
            )
            .fix(grants.join("\n"));
        }
        // Within a function, of which only the name of what it may not read is known.
        let function = self.beneath.and_then(|beneath| beneath.function(self.error));
        let executes = function.and_then(|function| function.definer.clone());
        // Whose right counts is known where the function is.
        let is_known = function.is_some() || !self.inside_a_function();
        let who = executes.unwrap_or_else(|| sql::identifier(role));
        let candidates: Vec<&Object> = self
            .beneath
            .into_iter()
            .flat_map(Beneath::all)
            .filter(|object| object.depth.is_none() && holds_word(&self.error.message, &object.name))
            .filter(|object| who != object.who || !object.allowed)
            .collect();
        let called = self.function_or("a function or view that it reads");
        if let ([object], true) = (candidates.as_slice(), is_known) {
            return new(
                Code::TablePermissionDenied,
                format!(
                    "permission denied for {} {}: {schema}.{table} calls {called}, which needs it, and {} lacks {} on it.",
                    word(object.kind), shown(&object.name), shown(&who), right(object.kind)
                ),
            )
            .fix(grant(object, &who));
        }
        let places: Vec<String> = candidates.iter().map(|object| shown(&object.sql)).collect();
        let of_these = if places.is_empty() {
            String::new()
        } else {
            format!(" It is one of these, which bear the same name: {}.", places.join(", "))
        };
        new(
            Code::TablePermissionDenied,
            format!("permission denied for something that {schema}.{table} reads through {called}: {} lacks the right.{of_these}", shown(&who)),
        )
        .fix("Ask who made it which right it needs beneath, and grant that one.")
    }
}

/// Whether a message holds a name, and not only as a part of a longer one.
fn holds_word(message: &str, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    !name.is_empty()
        && message
            .match_indices(name)
            .any(|(at, _)| !message[..at].ends_with(part) && !message[at + name.len()..].starts_with(part))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// A name that a server sent, as it can stand in a sentence: short, and without what could disguise it.
pub(super) fn shown(name: &str) -> String {
    let hidden = |c: &char| {
        !c.is_control()
            && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    name.chars().filter(hidden).take(130).collect()
}
