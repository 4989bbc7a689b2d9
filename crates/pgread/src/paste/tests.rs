//! Every form, against tables, and hostile input.

use super::*;
use mycorr_domain::Code;
use proptest::prelude::*;

/// `host port database username password encrypted`, `-` for what the text doesn't say.
pub(super) fn line(pasted: &Pasted) -> String {
    let text = |field: &Option<String>| field.clone().unwrap_or("-".into());
    format!(
        "{} {} {} {} {} {}",
        text(&pasted.host),
        pasted.port.map_or("-".into(), |port| port.to_string()),
        text(&pasted.database),
        text(&pasted.username),
        pasted.password.as_ref().map_or("-", Secret::expose),
        if pasted.encrypted { "on" } else { "off" },
    )
}

/// Fields, and a word of each warning in order.
#[track_caller]
pub(super) fn check(text: &str, fields: &str, warnings: &[&str]) -> Pasted {
    let pasted = parse(text).unwrap_or_else(|problem| panic!("{text}: {problem}"));
    assert_eq!(line(&pasted), fields, "{text}");
    let said = &pasted.warnings;
    assert_eq!(said.len(), warnings.len(), "{text}: {said:#?}");
    for (warning, word) in said.iter().zip(warnings) {
        assert!(warning.contains(word), "{text}: {word} is not in {warning}");
    }
    if let Some(password) = pasted.password.as_ref().map(Secret::expose).filter(|password| password.len() > 4)
    {
        assert!(!format!("{pasted:?}").contains(password), "{text}");
    }
    pasted
}

#[track_caller]
pub(super) fn refused(text: &str, words: &str) {
    let problem = parse(text).expect_err(text);
    assert_eq!((problem.code, &*problem.fields[0].field), (Code::Invalid, "text"), "{text}");
    assert!(problem.detail.contains(words), "{text}: {}", problem.detail);
}

#[test]
fn urls_that_were_not_encoded() {
    let unencoded: &[&str] = &["percent-encoded"];
    check("postgres://u:p@ss@h/d", "h - d u p@ss on", unencoded);
    check(
        "postgres://u:p@s/s#1?x@h:5433/d?sslmode=disable",
        "h 5433 d u p@s/s#1?x off",
        &["encoded", "clear"],
    );
    check("postgres://u:a/b@h/d?application_name=x@y", "h - d u a/b on", unencoded);
    check("postgres://u:a%40b/c@h/d", "h - d u a@b/c on", unencoded);
    check("postgres://u:a%b/c@[2001:db8::1]/d", "2001:db8::1 - d u a%b/c on", unencoded);
    check(
        "postgres://postgres.abc:x@y/z@h.example:6543/postgres",
        "h.example 6543 postgres postgres.abc x@y/z on",
        unencoded,
    );
    check("postgres://me@server:p@h.example/d", "h.example - d me@server p on", unencoded);
    refused("postgres://h/d?a@b", "parameters");
    check("postgres://u:p#w@h/d", "h - d u p#w on", &["# or ?"]);
    check("postgres://u@h/d@e", "h - d@e u - on", &["an @ after the host"]);
    check("postgres://h:abc/d", "h - d - - on", &["port"]);
}

#[test]
fn hosts_and_ports() {
    check("postgres://u@h1:1,h2:2/d", "h1 1 d u - on", &["several hosts"]);
    check("postgres://u@,h2:2/d", "h2 2 d u - on", &["several hosts"]);
    check("host=a,b port=7 dbname=d", "a 7 d - - on", &["several hosts"]);
    check("hostaddr=192.0.2.1 dbname=d", "192.0.2.1 - d - - on", &[]);
    check("hostaddr=192.0.2.1 host=h dbname=d", "h - d - - on", &["hostaddr"]);
    check("postgres://u@[2001:db8::1]:5433/d", "2001:db8::1 5433 d u - on", &[]);
    check("postgres://u@2001:db8::1/d", "2001 - d u - on", &["brackets", "port"]);
    check("postgres:///d?host=h&port=0", "h - d - - on", &["1 to 65535"]);
    check("postgres://", "- - - - - on", &["No server", "No database"]);
    for socket in
        ["postgres://%2Ftmp/d", "host=/tmp dbname=d", "psql -h /var/run d", "host='C:\\\\tmp' dbname=d"]
    {
        refused(socket, "Unix-domain socket");
    }
}

#[test]
fn encryption() {
    let with = |parameters: &str| format!("postgres://u@h/d?{parameters}");
    for silent in ["sslmode=require", "sslmode=verify-ca", "sslmode=verify-full", "ssl=true", "ssl=require"] {
        check(&with(silent), "h - d u - on", &[]);
    }
    check(&with("sslmode=disable"), "h - d u - off", &["in clear"]);
    check(&with("ssl=disable"), "h - d u - off", &["in clear"]);
    for weak in ["sslmode=allow", "sslmode=prefer", "sslmode=no-verify", "ssl=false", "requiressl=0"] {
        check(&with(weak), "h - d u - on", &["verify-full"]);
    }
    check(&with("sslmode=yes"), "h - d u - on", &["none that PostgreSQL knows"]);
    check(&with("sslrootcert=/etc/ca.pem"), "h - d u - on", &["Paste its content"]);
    check(&with("sslrootcert=system"), "h - d u - on", &[]);
    check(&with("sslcert=a&sslkey=b"), "h - d u - on", &["Client certificates"]);
}

#[test]
fn parameters_without_a_field() {
    let told = check("postgres://u@h/d?zeta=1&alpha=2&connect_timeout=3", "h - d u - on", &["alpha, zeta"]);
    assert!(!told.warnings[0].contains("connect_timeout"));
    check("postgres://u@h/d?%C3%A4=1", "h - d u - on", &["unusual name"]);
    check("host=h dbname=d service=s", "h - d - - on", &["service"]);
    check("postgres://u@h/d?options=-csearch_path%3Dx", "h - d u - on", &["options"]);
    check("postgres://u@h/d?schema=x&pgbouncer=true", "h - d u - on", &["schema"]);
    let many: String = (0..300).map(|n| format!("k{n}=v&")).collect();
    refused(&format!("postgres://h/d?{many}"), "too many");
}

#[test]
fn keyword_strings() {
    check("host=h port=5433 dbname=d user=u password='a b' sslmode=require", "h 5433 d u a b on", &[]);
    check("  host = h\n port = 5433\n dbname = d ", "h 5433 d - - on", &[]);
    check(r"host=h password='it\'s \\ fine' dbname=d", r"h - d - it's \ fine on", &[]);
    check(r"host=h password=it\'s\ fine dbname=d", "h - d - it's fine on", &[]);
    check("host=h database=d username=u", "h - d u - on", &[]);
    check("host=h dbname=d application_name = psql", "h - d - - on", &[]);
    refused("host=h password='open", "not closed");
    refused("host=h dbname=d password=two words", "single quotes");
}

#[test]
fn psql_lines() {
    check("psql -h h -p 5433 -U u -d d", "h 5433 d u - on", &[]);
    check("psql -hh -p5433 -Uu d", "h 5433 d u - on", &[]);
    check("$ psql --host=h --port 5433 --user u --dbname=d -W", "h 5433 d u - on", &[]);
    check("psql -h h d u", "h - d u - on", &[]);
    check("psql -h h d u x", "h - d u - on", &["ignores"]);
    check("psql -h h -qAtc 'select 1' d", "h - d - - on", &[]);
    check("psql -h h -v a=b --set c=d -f x.sql d < in.sql", "h - d - - on", &[]);
    check("psql -h h -U u -- d", "h - d u - on", &[]);
    check("PGPASSWORD='a b' PGHOST=h psql -U u d", "h - d u a b on", &[]);
    check("export PGPASSWORD=p && psql -h h d", "h - d - p on", &[]);
    check("export PGHOST=h\nexport PGSSLMODE=disable\npsql d", "h - d - - off", &["in clear"]);
    check("psql \\\n  --host=h \\\n  --dbname=d", "h - d - - on", &[]);
    check("psql 'postgres://u:p@h/d?sslmode=require'", "h - d u p on", &[]);
    check("psql postgres://u:p@h/d?a=b&sslmode=disable", "h - d u p off", &["in clear", "a."]);
    check("psql -h other -U x -d postgres://u@h/d", "h - d u - on", &[]);
    check("psql -h other \"host=h dbname=d\"", "h - d - - on", &[]);
    check("psql \"host=h dbname=d password='a b'\"; echo done", "h - d - a b on", &[]);
    check("/usr/lib/postgresql/17/bin/psql -h h d | less", "h - d - - on", &[]);
    check("docker exec -it -e PGPASSWORD=p db psql -U u d", "- - d u p on", &["No server"]);
    check("PGPASSWORD=$SECRET psql -h h d", "h - d - - on", &["variable of your shell"]);
    check("PGPASSWORD=\"a$b\" psql -h h d", "h - d - a$b on", &["as it stands"]);
    check("PGPASSWORD='a$b' psql -h h d", "h - d - a$b on", &[]);
    check("psql -h h -d \"$DB\"", "h - - - - on", &["variable of your shell", "No database"]);
    refused("psql -h 'h", "not closed");
}

#[test]
fn variables() {
    check("DATABASE_URL=\"postgres://u:p@h/d\"", "h - d u p on", &[]);
    check("export DATABASE_URL='postgres://u:p@h/d'", "h - d u p on", &[]);
    check("# shop\nSECRET_KEY=abc\nDATABASE_URL=postgres://u:p@h/d # prod\n", "h - d u p on", &[]);
    check(
        "DATABASE_URL=postgres://u@h/d\nDIRECT_URL=postgres://u@i/d",
        "h - d u - on",
        &["Several variables"],
    );
    check(
        "PGHOST=h\nPGPORT=5433\nPGDATABASE=d\nPGUSER=u\nPGPASSWORD=a b\\c$d",
        "h 5433 d u a b\\c$d on",
        &[],
    );
    check("PGHOST=h PGDATABASE=d PGPASSWORD='a b'", "h - d - a b on", &[]);
    check("set PGHOST=h\r\nset PGDATABASE=d\r\n", "h - d - - on", &[]);
    check("$env:PGHOST = \"h\"\n$env:PGDATABASE = \"d\"", "h - d - - on", &[]);
    check(
        "DB_HOST=h\nDB_PORT=5433\nDB_DATABASE=d\nDB_USERNAME=u\nDB_PASSWORD=\"a\\\"b#c\"",
        "h 5433 d u a\"b#c on",
        &[],
    );
    check("POSTGRES_HOST=h\nPOSTGRES_DB=d\nPOSTGRES_PASSWORD=p # no", "h - d - p on", &[]);
    refused("SECRET_KEY=abc\nPORT=80", "says too little");
}

#[test]
fn jdbc() {
    check("jdbc:postgresql://h:5433/d?user=u&password=a%26b+c&ssl=true", "h 5433 d u a&b c on", &[]);
    check(
        "jdbc:postgresql://h/d?user=u&password=p&sslmode=disable&currentSchema=x",
        "h - d u p off",
        &["clear", "schema"],
    );
    check("jdbc:postgresql://[2001:db8::1]:5433/d?ssl", "2001:db8::1 5433 d - - on", &[]);
    check(
        "jdbc:postgresql://a:1,b:2/d?targetServerType=primary",
        "a 1 d - - on",
        &["several", "targetServerType"],
    );
    check("jdbc:postgresql:d", "- - d - - on", &["No server"]);
    check("jdbc:postgresql://u:p@h/d?user=v", "h - d v p on", &[]);
    check("jdbc:postgresql://h/d?password=a=b", "h - d - a=b on", &[]);
    refused("jdbc:postgresql://h/d?password=a%zz", "%25");
    refused("jdbc:mysql://h/d", "not one of a PostgreSQL");
}

#[test]
fn drivers_of_other_languages() {
    check("postgresql+psycopg2://u:p@h/d", "h - d u p on", &[]);
    check("postgresql+asyncpg://u:p@h/d?ssl=require", "h - d u p on", &[]);
    check("create_engine(\"postgresql+psycopg://u:p@h/d\")", "h - d u p on", &["within the text"]);
    check("spring.datasource.url=jdbc:postgresql://h/d", "h - d - - on", &[]);
    check(
        "Connection info string:\n  \"dbname=d host=h\"\nConnection URL:\n  postgres://u:p@h/d?sslmode=require\n",
        "h - d u p on",
        &["within the text"],
    );
    check("Your database is at <postgres://u:p@h/d> now", "h - d u p on", &["within the text"]);
    check("Host=h;Port=5433;Database=d;Username=u;Password=p;SSL Mode=VerifyFull", "h 5433 d u p on", &[]);
    check(
        "Server=h;User Id=u;Pwd=\"a;\"\"b\";Database=d;SslMode=Disable;",
        "h - d u a;\"b off",
        &["in clear"],
    );
    check(
        "Host=h:5433;Database=d;Trust Server Certificate=true;Pooling=false",
        "h 5433 d - - on",
        &["always", "pooling"],
    );
    check("Driver={PostgreSQL Unicode};Server=h;Database=d;Uid=u;Pwd={a;}}b};", "h - d u a;}b on", &[]);
    check("pgsql:host=h;port=5433;dbname=d;user=u;password=p", "h 5433 d u p on", &[]);
    refused("Host=h;Password=\"open", "not closed");
}

#[test]
fn providers() {
    let neon =
        "postgresql://o:p@ep-x-1-pooler.eu-central-1.aws.neon.tech/d?sslmode=require&channel_binding=require";
    check(neon, "ep-x-1-pooler.eu-central-1.aws.neon.tech - d o p on", &[]);
    check(
        &format!("{neon}&options=endpoint%3Dep-x-1"),
        "ep-x-1-pooler.eu-central-1.aws.neon.tech - d o p on",
        &[],
    );
    check(
        "postgres://u:p@s.x.eu-west-1.rds.amazonaws.com:5432/d",
        "s.x.eu-west-1.rds.amazonaws.com 5432 d u p on",
        &[],
    );
    check("postgres://u:[YOUR-PASSWORD]@h/d", "h - d u - on", &["placeholder"]);
    check("postgres://u:********@h/d", "h - d u - on", &["placeholder"]);
    check("postgres://u:[secret]@h/d", "h - d u [secret] on", &["square brackets"]);
    assert_eq!(parse("postgres://u:password@h/d").unwrap().password.unwrap().expose(), "password");
}

#[test]
fn supabase_projects() {
    let project = |text: &str, words: &[&str]| {
        let pasted = parse(text).unwrap();
        for (warning, word) in pasted.warnings.iter().zip(words) {
            assert!(warning.contains(word), "{text}: {warning}");
        }
        assert_eq!(pasted.warnings.len(), words.len(), "{text}: {:?}", pasted.warnings);
        assert_eq!(pasted.kind, ConnectionKind::Supabase);
        let it = pasted.supabase.unwrap();
        (it.project_ref.unwrap_or_default(), it.region.unwrap_or_default(), it.endpoint)
    };
    let (reference, region) = ("abcdefghijklmnopqrst".to_owned(), "eu-central-1".to_owned());
    let pooler = "aws-0-eu-central-1.pooler.supabase.com";
    assert_eq!(
        project(
            &format!("postgres://postgres.{reference}:p@{pooler}:6543/postgres?pgbouncer=true"),
            &["transaction"]
        ),
        (reference.clone(), region.clone(), SupabaseEndpoint::TransactionPooler)
    );
    assert_eq!(
        project(
            &format!("psql -h {pooler} -p 5432 -U postgres.{reference} -d postgres"),
            &["session pooler"]
        ),
        (reference.clone(), region.clone(), SupabaseEndpoint::SessionPooler)
    );
    assert_eq!(
        project(&format!("postgres://postgres@{pooler}/postgres"), &["session", "project ref"]),
        (String::new(), region, SupabaseEndpoint::SessionPooler)
    );
    assert_eq!(
        project(&format!("postgres://postgres@db.{reference}.supabase.co:5432/postgres"), &["IPv6"]),
        (reference, String::new(), SupabaseEndpoint::Direct)
    );
    assert_eq!(parse("postgres://h/d").unwrap().kind, ConnectionKind::Postgresql);
    refused("https://abcdefghijklmnopqrst.supabase.co", "connection string");
}

#[test]
fn around_the_text() {
    for text in ["\u{feff}postgres://h/d", "`postgres://h/d`", " \"postgres://h/d\"\r\n", "“postgres://h/d”"]
    {
        check(text, "h - d - - on", &[]);
    }
    check("postgres://u:a\u{200b}b@h/d", "h - d u a\u{200b}b on", &["invisible"]);
    refused("", "nothing");
    refused(" \n ", "nothing");
    refused("hello", "no connection string");
    refused("mysql://u@h/d", "not one of a PostgreSQL");
    refused("postgres://h/\nd", "one line");
    refused("postgres://h/d\0", "control character");
    refused("postgres://h/\u{1b}[31m", "control character");
    refused(&format!("postgres://h/{}", "x".repeat(MAX_INPUT_BYTES)), "64 kB");
}

/// What would take minutes or gigabytes if any reader looked at the rest of the text for every character.
#[test]
fn long_texts() {
    for piece in [
        "psql ",
        "psql;&",
        "a=b;",
        "host='h' ",
        "PGHOST=h ",
        "x://",
        "postgres://",
        "@",
        "?@/",
        "\\",
        "'",
        "a=\"\";",
    ] {
        for before in ["", "psql ", "postgres://", "host=", "export A="] {
            let _ = parse(&format!("{before}{}", piece.repeat((MAX_INPUT_BYTES - 20) / piece.len())));
        }
    }
}

#[test]
fn nothing_repeats_a_secret() {
    for text in [
        "postgres://u:hunter2%zz@h/d",
        "postgres://u:hunter2@h/d?x",
        "host=h password='hunter2",
        "host=h hunter2 dbname=d",
        "psql -h h -U u 'hunter2",
        "mysql://u:hunter2@h/d",
        "host=/tmp password=hunter2",
        "hunter2",
    ] {
        let problem = parse(text).expect_err(text);
        assert!(!format!("{problem:?} {problem}").contains("hunter2"), "{text}");
    }
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

proptest! {
    #[test]
    fn anything_may_be_pasted(text in any::<String>()) {
        let _ = parse(&text);
    }

    #[test]
    fn pieces_of_every_form(pieces in prop::collection::vec(prop::sample::select(vec![
        "postgres://", "jdbc:postgresql:", "psql", " ", "\n", "-h", "-d", "--", "host", "=", "'", "\"", "\\", "$", "`",
        "@", ":", "/", "?", "&", "#", ";", ",", "[", "]", "%", "%4", "%41", "{", "}", "u", "é", "PGHOST", "export ",
        "DATABASE_URL", "Host", "5432", "password", "<", "|", "://",
    ]), 0..24)) {
        let _ = parse(&pieces.concat());
    }

    #[test]
    fn an_encoded_url_comes_back(user in "[^\0]{1,20}", password in "[^\0]{1,20}", database in "[^\0]{1,20}") {
        let url = format!("postgres://{}:{}@h:5433/{}", encoded(&user), encoded(&password), encoded(&database));
        let pasted = parse(&url).unwrap();
        prop_assume!(pasted.password.is_some() || pasted.warnings.iter().any(|w| w.contains("placeholder")));
        prop_assert_eq!(pasted.username.unwrap(), user);
        prop_assert_eq!(pasted.database.unwrap(), database);
        prop_assert_eq!((pasted.host.unwrap(), pasted.port), ("h".to_owned(), Some(5433)));
        if let Some(found) = pasted.password {
            prop_assert_eq!(found.expose(), password);
        }
    }

    #[test]
    fn a_quoted_keyword_string_comes_back(user in "\\PC{1,20}", password in "\\PC{1,20}") {
        let text = format!("host=h user={} password={} dbname=d", quoted(&user), quoted(&password));
        let pasted = parse(&text).unwrap();
        prop_assert_eq!(pasted.username.unwrap(), user);
        if let Some(found) = pasted.password {
            prop_assert_eq!(found.expose(), password);
        }
    }
}
