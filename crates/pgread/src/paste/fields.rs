//! From libpq's keywords to the fields of the form, and what is lost on the way.

use super::{Parameters, Pasted, refuse, supabase};
use mycorr_domain::{ConnectionKind, Result, Secret};

/// Parameters that change nothing here: what they ask for is how Mycorr works (channel binding where the server
/// offers it, TLS 1.2 or newer, the host's name in the handshake, no named statements), or they tune a client.
const NO_MATTER: &[&str] = &[
    "application_name",
    "fallback_application_name",
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "tcp_user_timeout",
    "sslcompression",
    "sslsni",
    "ssl_min_protocol_version",
    "pgbouncer",
    "gssencmode",
    "tty",
];

pub(super) fn pasted(mut from: Parameters) -> Result<Pasted> {
    let (host, port) = place(&mut from)?;
    let encrypted = encrypted(&mut from);
    let database = from.take("dbname").map(plain);
    let username = from.take("user").map(plain);
    let password = password(&mut from);
    say_what_is_left_out(&mut from, host.as_deref());
    if host.is_none() {
        from.warn("No server is named: a program on the server's own machine needs none. Enter the host.");
    }
    if database.is_none() {
        from.warn(
            "No database is named. PostgreSQL's own programs then take the one that is called like the user. \
             Enter the database.",
        );
    }
    let supabase = host.as_deref().and_then(|host| supabase::recognise(host, port, username.as_deref()));
    if let Some(supabase) = &supabase {
        supabase.to_problem(&mut from);
    }
    Ok(Pasted {
        kind: if supabase.is_some() { ConnectionKind::Supabase } else { ConnectionKind::Postgresql },
        host,
        port,
        database,
        username,
        password,
        encrypted,
        supabase,
        warnings: from.warnings,
    })
}

fn plain(value: Secret) -> String {
    value.expose().to_owned()
}

/// The first of the hosts, and its port.
fn place(from: &mut Parameters) -> Result<(Option<String>, Option<u16>)> {
    let name = from.take("host").map(plain);
    let address = from.take("hostaddr").map(plain);
    if name.is_some() && address.is_some() {
        from.warn("hostaddr is left out: Mycorr looks the host's address up itself.");
    }
    let hosts = name.or(address).unwrap_or_default();
    let ports = from.take("port").map(plain).unwrap_or_default();
    let at = hosts.split(',').position(|host| !host.is_empty()).unwrap_or(0);
    let host = hosts.split(',').nth(at).unwrap_or_default().to_owned();
    if hosts.contains(',') {
        from.warn(
            "The text names several hosts. The first one was taken: make a connection for each server that \
             you want to read.",
        );
    }
    // A socket's folder, an abstract socket, a Windows path (libpq's is_unixsock_path).
    if host.starts_with(['/', '@', '\\'])
        || (host.as_bytes().get(1) == Some(&b':') && host.contains(['\\', '/']))
    {
        return Err(refuse(
            "The host is a Unix-domain socket, which only programs on the server's own machine can use. Mycorr \
             needs the host name or address under which the server is reached over the network.",
        ));
    }
    // One port is for all hosts.
    let port = if ports.contains(',') { ports.split(',').nth(at).unwrap_or_default() } else { &ports };
    let number = port.trim().parse().ok().filter(|&port: &u16| port != 0);
    if number.is_none() && !port.is_empty() {
        from.warn("The port is no number from 1 to 65535. Enter it yourself; it is usually 5432.");
    }
    Ok((Some(host).filter(|host| !host.is_empty()), number))
}

/// Mycorr knows two ways: verified as by libpq's `verify-full`, and in clear. Only `disable` is in clear.
fn encrypted(from: &mut Parameters) -> bool {
    let ssl = from.take("ssl");
    let mode = from.take("sslmode").or(ssl).map(plain).unwrap_or_default().to_ascii_lowercase();
    match mode.replace(['-', '_', ' '], "").as_str() {
        "disable" => {
            from.warn(
                "sslmode=disable: encryption is off, so data and queries cross the network in clear. Turn it \
                 on unless the database is in a trusted private network.",
            );
            return false;
        }
        // pgJDBC's ssl=false is its prefer.
        "allow" | "prefer" | "false" | "0" | "noverify" => from.warn(
            "The text leaves open whether the connection is encrypted or the server's certificate checked. \
             Mycorr knows only encryption with a checked certificate (verify-full) and no encryption: it is on. \
             Turn it off only for a server in a trusted private network that has no TLS.",
        ),
        "" | "require" | "verifyca" | "verifyfull" | "true" | "1" => {}
        _ => from.warn("The sslmode is none that PostgreSQL knows. Encryption is on, with a checked certificate."),
    }
    true
}

fn password(from: &mut Parameters) -> Option<Secret> {
    let password = from.take("password")?;
    let text = password.expose();
    let stars = text.len() > 2 && text.chars().all(|c| matches!(c, '*' | '•'));
    let bare = text.trim_matches(['[', ']', '<', '>', '{', '}', '$']);
    let words: String =
        bare.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_ascii_uppercase();
    if stars || words == "YOURPASSWORD" || (words == "PASSWORD" && bare.len() < text.len()) {
        from.warn("The password is only a placeholder. Enter the real one.");
        return None;
    }
    if text.starts_with('[') && text.ends_with(']') {
        from.warn(
            "The password stands in square brackets, which usually belong to the template that it was put \
             into. If so, take them away.",
        );
    }
    Some(password)
}

/// Warns of everything that nothing was made of.
fn say_what_is_left_out(from: &mut Parameters, host: Option<&str>) {
    for (keyword, sentence) in [
        ("service", "service names a section of a file on your machine. Enter the fields that stand there."),
        ("passfile", "passfile names a file on your machine. Enter the password that stands there."),
        ("sslcert", "Client certificates can't be used: Mycorr signs in with a password."),
        ("sslkey", "Client certificates can't be used: Mycorr signs in with a password."),
        ("sslpassword", "Client certificates can't be used: Mycorr signs in with a password."),
        ("sslcrl", "Certificate revocation lists can't be used."),
        ("sslcrldir", "Certificate revocation lists can't be used."),
        (
            "trust server certificate",
            "Mycorr always checks the server's certificate. If a private authority signed it, paste that \
             authority's certificate as CA certificate.",
        ),
        ("search_path", "The search path is left out: you choose the schema when you import."),
        ("schema", "The schema is left out: you choose it when you import."),
    ] {
        if from.take(keyword).is_some_and(|value| !value.expose().eq_ignore_ascii_case("false")) {
            from.warn(sentence);
        }
    }
    // libpq 16's sslrootcert=system is the public trust store, which is what is used without a file.
    if from.take("sslrootcert").is_some_and(|file| file.expose() != "system") {
        from.warn(
            "sslrootcert names a file on your machine, which Mycorr can't read. Paste its content (PEM) as CA \
             certificate.",
        );
    }
    if let Some(options) = from.take("options") {
        let options = options.expose();
        let neon = host.is_some_and(|host| host.ends_with(".neon.tech")) && options.contains("endpoint=");
        // Neon's endpoint is for clients that don't send the host's name with TLS; Mycorr sends it.
        if !neon {
            from.warn("options is left out: Mycorr sets no server options when it signs in, and needs none.");
        }
    }
    let mut names: Vec<String> = from
        .list
        .iter()
        .filter(|(keyword, _)| !NO_MATTER.contains(&keyword.as_str()))
        .map(|(keyword, _)| name(keyword))
        .collect();
    names.sort_unstable();
    names.dedup();
    if !names.is_empty() {
        from.warn(format!("Mycorr has no use for these parameters and left them out: {}.", names.join(", ")));
    }
}

/// A parameter's name if it looks like one. Anything else may be a piece of a password.
fn name(keyword: &str) -> String {
    let looks_like_one = (1..=40).contains(&keyword.len())
        && keyword.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && keyword.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b' '));
    if looks_like_one { keyword.to_owned() } else { "one with an unusual name".to_owned() }
}
