//! `psql` command lines, with what `env`, `sudo`, `docker exec` and the like put before them.

use super::{
    Parameters, after_scheme, environment, keywords, refuse,
    shell::{self, Word},
    uri,
};
use mycorr_domain::{Result, Secret};

/// Options that take an argument (psql 18); all others take none.
const WITH_ARGUMENT: &str = "cdfFhLoPpRTUv";
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

/// Whether a command of the text is `psql`. Variables that were set before it count.
pub(super) fn read(text: &str, out: &mut Parameters) -> Result<bool> {
    // A keyword string may hold the word too: `application_name = psql`.
    if !text.contains("psql") {
        return Ok(false);
    }
    let Some(commands) = shell::commands(text) else {
        return if text.split_whitespace().any(is_psql) {
            Err(refuse("A quote in the command line is not closed."))
        } else {
            Ok(false)
        };
    };
    let mut variables: Vec<&Word> = Vec::new();
    for command in &commands {
        let at = command.iter().enumerate().position(|(at, word)| {
            is_psql(word.text.expose()) && !(at > 0 && command[at - 1].text.expose().ends_with('='))
        });
        variables.extend(&command[..at.unwrap_or(command.len())]);
        if let Some(at) = at {
            for word in variables {
                if let Some((name, value)) = word.assignment()
                    && let Some(keyword) = environment::libpq_name(name)
                {
                    set(out, keyword, value, word.expands)?;
                }
            }
            let mut line = Line::default();
            line.read(&command[at + 1..]);
            line.store(out)?;
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_psql(word: &str) -> bool {
    let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
    name == "psql" || name == "psql.exe"
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
    fn read(&mut self, words: &'a [Word]) {
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
                match long_option(name) {
                    Some("password") => self.password = value.or(self.password),
                    Some(name) if LONG_WITH_ARGUMENT.contains(&name) => {
                        let value = value.or_else(|| words.next().map(|w| (w.text.expose(), w.expands)));
                        match name {
                            "host" => self.host = value,
                            "port" => self.port = value,
                            "username" => self.username = value,
                            "dbname" => self.dbname = value,
                            _ => {}
                        }
                    }
                    _ => {}
                }
            } else if let Some(short) = text.strip_prefix('-').filter(|short| !short.is_empty()) {
                let Some(at) = short.find(|c| WITH_ARGUMENT.contains(c)) else { continue };
                let value = match &short[at + 1..] {
                    "" => words.next().map(|word| (word.text.expose(), word.expands)),
                    value => Some((value, word.expands)),
                };
                match short.as_bytes()[at] {
                    b'h' => self.host = value,
                    b'p' => self.port = value,
                    b'U' => self.username = value,
                    b'd' => self.dbname = value,
                    _ => {}
                }
            } else {
                operands.push(word);
            }
        }
        for word in operands {
            let value = Some((word.text.expose(), word.expands));
            if self.dbname.is_none() {
                self.dbname = value;
            } else if self.username.is_none() {
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
fn long_option(name: &str) -> Option<&'static str> {
    let all = || LONG_WITH_ARGUMENT.iter().chain(LONG_WITHOUT).copied();
    let mut alike = all().filter(|option| option.starts_with(name));
    all().find(|option| *option == name).or_else(|| alike.next().filter(|_| alike.next().is_none()))
}

fn is_redirection(word: &str) -> bool {
    word.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with(['<', '>'])
}

/// Sets a value from a shell, unless it is a variable of which we know nothing.
pub(super) fn set(out: &mut Parameters, keyword: &str, value: &str, expands: bool) -> Result<()> {
    let field = match keyword {
        "host" | "hostaddr" => "host",
        "port" => "port",
        "dbname" => "database",
        "user" => "username",
        "password" => "password",
        _ => "value of another parameter",
    };
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
