//! The same by properties: whatever is written into a shape in its own quoting comes back.

use crate::paste::{MAX_INPUT_BYTES, parse};
use openssl::base64::encode_block;
use proptest::prelude::*;
use serde_json::json;

/// Host, user, password and database written into a shape.
type Write = fn(&str, &str, &str, &str) -> String;

fn json_of(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn single(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn backslashed(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn doubled(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn colons(text: &str) -> String {
    text.replace('\\', "\\\\").replace(':', "\\:")
}

fn property(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\\' | ':' | '=' | '#' | '!' | ' ' => format!("\\{c}"),
            c if c.is_ascii() => c.to_string(),
            c => c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
        })
        .collect()
}

fn percent(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

const SHAPES: &[(&str, Write)] = &[
    ("URL", |h, u, p, d| format!("postgresql://{}:{}@{h}/{}", percent(u), percent(p), percent(d))),
    ("SQLAlchemy", |h, u, p, d| {
        format!("postgresql+psycopg2://{}:{}@{h}/{}", percent(u), percent(p), percent(d))
    }),
    ("JDBC", |h, u, p, d| {
        format!("jdbc:postgresql://{h}/{}?user={}&password={}", percent(d), percent(u), percent(p))
    }),
    ("keywords", |h, u, p, d| {
        format!("host={h} user={} password={} dbname={}", backslashed(u), backslashed(p), backslashed(d))
    }),
    ("psql", |h, u, p, d| format!("PGPASSWORD={} psql -h {h} -U {} -d {}", shell(p), shell(u), shell(d))),
    ("pg_dump", |h, u, p, d| {
        format!("PGPASSWORD={} pg_dump -Fc -h {h} -U {} -n public {} > x.dump", shell(p), shell(u), shell(d))
    }),
    ("pg_restore", |h, u, p, d| {
        format!(
            "PGPASSWORD={} pg_restore --host={h} --username={} --dbname={} --jobs 2 x",
            shell(p),
            shell(u),
            shell(d)
        )
    }),
    ("export", |h, u, p, d| {
        format!(
            "export PGHOST={h}\nexport PGUSER={}\nexport PGPASSWORD={}\nexport PGDATABASE={}\n",
            shell(u),
            shell(p),
            shell(d)
        )
    }),
    (".pgpass", |h, u, p, d| format!("{h}:5432:{}:{}:{}", colons(d), colons(u), colons(p))),
    (".NET", |h, u, p, d| {
        format!("Host={h};Username={};Password={};Database={}", doubled(u), doubled(p), doubled(d))
    }),
    ("JSON", |h, u, p, d| {
        json!({"engine": "postgres", "host": h, "username": u, "password": p, "dbname": d}).to_string()
    }),
    ("JSON in JSON", |h, u, p, d| {
        json!({"SecretString": json!({"host": h, "username": u, "password": p, "dbname": d}).to_string()})
            .to_string()
    }),
    ("Vault", |h, u, p, d| {
        serde_json::to_string_pretty(
            &json!({"data": {"data": {"host": h, "username": u, "password": p, "database": d}}}),
        )
        .unwrap()
    }),
    ("database.yml", |h, u, p, d| {
        format!(
            "production:\n  adapter: postgresql\n  host: {h}\n  username: {}\n  password: {}\n  database: {}\n",
            json_of(u),
            json_of(p),
            json_of(d)
        )
    }),
    ("YAML, single quotes", |h, u, p, d| {
        format!(
            "production:\n  host: {h}\n  username: {}\n  password: {}\n  database: {}\n",
            single(u),
            single(p),
            single(d)
        )
    }),
    ("properties", |h, u, p, d| {
        format!(
            "spring.datasource.url=jdbc:postgresql://{h}/{}\nspring.datasource.username={}\nspring.datasource.password={}\n",
            percent(d),
            property(u),
            property(p)
        )
    }),
    ("Spring's YAML", |h, u, p, d| {
        format!(
            "spring:\n  datasource:\n    url: jdbc:postgresql://{h}/{}\n    username: {}\n    password: {}\n",
            percent(d),
            json_of(u),
            json_of(p)
        )
    }),
    ("Django", |h, u, p, d| {
        format!(
            "DATABASES = {{'default': {{'ENGINE': 'django.db.backends.postgresql', 'HOST': '{h}', 'USER': {}, 'PASSWORD': {}, 'NAME': {}}}}}",
            backslashed(u),
            backslashed(p),
            backslashed(d)
        )
    }),
    ("knex", |h, u, p, d| {
        format!(
            "module.exports = {{ client: 'pg', connection: {{ host: '{h}', user: {}, password: {}, database: {} }} }};",
            backslashed(u),
            json_of(p),
            backslashed(d)
        )
    }),
    ("psycopg2", |h, u, p, d| {
        format!(
            "c = psycopg2.connect(host='{h}', user={}, password={}, dbname={})",
            backslashed(u),
            backslashed(p),
            backslashed(d)
        )
    }),
    ("Prisma", |h, u, p, d| {
        format!(
            "datasource db {{\n  provider = \"postgresql\"\n  url = \"postgresql://{}:{}@{h}/{}\"\n}}",
            percent(u),
            percent(p),
            percent(d)
        )
    }),
    ("Kubernetes", |h, u, p, d| {
        let [h, u, p, d] = [h, u, p, d].map(|text| encode_block(text.as_bytes()));
        format!("kind: Secret\ndata:\n  host: {h}\n  username: {u}\n  password: {p}\n  database: {d}\n")
    }),
    ("compose", |h, u, p, d| {
        format!(
            "services:\n  web:\n    environment:\n      PGHOST: {h}\n      PGUSER: {}\n      PGPASSWORD: {}\n      PGDATABASE: {}\n",
            json_of(u),
            json_of(p),
            json_of(d)
        )
    }),
    ("compose, a list", |h, u, p, d| {
        let item = |name: &str, value: &str| format!("      - {}\n", json_of(&format!("{name}={value}")));
        format!(
            "services:\n  web:\n    environment:\n{}{}{}{}",
            item("PGHOST", h),
            item("PGUSER", u),
            item("PGPASSWORD", p),
            item("PGDATABASE", d)
        )
    }),
];

fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "a", "Z", "7", "é", "漢", "😀", "'", "\"", "\\", "$", "`", ":", ";", "=", "#", "@", "/", "?", "&",
        "%", "+", "{", "}", "[", "]", "(", ")", "<", ">", ",", "!", "*", "|", "~", "^", "-", "_", ".", "''",
        "\\n", "%41", "${X}", "//", "=>", " x", "x #y", "host=", "x: y",
    ]);
    prop::collection::vec(pieces, 1..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn every_shape_comes_back(user in hostile(), password in hostile(), database in hostile()) {
        // Ends that are trimmed everywhere, expressions, and what is taken for a placeholder, a URL or JSON are tested by themselves.
        let plain = |text: &str| text.trim() == text && !text.starts_with(['[', '*', '<', '{', '$']);
        prop_assume!([&user, &password, &database].into_iter().all(|text| plain(text)));
        // On a command line that is an option, or a connection string.
        prop_assume!(!database.starts_with('-') && !database.contains('=') && !database.contains("://"));
        for (what, write) in SHAPES {
            let text = write("h.example.com", &user, &password, &database);
            let pasted = parse(&text).map_err(|problem| TestCaseError::fail(format!("{what}: {text}: {problem}")))?;
            prop_assert_eq!(pasted.host.as_deref(), Some("h.example.com"), "{} {}", what, text);
            prop_assert_eq!(pasted.username.as_deref(), Some(user.as_str()), "{} {}", what, text);
            prop_assert_eq!(pasted.database.as_deref(), Some(database.as_str()), "{} {}", what, text);
            prop_assert_eq!(pasted.password.as_ref().map(|p| p.expose()), Some(password.as_str()), "{} {}", what, text);
            for warning in &pasted.warnings {
                prop_assert!(password.len() < 4 || !warning.contains(&password), "{}: {}", what, warning);
            }
        }
    }

    #[test]
    fn pieces_of_configurations(pieces in prop::collection::vec(prop::sample::select(vec![
        "{", "}", "[", "]", "(", ")", ":", ": ", "=", "=>", ",", "\n", "\n  ", "- ", "\"", "'", "\\", "\\u", "host", "password", "url",
        "&a", "*a", "<<: ", "|", "#", "//", "/*", "é", "data", "kind: Secret", "postgres://h/d", "$", "1", "true", "name", "value",
    ]), 0..40)) {
        let _ = parse(&pieces.concat());
    }
}

/// Readers that go back to the beginning for every bracket or merge would take minutes.
#[test]
fn long_configurations() {
    for piece in [
        "{",
        "{a:",
        "(\"",
        "[1,",
        "a: &a\n",
        "x: *a\n",
        "a:\n",
        "- a: 1\n",
        "- ",
        "h:1:2:3:",
        "a.b=\\\n",
        "{\"a\":\"{",
        "LS0tLS",
        "\"\\u",
    ] {
        let _ = parse(&piece.repeat((MAX_INPUT_BYTES - 20) / piece.len()));
    }
    let merges: String =
        (0..2000).map(|n| format!("a{n}: &b{n}\n  <<: *b{}\n  host: h{n}\n", n.max(1) - 1)).collect();
    let _ = parse(&merges);
}
