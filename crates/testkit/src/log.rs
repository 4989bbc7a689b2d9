//! What a server's log says that clients had it do.

/// A statement that the server's log holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedStatement {
    pub user: String,
    pub database: String,
    /// `statement` for the simple protocol, `execute <unnamed>` or `execute name` for the extended one.
    pub how: String,
    pub text: String,
}

/// User and database between marks that no name in a test holds. Further lines of an entry begin with a tab.
pub(crate) const LOG_PREFIX: &str = "%m [%p] <%u|%d> ";

pub(crate) fn parse_log(log: &str) -> Vec<LoggedStatement> {
    let mut statements: Vec<LoggedStatement> = Vec::new();
    // Whether the entry that a line with a tab goes on with is a statement.
    let mut open = false;
    for line in log.lines() {
        if let (Some(more), true) = (line.strip_prefix('\t'), open) {
            let text = &mut statements.last_mut().expect("open means that there is one").text;
            text.push('\n');
            text.push_str(more);
            continue;
        }
        let statement = statement(line);
        open = statement.is_some();
        statements.extend(statement);
    }
    statements
}

fn statement(line: &str) -> Option<LoggedStatement> {
    let (_, rest) = line.split_once("] <")?;
    let (who, rest) = rest.split_once("> LOG:  ")?;
    let (user, database) = who.split_once('|')?;
    let (how, text) = rest.split_once(": ")?;
    let known = how == "statement" || how.starts_with("execute ") || how == "fastpath function call";
    known.then(|| LoggedStatement {
        user: user.into(),
        database: database.into(),
        how: how.into(),
        text: text.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_of_a_log() {
        let log = "2026-01-01 00:00:00.000 UTC [7] <a|b> LOG:  execute <unnamed>: SELECT 1: \n\t-- x\n\
                   2026-01-01 00:00:00.000 UTC [7] <a|b> DETAIL:  parameters: $1 = 'x'\n\
                   2026-01-01 00:00:00.000 UTC [7] <a|b> ERROR:  no\n\tSTATEMENT: x\n\
                   2026-01-01 00:00:00.000 UTC [8] <|> LOG:  checkpoint starting: time\n\
                   2026-01-01 00:00:00.000 UTC [7] <c|d> LOG:  statement: COPY t TO stdout\n";
        let of = |user: &str, database: &str, how: &str, text: &str| LoggedStatement {
            user: user.into(),
            database: database.into(),
            how: how.into(),
            text: text.into(),
        };
        assert_eq!(
            parse_log(log),
            [
                of("a", "b", "execute <unnamed>", "SELECT 1: \n-- x"),
                of("c", "d", "statement", "COPY t TO stdout")
            ]
        );
    }
}
