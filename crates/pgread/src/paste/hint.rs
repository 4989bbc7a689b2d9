//! Near misses in the form's fields: what is possible, but seldom meant.

use super::{after_scheme, strip_prefix_ignoring_case};
use mycorr_domain::{ConnectionKind, FieldProblem};

/// Sentences for fields that will probably not do what was meant, to stand beside a failed test. They don't
/// repeat what was typed.
pub fn near_misses(kind: ConnectionKind, host: &str, port: u16, database: &str) -> Vec<FieldProblem> {
    let mut hints = Vec::new();
    let mut hint = |field: &'static str, message: &str| {
        hints.push(FieldProblem { field: field.into(), message: message.to_owned() });
    };
    if is_url(host) {
        hint(
            "host",
            "This is a whole connection URL. Paste it into the form's paste field, which fills all fields.",
        );
    }
    match port {
        6543 if kind == ConnectionKind::Supabase || host.to_ascii_lowercase().contains(".supabase.") => hint(
            "port",
            "6543 is Supabase's transaction pooler. It works; the session pooler, port 5432, is recommended.",
        ),
        6543 | 6432 => hint(
            "port",
            "This is the usual port of a connection pooler. PostgreSQL itself usually listens on 5432.",
        ),
        3306 => hint("port", "3306 is MySQL's usual port. PostgreSQL's is 5432."),
        1433 => hint("port", "1433 is SQL Server's usual port. PostgreSQL's is 5432."),
        1521 => hint("port", "1521 is Oracle's usual port. PostgreSQL's is 5432."),
        27017 => hint("port", "27017 is MongoDB's usual port. PostgreSQL's is 5432."),
        _ => {}
    }
    let label = host.split('.').next().unwrap_or_default();
    if is_url(database) {
        hint("database", "This is a whole connection URL. Enter only the database's name.");
    } else if !database.is_empty()
        && host.contains('.')
        && (database.eq_ignore_ascii_case(host) || database.eq_ignore_ascii_case(label))
    {
        hint(
            "database",
            "This is the name of the server or cluster. A cluster holds several databases: enter the name of \
             one, which for a new cluster is usually postgres.",
        );
    }
    hints
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
        let hints = |kind, host, port, database| -> Vec<_> {
            near_misses(kind, host, port, database).into_iter().map(|hint| hint.field).collect()
        };
        assert_eq!(hints(Postgresql, "db.example.com", 5432, "shop"), [""; 0]);
        assert_eq!(hints(Postgresql, "postgres://u@h/d", 5432, "shop"), ["host"]);
        assert_eq!(hints(Supabase, "x.pooler.supabase.com", 6543, "postgres"), ["port"]);
        assert_eq!(hints(Postgresql, "h", 3306, "shop"), ["port"]);
        assert_eq!(hints(Postgresql, "Shop-1.x.rds.amazonaws.com", 5432, "shop-1"), ["database"]);
        assert_eq!(hints(Postgresql, "shop", 5432, "shop"), [""; 0]);
        assert_eq!(hints(Postgresql, "h", 5432, "postgres://h/d"), ["database"]);
    }
}
