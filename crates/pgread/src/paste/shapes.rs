//! Configurations as people paste them: every shape gives back what was written into it in its own quoting.

mod written;

use super::tests::{check, refused};
use openssl::base64::encode_block;
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
