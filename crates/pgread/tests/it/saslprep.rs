//! Passwords beyond ASCII: PostgreSQL's verifier and psql's sign-in are the oracles.

use crate::support::{dialer, target, unsaved};
use mycorr_domain::{Code, Secret};
use mycorr_pgread::Client;
use mycorr_testkit::{Cluster, Database, counted};
use openssl::{base64, hash::MessageDigest, pkcs5::pbkdf2_hmac, pkey::PKey, sha::sha256, sign::Signer};
use std::process::Command;

#[path = "../../src/wire/saslprep.rs"]
mod prepared;

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % u64::from(end)) as u32
    }

    /// A character of one of the classes that SASLprep tells apart, or of any.
    fn character(&mut self) -> char {
        let (first, last) = CLASSES[self.below(CLASSES.len() as u32) as usize];
        loop {
            let c = char::from_u32(first + self.below(last - first + 1));
            if let Some(c) = c.filter(|c| *c != '\0') {
                return c;
            }
        }
    }

    fn password(&mut self) -> String {
        let length = 1 + self.below(4);
        (0..length).map(|_| self.character()).collect()
    }
}

#[rustfmt::skip]
const CLASSES: [(u32, u32); 34] = [
    (0x20, 0x7e), (0x20, 0x7e), (0x01, 0x1f), (0x7f, 0xa0), (0xa1, 0xff), (0x100, 0x24f), (0x250, 0x2ff), (0x300, 0x36f),
    (0x370, 0x58f), (0x590, 0x5ff), (0x600, 0x6ff), (0x700, 0x8ff), (0x900, 0xdff), (0xe00, 0x17ff), (0x1800, 0x1cff),
    (0x1d00, 0x1eff), (0x1f00, 0x1fff), (0x2000, 0x206f), (0x2070, 0x2bff), (0x2c00, 0x303f), (0x3040, 0x33ff),
    (0x3400, 0xa4cf), (0xa4d0, 0xabff), (0xac00, 0xd7ff), (0xe000, 0xf8ff), (0xf900, 0xfaff), (0xfb00, 0xfdff),
    (0xfe00, 0xfeff), (0xff00, 0xffff), (0x1_0000, 0x1_cfff), (0x1_d000, 0x1_d7ff), (0x1_d800, 0x1_ffff),
    (0x2_0000, 0x3_ffff), (0xe_0000, 0x10_ffff),
];

/// Each is a kind by which passwords were refused that psql signs in with.
const GIVEN: [&str; 12] = [
    "\u{1d2c}",
    "\u{1f130}",
    "a\u{340}",
    "\u{fb1d}",
    "\u{ad}\u{ad}",
    "I\u{ad}X",
    "\u{aa}\u{2168}",
    "\u{627}1",
    "\u{627}a\u{628}",
    "a\u{a0}\u{3000}b",
    "x\u{200b}y",
    "ä\u{7}",
];

fn literal(text: &str) -> String {
    text.replace('\'', "''").replace('\\', "\\\\")
}

/// StoredKey of a verifier (`SCRAM-SHA-256$rounds:salt$StoredKey:ServerKey`), computed from a prepared password.
fn fits(verifier: &str, prepared: &str) -> bool {
    let mut parts = verifier.split(['$', ':']).skip(1);
    let mut part = || parts.next().unwrap();
    let (rounds, salt, stored) = (part().parse().unwrap(), base64::decode_block(part()).unwrap(), part());
    let (mut salted, mut key) = ([0; 32], [0; 32]);
    pbkdf2_hmac(prepared.as_bytes(), &salt, rounds, MessageDigest::sha256(), &mut salted).unwrap();
    let hmac = PKey::hmac(&salted).unwrap();
    Signer::new(MessageDigest::sha256(), &hmac).unwrap().sign_oneshot(&mut key, b"Client Key").unwrap();
    base64::encode_block(&sha256(&key)) == stored
}

#[test]
fn prepared_passwords_fit_the_servers_verifier() {
    let cluster = Cluster::shared();
    let database = Database::create(cluster);
    let role = &database.role;
    let mut random = Random(7);
    let mut passwords: Vec<String> = GIVEN.map(str::to_owned).to_vec();
    passwords.extend((0..900).map(|_| random.password()));
    let script: String = passwords
        .iter()
        .map(|password| {
            format!(
                "ALTER ROLE {role} PASSWORD E'{}';\nSELECT rolpassword FROM pg_authid WHERE rolname = '{role}';\n",
                literal(password)
            )
        })
        .collect();
    let verifiers = cluster.sql(&script);
    let verifiers: Vec<&str> = verifiers.lines().collect();
    assert_eq!(verifiers.len(), passwords.len());
    let wrong: Vec<_> = passwords
        .iter()
        .zip(verifiers)
        .filter(|(password, verifier)| !fits(verifier, &prepared::saslprep(password)))
        .map(|(password, _)| password.escape_unicode().to_string())
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    let changed = passwords.iter().filter(|password| prepared::saslprep(password) != password.as_str());
    counted(&format!("{} passwords of {} are normalised", changed.count(), passwords.len()));
}

fn psql_signs_in(database: &Database<'_>, password: &str) -> bool {
    let cluster = database.cluster;
    let mut command = Command::new(cluster.program("psql"));
    command.args(["-X", "-w", "-h", "127.0.0.1", "-U", &database.role, "-d", &database.name, "-c", ""]);
    command.args(["-p", &cluster.port().to_string()]);
    command.env_clear().env("PGPASSWORD", password).env("LC_ALL", "C.UTF-8").env("PGSSLMODE", "disable");
    command.output().unwrap().status.success()
}

/// The role has the first password of a pair, the second is typed.
#[tokio::test]
async fn mycorr_signs_in_where_psql_does() {
    let cluster = tokio::task::spawn_blocking(Cluster::shared).await.unwrap();
    let database = Database::create(cluster);
    let mut random = Random(11);
    let mut pairs: Vec<(String, String)> =
        GIVEN.iter().map(|password| (password.to_string(), password.to_string())).collect();
    for _ in 0..60 {
        let password = random.password();
        let typed = match random.below(3) {
            0 => password.clone(),
            1 => prepared::saslprep(&password).into_owned(),
            _ => format!("{password}\u{ad}"),
        };
        pairs.push((password, typed));
    }
    let mut taken = 0;
    for (password, typed) in &pairs {
        cluster.sql(&format!("ALTER ROLE {} PASSWORD E'{}'", database.role, literal(password)));
        let theirs = psql_signs_in(&database, typed);
        let mut target = target(cluster, &database);
        target.endpoint.encrypted = false;
        target.password = Secret::new(typed.clone());
        let ours = match Client::connect(&dialer(), &target, unsaved()).await {
            Ok(client) => {
                client.close().await;
                true
            }
            Err(problem) => {
                assert_eq!(problem.code, Code::AuthenticationFailed, "{problem}");
                false
            }
        };
        assert_eq!(ours, theirs, "{} {}", password.escape_unicode(), typed.escape_unicode());
        taken += usize::from(ours);
    }
    assert!(taken > 30 && taken < pairs.len(), "{taken} of {}", pairs.len());
}
