//! Configurations as people paste them: every shape gives back what was written into it in its own quoting.

use super::{
    parse,
    tests::{check, refused},
};
use openssl::base64::encode_block;
use proptest::prelude::*;
use serde_json::json;

#[test]
fn clients_of_postgresql() {
    check("PGPASSWORD=xyz pg_dump -Fc --no-acl -h h -U u d > latest.dump", "h - d u xyz on", &[]);
    check("PGPASSWORD=xyz pg_restore --clean -h h -U u -d d latest.dump", "h - d u xyz on", &[]);
    check(
        "pg_dump -h h -p 5433 -U u -n public -t 'o*' --exclude-table x --no-owner d | gzip > a.gz",
        "h 5433 d u - on",
        &[],
    );
    check("pg_dump --dbname=postgres://u:p@h/d -f out.sql", "h - d u p on", &[]);
    check("pg_dump 'host=h dbname=d user=u'", "h - d u - on", &[]);
    check("pg_restore -j 4 -d postgres://u:p@h/d ./dump", "h - d u p on", &[]);
    check("pg_dumpall -h h -U u -f all.sql", "h - - u - on", &["No database"]);
    check("pgbench -h h -U u -c 10 -T 60 d", "h - d u - on", &[]);
    check("pg_isready -h h -p 5433 -d d", "h 5433 d - - on", &[]);
    check("docker run --rm -e PGPASSWORD=p postgres:17 pg_dump -h h -U u d", "h - d u p on", &[]);
    check("export PGHOST=h\nexport PGUSER=u PGPASSWORD='a b'\npg_dump d", "h - d u a b on", &[]);
    check("pgcli -h h -u u d", "h - d u - on", &[]);
}

#[test]
fn password_files() {
    check("h:5432:d:u:p", "h 5432 d u p on", &[]);
    check("# mine\nh:5432:d:u:a\\:b\\\\c", "h 5432 d u a:b\\c on", &[]);
    check("h:*:*:u:p", "h - - u p on", &["No database"]);
    check("h:5432:d:*:p", "h 5432 d - p on", &["every user"]);
    check("2001\\:db8\\:\\:1:5432:d:u:p\nh:5432:d:u:q", "2001:db8::1 5432 d u p on", &["several lines"]);
    refused("/var/run/postgresql:5432:d:u:p", "socket");
}

#[test]
fn secret_stores() {
    let rds = json!({"username": "u", "password": "p", "engine": "postgres", "host": "h", "port": 5432, "dbname": "d",
                     "dbInstanceIdentifier": "shop"});
    check(&rds.to_string(), "h 5432 d u p on", &[]);
    let got =
        json!({"ARN": "arn:aws:x", "Name": "shop", "SecretString": rds.to_string(), "VersionStages": ["A"]});
    check(&serde_json::to_string_pretty(&got).unwrap(), "h 5432 d u p on", &[]);
    let vault = json!({"lease_id": "", "data": {"data": {"host": "h", "username": "u", "password": "p"}, "metadata": {"version": 3}}});
    check(&vault.to_string(), "h - - u p on", &["No database"]);
    check(
        &json!({"username": "v-u", "password": "p"}).to_string(),
        "- - - v-u p on",
        &["No server", "No database"],
    );
    check(
        &json!({"DATABASE_URL": "postgres://u:p@h:5433/d", "SECRET": "x"}).to_string(),
        "h 5433 d u p on",
        &[],
    );
    check(
        "=== shop Config Vars\nDATABASE_URL:    postgres://u:p@h/d\nPORT: 80\n",
        "h - d u p on",
        &["within the text"],
    );
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\ntype: Opaque\ndata:\n  host: {}\n  username: {}\n  password: {}\n  dbname: {}\n",
        encode_block(b"h"),
        encode_block(b"u"),
        encode_block(b"a: b#\n"),
        encode_block(b"d"),
    );
    check(&secret, "h - d u a: b# on", &[]);
    refused(
        &json!({"username": "u", "password": "p", "engine": "mysql", "host": "h"}).to_string(),
        "another kind",
    );
    refused("{\"token\": \"hunter2\"}", "This is JSON");
    refused("{\"host\": ", "This is JSON");
    refused("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "private key");
}

#[test]
fn frameworks() {
    check(
        "default: &default\n  adapter: postgresql\n  encoding: unicode\n  pool: <%= ENV.fetch(\"RAILS_MAX_THREADS\") { 5 } %>\n  host: h\n\ndevelopment:\n  <<: *default\n  database: dev\n\nproduction:\n  <<: *default\n  database: d\n  username: u\n  password: <%= ENV['DB_PASSWORD'] %>\n",
        "h - d u - on",
        &["in a variable", "Several databases"],
    );
    check(
        "spring.datasource.url=jdbc:postgresql://h:5433/d\nspring.datasource.username=u\nspring.datasource.password=a\\=b\\\\c\n",
        "h 5433 d u a=b\\c on",
        &[],
    );
    check(
        "SPRING_DATASOURCE_URL=jdbc:postgresql://h:5432/d\nSPRING_DATASOURCE_USERNAME=u\nSPRING_DATASOURCE_PASSWORD=pw",
        "h 5432 d u pw on",
        &[],
    );
    check(
        "spring:\n  datasource:\n    url: jdbc:postgresql://h/d?sslmode=require\n    username: u\n    password: ${DB_PASSWORD}\n    hikari:\n      maximum-pool-size: 5\n",
        "h - d u - on",
        &["in a variable"],
    );
    check(
        "DATABASES = {\n    'default': {\n        'ENGINE': 'django.db.backends.postgresql',  # ours\n        'NAME': 'd',\n        'USER': 'u',\n        'PASSWORD': os.environ['DB_PASSWORD'],\n        'HOST': 'h',\n        'PORT': '5433',\n        'OPTIONS': {'sslmode': 'require'},\n    }\n}\n",
        "h 5433 d u - on",
        &["in a variable"],
    );
    check(
        "import psycopg2\nconn = psycopg2.connect(\n    host=\"h\",\n    dbname=\"d\",\n    user=\"u\",\n    password=\"p, (q)\",\n    port=5433,\n)\ncur = conn.cursor()\n",
        "h 5433 d u p, (q) on",
        &[],
    );
    check(
        "const knex = require('knex')({\n  client: 'pg',\n  connection: {\n    host: 'h', // primary\n    port: 5433,\n    user: 'u',\n    password: process.env.DB_PASSWORD,\n    database: 'd',\n    ssl: { rejectUnauthorized: false },\n  },\n});\n",
        "h 5433 d u - on",
        &["in a variable"],
    );
    check(
        "export const source = new DataSource({ type: \"postgres\", host: \"h\", username: \"u\", password: \"p\", database: \"d\", ssl: true })",
        "h - d u p on",
        &[],
    );
    check(
        "'pgsql' => [\n    'driver' => 'pgsql',\n    'host' => 'h',\n    'database' => 'd',\n    'username' => 'u',\n    'password' => env('DB_PASSWORD', ''),\n],\n",
        "h - d u - on",
        &["in a variable"],
    );
    check(
        "URL.create(\"postgresql+psycopg2\", username=\"u\", password=\"p@/\", host=\"h\", database=\"d\")",
        "h - d u p@/ on",
        &[],
    );
    check(
        "datasource db {\n  provider = \"postgresql\"\n  url      = \"postgresql://u:p@h:5432/d?schema=public&sslmode=require\"\n}\n",
        "h 5432 d u p on",
        &["schema"],
    );
    check(
        "services:\n  db:\n    image: postgres:17\n    environment:\n      POSTGRES_DB: d\n      POSTGRES_USER: u\n      POSTGRES_PASSWORD: \"p\"\n    ports:\n      - \"5432:5432\"\n",
        "- - d u p on",
        &["No server"],
    );
    check(
        "env:\n  - name: PGHOST\n    value: h\n  - name: PGDATABASE\n    value: d\n  - name: PGUSER\n    value: \"u\"\n",
        "h - d u - on",
        &[],
    );
    check("[shop]\nhost=h\nport=5433\ndbname=d\nuser=u\npassword=a b;c\n", "h 5433 d u a b;c on", &[]);
    check("postgres://u:p@h/d;", "h - d u p on", &["semicolon"]);
    check(
        "db, err := sql.Open(\"postgres\", \"host=h user=u password='a b' dbname=d\")",
        "h - d u a b on",
        &["within the text"],
    );
}

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
        let _ = parse(&piece.repeat((super::MAX_INPUT_BYTES - 20) / piece.len()));
    }
    let merges: String =
        (0..2000).map(|n| format!("a{n}: &b{n}\n  <<: *b{}\n  host: h{n}\n", n.max(1) - 1)).collect();
    let _ = parse(&merges);
}
