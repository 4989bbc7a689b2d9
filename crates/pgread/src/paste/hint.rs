//! Near misses in the form's fields: what is possible, but seldom meant.

use super::{after_scheme, strip_prefix_ignoring_case};
use mycorr_domain::{ConnectionKind, FieldProblem};

/// Sentences for fields that will probably not do what was meant, to stand beside a failed test. They don't
/// repeat what was typed.
pub fn near_misses(
    kind: ConnectionKind,
    host: &str,
    port: u16,
    database: &str,
    username: &str,
) -> Vec<FieldProblem> {
    let host = host.trim().to_ascii_lowercase();
    let hints = [
        ("host", of_host(&host)),
        ("port", of_port(kind, &host, port)),
        ("database", of_database(&host, database)),
        ("username", of_username(&host, username)),
    ];
    let told = |(field, hint): (&'static str, Option<&str>)| {
        hint.map(|hint| FieldProblem { field: field.into(), message: hint.to_owned() })
    };
    hints.into_iter().filter_map(told).collect()
}

fn of_host(host: &str) -> Option<&'static str> {
    if is_url(host) {
        Some(
            "This is a whole connection URL. Paste it into any field of the form, and its parts go where they belong.",
        )
    } else if host.contains("://") {
        Some(
            "This is the address of a web page. Enter only the server's name, as the database's provider shows it.",
        )
    } else if host.contains('/') {
        Some("There is a slash in the host. What follows it is the database, which has its own field.")
    } else if host.rsplit_once(':').is_some_and(|(name, port)| {
        !name.contains(':') && !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())
    }) {
        Some("There is a port in the host. It has its own field.")
    } else {
        None
    }
}

fn of_port(kind: ConnectionKind, host: &str, port: u16) -> Option<&'static str> {
    Some(match port {
        6543 if kind == ConnectionKind::Supabase || host.contains(".supabase.") => {
            "6543 is Supabase's transaction pooler. It works; the session pooler, port 5432, is recommended."
        }
        6543 | 6432 => {
            "This is the usual port of a connection pooler. PostgreSQL itself usually listens on 5432."
        }
        3306 => "3306 is MySQL's usual port. PostgreSQL's is 5432.",
        1433 => "1433 is SQL Server's usual port. PostgreSQL's is 5432.",
        1521 => "1521 is Oracle's usual port. PostgreSQL's is 5432.",
        27017 => "27017 is MongoDB's usual port. PostgreSQL's is 5432.",
        6379 => "6379 is the usual port of Redis. PostgreSQL's is 5432.",
        22 => "22 is the usual port of SSH. PostgreSQL's is 5432. Mycorr does not tunnel through SSH.",
        80 | 443 | 8080 | 8443 => "This is the usual port of web servers. PostgreSQL's is 5432.",
        _ => return None,
    })
}

fn of_database(host: &str, database: &str) -> Option<&'static str> {
    let label = host.split('.').next().unwrap_or_default();
    if is_url(database) {
        Some("This is a whole connection URL. Enter only the database's name.")
    } else if in_blanks_or_quotes(database) {
        Some(AROUND)
    } else if database.starts_with('/') || database.contains('?') {
        Some(
            "This looks like the end of a URL. Enter only the name, without the slash before it and the question mark behind it.",
        )
    } else if matches!(database, "5432" | "5433" | "6432" | "6543") {
        Some("This looks like a port, which has its own field. Enter the database's name.")
    } else if host.contains('.')
        && (database.eq_ignore_ascii_case(host) || database.eq_ignore_ascii_case(label))
    {
        Some(
            "This is the name of the server or cluster. A cluster holds several databases: enter the name of \
             one, which for a new cluster is usually postgres.",
        )
    } else {
        None
    }
}

fn of_username(host: &str, username: &str) -> Option<&'static str> {
    if is_url(username) {
        Some("This is a whole connection URL. Enter only the role's name.")
    } else if in_blanks_or_quotes(username) {
        Some(AROUND)
    } else if username.contains('@') && host.ends_with(".postgres.database.azure.com") {
        Some(
            "Azure's flexible servers take the role's name alone, without the @ and the server's name that \
             its single servers wanted.",
        )
    } else if username.split_once('@').is_some_and(|(_, server)| {
        let server = server.to_ascii_lowercase();
        !server.is_empty() && (host == server || host.split('.').next() == Some(&server))
    }) {
        Some("What follows the @ is the host, which has its own field. Enter only the role's name.")
    } else if username.contains(':') && !username.starts_with(':') {
        Some("A colon and what follows it is usually the password, which has its own field.")
    } else if host.ends_with(".pooler.supabase.com") && !username.contains('.') {
        Some(
            "At Supabase's pooler the username is the role, a dot and the project ref: postgres.<project ref>.",
        )
    } else if host.starts_with("db.") && host.ends_with(".supabase.co") && username.contains('.') {
        Some("At Supabase's direct host the username is the role alone, without a dot and the project ref.")
    } else {
        None
    }
}

const AROUND: &str = "There are blanks or quotes around the name. They count as a part of it.";

fn in_blanks_or_quotes(name: &str) -> bool {
    let quoted = |quote| name.len() > 1 && name.starts_with(quote) && name.ends_with(quote);
    name.trim() != name || ['"', '\'', '`'].into_iter().any(quoted)
}

fn is_url(text: &str) -> bool {
    let text = text.trim();
    after_scheme(text).is_some() || strip_prefix_ignoring_case(text, "jdbc:").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mycorr_domain::ConnectionKind::{Postgresql, Supabase};

    #[test]
    fn near_misses_of_the_form() {
        let pooler = "aws-0-eu-central-1.pooler.supabase.com";
        let azure = "shop.postgres.database.azure.com";
        for (kind, (host, port, database, username), field, word) in [
            (Postgresql, ("db.example.com", 5432, "shop", "reader"), "", ""),
            (Postgresql, (" DB.example.com ", 5432, "shop", "reader"), "", ""),
            (Postgresql, ("2001:db8::1", 5432, "shop", "reader"), "", ""),
            (Postgresql, ("shop", 5432, "shop", "reader"), "", ""),
            (Postgresql, ("postgres://u@h/d", 5432, "shop", "reader"), "host", "Paste it"),
            (Postgresql, (" jdbc:postgresql://h/d", 5432, "shop", "reader"), "host", "Paste it"),
            (Postgresql, ("https://db.example.com", 5432, "shop", "reader"), "host", "web page"),
            (Postgresql, ("db.example.com/shop", 5432, "shop", "reader"), "host", "slash"),
            (Postgresql, ("db.example.com:5433", 5432, "shop", "reader"), "host", "port"),
            (Supabase, (pooler, 6543, "postgres", "postgres.abc"), "port", "session pooler"),
            (Postgresql, ("h", 6543, "shop", "reader"), "port", "pooler"),
            (Postgresql, ("h", 3306, "shop", "reader"), "port", "MySQL"),
            (Postgresql, ("h", 443, "shop", "reader"), "port", "web"),
            (Postgresql, ("h", 22, "shop", "reader"), "port", "SSH"),
            (Postgresql, ("Shop-1.x.rds.amazonaws.com", 5432, "shop-1", "reader"), "database", "cluster"),
            (Postgresql, ("db.example.com", 5432, "db.example.com", "reader"), "database", "cluster"),
            (Postgresql, ("h", 5432, "postgres://h/d", "reader"), "database", "URL"),
            (Postgresql, ("h", 5432, "shop ", "reader"), "database", "blanks"),
            (Postgresql, ("h", 5432, "\"Shop\"", "reader"), "database", "quotes"),
            (Postgresql, ("h", 5432, "/shop", "reader"), "database", "end of a URL"),
            (Postgresql, ("h", 5432, "shop?sslmode=require", "reader"), "database", "end of a URL"),
            (Postgresql, ("h", 5432, "5432", "reader"), "database", "port"),
            (Postgresql, (azure, 5432, "orders", "reader@shop"), "username", "Azure"),
            (Postgresql, ("shop.example.com", 5432, "orders", "reader@Shop"), "username", "host"),
            (Postgresql, ("h", 5432, "orders", "ada@example.org"), "", ""),
            (Postgresql, ("h", 5432, "orders", "reader:hunter2"), "username", "password"),
            (Postgresql, ("h", 5432, "orders", "postgres://u@h/d"), "username", "URL"),
            (Postgresql, ("h", 5432, "orders", " reader"), "username", "blanks"),
            (Supabase, (pooler, 5432, "postgres", "postgres"), "username", "project ref"),
            (Supabase, ("db.abc.supabase.co", 5432, "postgres", "postgres.abc"), "username", "alone"),
        ] {
            let hints = near_misses(kind, host, port, database, username);
            let fields: Vec<_> = hints.iter().map(|hint| &*hint.field).collect();
            assert_eq!(fields.join(","), field, "{host} {port} {database} {username}: {hints:?}");
            assert!(hints.iter().all(|hint| hint.message.contains(word)), "{hints:?}");
            assert!(hints.iter().all(|hint| !hint.message.contains("hunter2")), "{hints:?}");
        }
    }
}
