//! Command lines of `psql` and PostgreSQL's other clients, with what `env`, `sudo`, `docker exec` and the like put
//! before them.

use super::{
    Parameters, after_scheme, environment, keywords, refuse,
    shell::{self, Word},
    uri,
};
use mycorr_domain::{Result, Secret};

/// A client program, and which of its options take an argument (PostgreSQL 18); all others take none.
struct Tool {
    name: &'static str,
    short: &'static str,
    long: &'static [&'static str],
    /// What an argument without an option is.
    operand: Operand,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operand {
    /// The database, then the user.
    DatabaseAndUser,
    Database,
    /// A file or nothing.
    Other,
}

const PSQL: Tool = Tool {
    name: "psql",
    short: "cdfFhLoPpRTUv",
    long: LONG_WITH_ARGUMENT,
    operand: Operand::DatabaseAndUser,
};

const TOOLS: [Tool; 10] = [
    PSQL,
    Tool { name: "pgcli", short: "hpUudDIl", long: &["user"], operand: Operand::DatabaseAndUser },
    Tool { name: "pg_dump", short: "dEefFhjnNpStTUZ", long: LONG_OF_DUMPS, operand: Operand::Database },
    Tool { name: "pg_dumpall", short: "dEfhlpSU", long: LONG_OF_DUMPS, operand: Operand::Other },
    Tool { name: "pg_restore", short: "dfFhIjLnNpPStTU", long: LONG_OF_DUMPS, operand: Operand::Other },
    Tool { name: "pg_isready", short: "dhptU", long: &["timeout"], operand: Operand::Other },
    Tool { name: "pg_basebackup", short: "cdDFhlprsStTUXZ", long: LONG_OF_BACKUPS, operand: Operand::Other },
    Tool { name: "pgbench", short: "bcDfFhiIjLMpPRstTU", long: LONG_OF_BENCHES, operand: Operand::Database },
    Tool { name: "vacuumdb", short: "dhjnNpPtU", long: LONG_OF_DUMPS, operand: Operand::Database },
    Tool { name: "reindexdb", short: "dhijpStU", long: LONG_OF_DUMPS, operand: Operand::Database },
];

/// Those that every client has.
const LONG_OF_ALL: &[&str] = &["host", "port", "username", "dbname"];
const LONG_OF_DUMPS: &[&str] = &[
    "compress",
    "encoding",
    "exclude-database",
    "exclude-extension",
    "exclude-schema",
    "exclude-table",
    "exclude-table-and-children",
    "exclude-table-data",
    "exclude-table-data-and-children",
    "extension",
    "extra-float-digits",
    "file",
    "filter",
    "format",
    "function",
    "include-foreign-data",
    "index",
    "jobs",
    "lock-wait-timeout",
    "maintenance-db",
    "min-mxid-age",
    "min-xid-age",
    "parallel",
    "restrict-key",
    "role",
    "rows-per-insert",
    "schema",
    "section",
    "snapshot",
    "superuser",
    "sync-method",
    "table",
    "table-and-children",
    "trigger",
    "use-list",
];
const LONG_OF_BACKUPS: &[&str] =
    &["pgdata", "format", "max-rate", "label", "checkpoint", "slot", "wal-method"];
const LONG_OF_BENCHES: &[&str] =
    &["client", "define", "file", "jobs", "rate", "scale", "time", "transactions"];

const LONG_WITH_ARGUMENT: &[&str] = &[
    "command",
    "dbname",
    "field-separator",
    "file",
    "host",
    "log-file",
    "output",
    "port",
    "pset",
    "record-separator",
    "set",
    "table-attr",
    "username",
    "variable",
];
const LONG_WITHOUT: &[&str] = &[
    "csv",
    "echo-all",
    "echo-errors",
    "echo-hidden",
    "echo-queries",
    "expanded",
    "field-separator-zero",
    "help",
    "html",
    "list",
    "no-align",
    "no-password",
    "no-psqlrc",
    "no-readline",
    "password",
    "quiet",
    "record-separator-zero",
    "single-line",
    "single-step",
    "single-transaction",
    "tuples-only",
    "version",
];

/// Whether a command of the text is one of PostgreSQL's clients. Variables that were set before it count.
pub(super) fn read(text: &str, out: &mut Parameters) -> Result<bool> {
    // A keyword string may hold the word too: `application_name = psql`.
    if !TOOLS.iter().any(|tool| text.contains(tool.name)) {
        return Ok(false);
    }
    let Some(commands) = shell::commands(text) else {
        return if text.split_whitespace().any(|word| tool(word).is_some()) {
            Err(refuse("A quote in the command line is not closed."))
        } else {
            Ok(false)
        };
    };
    let mut variables: Vec<&Word> = Vec::new();
    for command in &commands {
        let found = command.iter().enumerate().find_map(|(at, word)| {
            let value = at > 0 && !command[at - 1].quoted && command[at - 1].text.expose().ends_with('=');
            tool(word.text.expose()).filter(|_| !value).map(|tool| (at, tool))
        });
        variables.extend(&command[..found.map_or(command.len(), |(at, _)| at)]);
        if let Some((at, tool)) = found {
            for word in variables {
                if let Some((name, value)) = word.assignment()
                    && let Some(keyword) = environment::libpq_name(name)
                {
                    set(out, keyword, value, word.expands)?;
                }
            }
            let mut line = Line::default();
            line.read(tool, &command[at + 1..]);
            line.store(out)?;
            return Ok(true);
        }
    }
    Ok(false)
}

fn tool(word: &str) -> Option<&'static Tool> {
    let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
    let name = name.strip_suffix(".exe").unwrap_or(name);
    TOOLS.iter().find(|tool| tool.name == name)
}

/// What the arguments say of the connection; each with whether a shell would have changed it.
#[derive(Default)]
struct Line<'a> {
    host: Option<(&'a str, bool)>,
    port: Option<(&'a str, bool)>,
    username: Option<(&'a str, bool)>,
    password: Option<(&'a str, bool)>,
    dbname: Option<(&'a str, bool)>,
    left_over: bool,
}

impl<'a> Line<'a> {
    /// As `getopt_long` reads it: options anywhere, long names cut short, `--` ends them.
    fn read(&mut self, tool: &Tool, words: &'a [Word]) {
        let mut operands = Vec::new();
        let mut words = words.iter().take_while(|word| word.quoted || !is_redirection(word.text.expose()));
        while let Some(word) = words.next() {
            let text = word.text.expose();
            if text == "--" {
                operands.extend(words.by_ref());
            } else if let Some(long) = text.strip_prefix("--") {
                let (name, value) = match long.split_once('=') {
                    Some((name, value)) => (name, Some((value, word.expands))),
                    None => (long, None),
                };
                match long_option(tool, name) {
                    Some("password") => self.password = value.or(self.password),
                    Some(name) if LONG_OF_ALL.contains(&name) || tool.long.contains(&name) => {
                        let value = value.or_else(|| words.next().map(|w| (w.text.expose(), w.expands)));
                        match name {
                            "host" => self.host = value,
                            "port" => self.port = value,
                            "username" | "user" => self.username = value,
                            "dbname" => self.dbname = value,
                            _ => {}
                        }
                    }
                    _ => {}
                }
            } else if let Some(short) = text.strip_prefix('-').filter(|short| !short.is_empty()) {
                let Some(at) = short.find(|c| tool.short.contains(c)) else { continue };
                let value = match &short[at + 1..] {
                    "" => words.next().map(|word| (word.text.expose(), word.expands)),
                    value => Some((value, word.expands)),
                };
                match short.as_bytes()[at] {
                    b'h' => self.host = value,
                    b'p' => self.port = value,
                    b'U' | b'u' => self.username = value,
                    b'd' => self.dbname = value,
                    _ => {}
                }
            } else {
                operands.push(word);
            }
        }
        for word in operands {
            let value = Some((word.text.expose(), word.expands));
            if tool.operand == Operand::Other {
                continue;
            } else if self.dbname.is_none() {
                self.dbname = value;
            } else if self.username.is_none() && tool.operand == Operand::DatabaseAndUser {
                self.username = value;
            } else {
                self.left_over = true;
            }
        }
    }

    /// A connection string in the place of the database outdoes the options, as in psql.
    fn store(self, out: &mut Parameters) -> Result<()> {
        for (keyword, value) in
            [("host", self.host), ("port", self.port), ("user", self.username), ("password", self.password)]
        {
            if let Some((value, expands)) = value {
                set(out, keyword, value, expands)?;
            }
        }
        if self.left_over {
            out.warn("psql ignores arguments after the database and the user, and so does Mycorr.");
        }
        let Some((dbname, expands)) = self.dbname else { return Ok(()) };
        if !(dbname.contains("://") || dbname.contains('=')) {
            return set(out, "dbname", dbname, expands);
        }
        if expands {
            out.warn(
                "The connection string holds a $ or ` that a shell would have replaced. It was read as it \
                 stands: check the fields.",
            );
        }
        match after_scheme(dbname) {
            Some(rest) => uri::read(rest, out),
            None => keywords::read_strictly(dbname, out),
        }
    }
}

/// The option that a name, perhaps cut short, stands for. One that could be two is none.
fn long_option(tool: &Tool, name: &str) -> Option<&'static str> {
    if tool.name != PSQL.name {
        return LONG_OF_ALL.iter().chain(tool.long).find(|option| **option == name).copied();
    }
    let all = || LONG_WITH_ARGUMENT.iter().chain(LONG_WITHOUT).copied();
    let mut alike = all().filter(|option| option.starts_with(name));
    all().find(|option| *option == name).or_else(|| alike.next().filter(|_| alike.next().is_none()))
}

fn is_redirection(word: &str) -> bool {
    word.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with(['<', '>'])
}

/// What the form calls a keyword.
pub(super) fn field(keyword: &str) -> &'static str {
    match keyword {
        "host" | "hostaddr" => "host",
        "port" => "port",
        "dbname" => "database",
        "user" => "username",
        "password" => "password",
        _ => "value of another parameter",
    }
}

/// Sets a value from a shell, unless it is a variable of which we know nothing.
pub(super) fn set(out: &mut Parameters, keyword: &str, value: &str, expands: bool) -> Result<()> {
    let field = field(keyword);
    if expands && Word::is_variable(value) {
        out.warn(format!("The {field} stands in a variable of your shell. Enter it yourself."));
        return Ok(());
    }
    if expands {
        out.warn(format!(
            "A shell would have replaced the $ or ` in the {field}. It was taken as it stands: check it."
        ));
    }
    out.set(keyword, Secret::new(value.to_owned()))
}
