//! Variables: `PGHOST=…`, `export PGPASSWORD=…`, `DATABASE_URL="postgres://…"`, lines of an `.env` file.

use super::{Parameters, after_scheme, psql, read_url, shell, strip_prefix_ignoring_case};
use mycorr_domain::{Result, Secret};

/// Whether the text sets variables that say something of a connection. All others are left alone: an `.env`
/// file holds much that is none of our business.
pub(super) fn read(text: &str, out: &mut Parameters) -> Result<bool> {
    let mut url = None;
    let mut found = Vec::new();
    for line in text.lines() {
        for Variable { name, value, expands } in variables(line) {
            let text = value.expose();
            if after_scheme(text).is_some() || strip_prefix_ignoring_case(text, "jdbc:postgresql:").is_some()
            {
                if url.is_none() {
                    url = Some((value, expands));
                } else {
                    out.warn("Several variables hold a connection URL. The first one was read.");
                }
            } else if let Some(keyword) = libpq_name(&name) {
                found.push((keyword, value, expands));
            }
        }
    }
    let has_url = url.is_some();
    if let Some((url, expands)) = url {
        if expands {
            out.warn(
                "The URL holds a $ or ` that a shell would have replaced. It was read as it stands: check the \
                 fields.",
            );
        }
        if !read_url(url.expose(), out)? {
            return Ok(false);
        }
        // Spring's URL names no user.
        found.retain(|(keyword, ..)| matches!(*keyword, "user" | "password") && !out.has(keyword));
    }
    for (keyword, value, expands) in &found {
        psql::set(out, keyword, value.expose(), *expands)?;
    }
    Ok(has_url || !found.is_empty())
}

/// libpq's keyword for a variable: libpq's own (PostgreSQL manual, "Environment Variables"), and those that
/// container images and web frameworks have made common.
pub(super) fn libpq_name(variable: &str) -> Option<&'static str> {
    Some(match variable {
        "PGHOST" => "host",
        "PGHOSTADDR" => "hostaddr",
        "PGPORT" => "port",
        "PGDATABASE" => "dbname",
        "PGUSER" => "user",
        "PGPASSWORD" => "password",
        "PGPASSFILE" => "passfile",
        "PGSERVICE" => "service",
        "PGOPTIONS" => "options",
        "PGSSLMODE" => "sslmode",
        "PGREQUIRESSL" => "requiressl",
        "PGSSLROOTCERT" => "sslrootcert",
        "PGSSLCERT" => "sslcert",
        "PGSSLKEY" => "sslkey",
        _ => {
            let prefixes = [
                "SPRING_DATASOURCE_",
                "QUARKUS_DATASOURCE_",
                "TYPEORM_",
                "POSTGRESQL_",
                "POSTGRES_",
                "DATABASE_",
                "RDS_",
                "DB_",
                "PG_",
            ];
            match prefixes.iter().find_map(|prefix| variable.strip_prefix(prefix))? {
                "HOST" | "HOSTNAME" | "SERVER" => "host",
                "PORT" => "port",
                "NAME" | "DB" | "DATABASE" | "DBNAME" | "DB_NAME" => "dbname",
                "USER" | "USERNAME" => "user",
                "PASSWORD" | "PASS" => "password",
                "SSLMODE" | "SSL_MODE" => "sslmode",
                _ => return None,
            }
        }
    })
}

struct Variable {
    name: String,
    value: Secret,
    expands: bool,
}

/// The variables that a line sets. A line for a shell (`export …`, or several assignments) follows a shell's
/// rules, one of an `.env` file those of dotenv, where a bare value may hold blanks, `$` and backslashes.
fn variables(line: &str) -> Vec<Variable> {
    let line = line.trim();
    if line.starts_with('#') {
        return Vec::new();
    }
    let exported = line.strip_prefix("export ");
    let words = shell::commands(exported.unwrap_or(line)).unwrap_or_default();
    let assignments: Vec<_> = words
        .iter()
        .flatten()
        .map_while(|word| {
            let (name, value) = word.assignment()?;
            let value = Secret::new(value.to_owned());
            Some(Variable { name: name.to_owned(), value, expands: word.expands })
        })
        .collect();
    let only = assignments.len() == words.iter().flatten().count();
    if exported.is_some() || (only && assignments.len() > 1) {
        return assignments;
    }
    let line =
        ["set ", "SET ", "$env:", "- "].iter().find_map(|word| line.strip_prefix(word)).unwrap_or(line);
    let Some((name, value)) = line.split_once('=') else { return Vec::new() };
    let name = name.trim();
    if !shell::is_name(name) {
        return Vec::new();
    }
    vec![Variable { name: name.to_owned(), value: dotenv_value(value.trim()), expands: false }]
}

fn dotenv_value(text: &str) -> Secret {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'));
    let Some(quote) = quote else {
        return Secret::new(text.split(" #").next().unwrap_or(text).trim_end().to_owned());
    };
    let mut value = String::new();
    let mut characters = text[1..].chars();
    while let Some(c) = characters.next() {
        match c {
            c if c == quote => return Secret::new(value),
            '\\' if quote == '"' => match characters.next() {
                Some(c @ ('"' | '\\' | '$')) => value.push(c),
                other => value.extend(['\\'].into_iter().chain(other)),
            },
            c => value.push(c),
        }
    }
    // The quote belongs to the value.
    Secret::new(text.to_owned())
}
