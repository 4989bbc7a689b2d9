//! The certificates that PostgreSQL's manual teaches people to make ("Secure TCP/IP Connections with SSL",
//! "Creating Certificates"), and others that people make by hand, made with the same command.

use super::{Situation, TAKEN, UNTRUSTED, WRONG_HOST, certificates::Certified, compare};
use openssl::{pkey::PKey, x509::X509};
use std::{fs, path::Path, process::Command};

const HOST: &str = "dbhost.yourdomain.com";

/// Runs a line of the manual in `folder`; words with blanks are not needed.
fn run(folder: &Path, line: &str) {
    let mut words = line.split_whitespace();
    let output = Command::new(words.next().unwrap()).args(words).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

fn read(folder: &Path, name: &str) -> Certified {
    let read = |kind: &str| fs::read(folder.join(format!("{name}.{kind}"))).unwrap();
    let certificate = X509::from_pem(&read("crt")).unwrap();
    Certified { certificate, key: PKey::private_key_from_pem(&read("key")).unwrap() }
}

/// A situation in which the very file that the command wrote is pasted.
fn pasted(
    folder: &Path,
    what: &str,
    host: &str,
    chain: &[&Certified],
    file: &str,
    verdict: Result<(), mycorr_domain::Code>,
) -> Situation {
    let mut situation = Situation::new(format!("manual: {what}"), host, chain, &[], verdict);
    situation.trusted = fs::read_to_string(folder.join(file)).unwrap();
    situation
}

#[tokio::test]
async fn recipes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut all = Vec::new();

    run(
        folder,
        "openssl req -new -x509 -days 365 -nodes -text -out server.crt -keyout server.key -subj /CN=dbhost.yourdomain.com",
    );
    let server = read(folder, "server");
    all.push(pasted(folder, "self-signed", HOST, &[&server], "server.crt", TAKEN));
    all.push(pasted(
        folder,
        "self-signed, another host",
        "db.yourdomain.com",
        &[&server],
        "server.crt",
        WRONG_HOST,
    ));

    run(folder, "openssl req -new -nodes -text -out root.csr -keyout root.key -subj /CN=root.yourdomain.com");
    run(
        folder,
        "openssl x509 -req -in root.csr -text -days 3650 -extfile /etc/ssl/openssl.cnf -extensions v3_ca -signkey root.key -out root.crt",
    );
    run(
        folder,
        "openssl req -new -nodes -text -out server.csr -keyout server.key -subj /CN=dbhost.yourdomain.com",
    );
    run(
        folder,
        "openssl x509 -req -in server.csr -text -days 365 -CA root.crt -CAkey root.key -CAcreateserial -out server.crt",
    );
    let server = read(folder, "server");
    let root = read(folder, "root");
    all.push(pasted(folder, "root", HOST, &[&server], "root.crt", TAKEN));
    all.push(pasted(folder, "root, the server's own file pasted", HOST, &[&server], "server.crt", UNTRUSTED));
    all.push(pasted(folder, "root sent along", HOST, &[&server, &root], "root.crt", TAKEN));
    all.push(pasted(folder, "root, another host", "root.yourdomain.com", &[&server], "root.crt", WRONG_HOST));

    run(
        folder,
        "openssl req -new -nodes -text -out intermediate.csr -keyout intermediate.key -subj /CN=intermediate.yourdomain.com",
    );
    run(
        folder,
        "openssl x509 -req -in intermediate.csr -text -days 1825 -extfile /etc/ssl/openssl.cnf -extensions v3_ca -CA root.crt -CAkey root.key -CAcreateserial -out intermediate.crt",
    );
    run(
        folder,
        "openssl x509 -req -in server.csr -text -days 365 -CA intermediate.crt -CAkey intermediate.key -CAcreateserial -out leaf.crt",
    );
    fs::copy(folder.join("server.key"), folder.join("leaf.key")).unwrap();
    let leaf = read(folder, "leaf");
    let intermediate = read(folder, "intermediate");
    all.push(pasted(folder, "root and intermediate", HOST, &[&leaf, &intermediate], "root.crt", TAKEN));
    all.push(pasted(folder, "root and intermediate, not sent", HOST, &[&leaf], "root.crt", UNTRUSTED));
    all.push(pasted(
        folder,
        "root and intermediate, intermediate pasted",
        HOST,
        &[&leaf, &intermediate],
        "intermediate.crt",
        UNTRUSTED,
    ));

    let by_hand = [
        ("with alternative names", "-addext subjectAltName=DNS:dbhost.yourdomain.com,IP:127.0.0.1", TAKEN),
        ("with other alternative names", "-addext subjectAltName=DNS:localhost", WRONG_HOST),
        ("Ed25519", "-newkey ed25519", TAKEN),
        ("elliptic curve", "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1", TAKEN),
        ("signed with RSA-PSS", "-newkey rsa:2048 -sigopt rsa_padding_mode:pss", TAKEN),
        ("RSA 1024", "-newkey rsa:1024", UNTRUSTED),
        ("SHA-1", "-newkey rsa:2048 -sha1", TAKEN),
        ("for clients", "-addext extendedKeyUsage=clientAuth", UNTRUSTED),
    ];
    for (number, (what, options, verdict)) in by_hand.into_iter().enumerate() {
        run(
            folder,
            &format!(
                "openssl req -x509 -days 30 -nodes -out {number}.crt -keyout {number}.key -subj /CN={HOST} {options}"
            ),
        );
        let what = format!("self-signed, {what}");
        all.push(pasted(
            folder,
            &what,
            HOST,
            &[&read(folder, &number.to_string())],
            &format!("{number}.crt"),
            verdict,
        ));
    }
    compare(all).await;
}
