//! What people paste. Mycorr is kinder than libpq to what comes from a mail or an editor, and stricter with
//! private keys (each difference stands in [`super::DIFFERENCES`]).

use super::{
    Situation, TAKEN,
    certificates::{Certified, Draft, pem},
    compare,
};
use mycorr_domain::Code;
use mycorr_pgread::tls::CaCertificate;
use std::{fs, process::Command};

const HOST: &str = "db.example.com";
const INVALID: Result<(), Code> = Err(Code::CaCertificateInvalid);

/// What the `openssl` command makes of a certificate (its file is `in`, the key's is `key`).
fn openssl(one: &Certified, arguments: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("in"), pem(&[one])).unwrap();
    fs::write(folder.path().join("key"), one.key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    fs::write(folder.path().join("index"), "").unwrap();
    fs::write(folder.path().join("conf"), "[ca]\ndefault_ca=a\n[a]\ndatabase=index\n").unwrap();
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(&folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn oddities() {
    let root = Draft::authority("Root").self_signed();
    let middle = Draft::authority("Middle").signed_by(&root);
    let leaf = Draft::server(HOST).signed_by(&root);
    let below = Draft::server(HOST).signed_by(&middle);
    let good = pem(&[&root]);
    let other = pem(&[&Draft::authority("Other").self_signed()]);
    let body: String = good.lines().filter(|line| !line.starts_with('-')).collect();
    let key = String::from_utf8(root.key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    let old_key = String::from_utf8(root.key.ec_key().unwrap().private_key_to_pem().unwrap()).unwrap();
    let encrypted = openssl::symm::Cipher::aes_128_cbc();
    let encrypted = root.key.private_key_to_pem_pkcs8_passphrase(encrypted, b"x").unwrap();
    let encrypted = String::from_utf8(encrypted).unwrap();
    let (begin, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
    let bundle: Vec<_> = (0..400).map(|n| Draft::authority(&n.to_string()).self_signed()).collect();
    let bundle = pem(&bundle.iter().collect::<Vec<_>>());
    assert!(bundle.len() > 150_000);
    let crl = openssl(&root, "ca -gencrl -config conf -keyfile key -cert in -md sha256 -crldays 30");
    let cut = |by: usize| good.lines().collect::<Vec<_>>()[..good.lines().count() - by].join("\n");

    let mut all = Vec::new();
    for (what, text, verdict) in [
        ("byte order mark", format!("\u{feff}{good}"), TAKEN),
        ("CRLF", good.replace('\n', "\r\n"), TAKEN),
        ("no new line at the end", good.trim_end().to_owned(), TAKEN),
        ("blank lines around", format!("\n\n{good}\n\n"), TAKEN),
        ("blank lines between", format!("{good}\n\n\n{other}"), TAKEN),
        ("blanks at the ends of lines", good.replace('\n', " \t\n"), TAKEN),
        ("indented", good.lines().map(|line| format!("    {line}\n")).collect(), TAKEN),
        ("only the base64 indented", good.replace('\n', "\n  ").replace("  -----END", "-----END"), TAKEN),
        ("comments", format!("# Our CA, ask Ann\n{good}# the end\n"), TAKEN),
        ("a letter around it", format!("Dear Bob,\nhere it is:\n\n{good}\n-- \nAnn\n"), TAKEN),
        ("text of the certificate", openssl(&root, "x509 -in in -text"), TAKEN),
        ("text with CRLF", openssl(&root, "x509 -in in -text").replace('\n', "\r\n"), TAKEN),
        (
            "what a PKCS #12 file gives",
            format!("Bag Attributes\n    friendlyName: CA\nsubject=CN = Root\n\nissuer=CN = Root\n\n{good}"),
            TAKEN,
        ),
        ("lines of 76", lines(&body, 76), TAKEN),
        ("lines of 16", lines(&body, 16), TAKEN),
        ("one long line", lines(&body, 100_000), TAKEN),
        ("label of old", good.replace("CERTIFICATE", "X509 CERTIFICATE"), TAKEN),
        ("trusted certificate", openssl(&root, "x509 -in in -trustout"), TAKEN),
        (
            "trusted certificate, for servers",
            openssl(&root, "x509 -in in -trustout -addtrust serverAuth"),
            TAKEN,
        ),
        (
            "trusted certificate, for clients",
            openssl(&root, "x509 -in in -trustout -addtrust clientAuth"),
            INVALID,
        ),
        (
            "trusted certificate, not for servers",
            openssl(&root, "x509 -in in -trustout -addreject serverAuth"),
            INVALID,
        ),
        ("trusted certificate, with a name", openssl(&root, "x509 -in in -trustout -setalias Ours"), TAKEN),
        ("revocation list before", format!("{crl}{good}"), TAKEN),
        ("revocation list between", format!("{other}{crl}{good}"), TAKEN),
        ("twice", format!("{good}{good}"), TAKEN),
        ("400 authorities, the right one last", format!("{bundle}{good}"), TAKEN),
        ("400 authorities, the right one missing", bundle.clone(), Err(Code::CertificateUntrusted)),
        ("more than 1 MiB", format!("{}{good}", "# x\n".repeat(300_000)), INVALID),
        ("empty", String::new(), INVALID),
        ("only blanks", " \n\n".into(), INVALID),
        ("only a comment", "# our CA\n".into(), INVALID),
        ("a path", "/etc/ssl/certs/ca-certificates.crt".into(), INVALID),
        ("only a revocation list", crl.clone(), INVALID),
        ("only base64", lines(&body, 64).replace(begin, "").replace(end, ""), INVALID),
        ("no END", cut(1), INVALID),
        ("half of it", cut(3), INVALID),
        ("no BEGIN", good.lines().skip(1).collect::<Vec<_>>().join("\n"), INVALID),
        ("END of something else", good.replace(end, "-----END X509 CRL-----"), INVALID),
        ("a character missing", good.replacen("\nM", "\n", 1), INVALID),
        ("a character changed", good.replacen("\nMII", "\nMI!", 1), INVALID),
        ("base64 of something else", format!("{begin}\naGVsbG8=\n{end}\n"), INVALID),
        ("nothing between", format!("{begin}\n{end}\n"), INVALID),
        ("a good one, then a broken one", format!("{good}{begin}\naGVsbG8=\n{end}\n"), INVALID),
        ("a broken one, then a good one", format!("{begin}\naGVsbG8=\n{end}\n{good}"), INVALID),
        ("begun twice", format!("{begin}\n{good}"), INVALID),
        ("four dashes", good.replace("-----", "----"), INVALID),
        ("small letters", good.replace("CERTIFICATE", "certificate"), INVALID),
        ("a request", good.replace("CERTIFICATE", "CERTIFICATE REQUEST"), INVALID),
        ("private key behind", format!("{good}{key}"), INVALID),
        ("private key before", format!("{key}{good}"), INVALID),
        ("private key indented", format!("{good}  {}", key.replace('\n', "\n  ")), INVALID),
        ("private key of old", format!("{good}{old_key}"), INVALID),
        ("private key encrypted", format!("{good}{encrypted}"), INVALID),
        ("only a private key", key.clone(), INVALID),
    ] {
        let mut situation = Situation::new(format!("pasted: {what}"), HOST, &[&leaf], &[], verdict);
        situation.trusted = text;
        all.push(situation);
    }
    // With a word of trust an intermediate is an anchor of its own for libpq.
    let what = "pasted: trusted certificate, an intermediate";
    let mut situation = Situation::new(what, HOST, &[&below], &[], Err(Code::CertificateUntrusted));
    situation.trusted = openssl(&middle, "x509 -in in -trustout -addtrust serverAuth");
    all.push(situation);
    compare(all).await;
}

/// Each shape, of a certificate that is then read, and of a private key beside it that is refused.
#[test]
fn shapes_of_the_clipboard() {
    let one = Draft::authority("Root").self_signed();
    let two = Draft::authority("Other").self_signed();
    let good = pem(&[&one]);
    let pair = pem(&[&one, &two]);
    let new = one.key.private_key_to_pem_pkcs8().unwrap();
    let old = one.key.ec_key().unwrap().private_key_to_pem().unwrap();
    let cipher = openssl::symm::Cipher::aes_128_cbc();
    let encrypted = one.key.private_key_to_pem_pkcs8_passphrase(cipher, b"x").unwrap();
    let mut keys: Vec<String> = [new, old, encrypted].map(|key| String::from_utf8(key).unwrap()).into();
    for label in [
        "RSA PRIVATE KEY",
        "DSA PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
        "PGP PRIVATE KEY BLOCK",
        "ANY PRIVATE KEY",
    ] {
        keys.push(format!("-----BEGIN {label}-----\nMIIEvQIBADAN\n-----END {label}-----\n"));
    }
    keys.push(
        "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nMIIE\n---- END SSH2 ENCRYPTED PRIVATE KEY ----\n".into(),
    );
    keys.push("PuTTY-User-Key-File-2: ssh-rsa\nEncryption: none\n".into());
    let letters = |text: &str| text.replace('\n', "\\n");
    let base64 = |text: &str| openssl::base64::encode_block(text.as_bytes());
    let wrapped = |text: &str| {
        let text = base64(text);
        let lines: Vec<_> = text.as_bytes().chunks(76).map(String::from_utf8_lossy).collect();
        lines.join("\n")
    };
    let source = |text: &str| text.lines().map(|line| format!("  '{line}\\n' +\n")).collect::<String>();
    type Shape<'a> = (&'a str, &'a dyn Fn(&str) -> String);
    let shapes: [Shape<'_>; 22] = [
        ("as it is", &|text| text.to_owned()),
        ("\\n as two letters", &letters),
        ("\\r\\n as four letters", &|text| text.replace('\n', "\\r\\n")),
        ("\\\\n, escaped twice", &|text| text.replace('\n', "\\\\n")),
        ("both, a new line and its letters", &|text| text.replace('\n', "\\n\n")),
        ("on one line", &|text| text.trim_end().replace('\n', " ")),
        ("on one line, without blanks", &|text| text.replace('\n', "")),
        ("no blank at all", &|text| text.replace(['\n', ' '], "")),
        ("in double quotes", &|text| format!("\"{text}\"")),
        ("in single quotes", &|text| format!("'{text}'")),
        ("as a JSON string", &|text| serde_json::to_string(text).unwrap()),
        ("in a JSON document", &|text| serde_json::json!({"type": "x", "ca": text}).to_string()),
        ("with PHP's slashes", &|text| serde_json::to_string(text).unwrap().replace('/', "\\/")),
        ("in a YAML block", &|text| format!("ca: |\n  {}", text.replace('\n', "\n  "))),
        ("in an .env line", &|text| format!("CA_CERT=\"{}\"", letters(text))),
        ("for a shell", &|text| format!("export CA=$'{}'", letters(text))),
        ("in a program's source", &source),
        ("in a URL", &|text| text.replace('+', "%2B").replace(' ', "%20").replace('\n', "%0A")),
        ("Base64 of it", &base64),
        ("Base64 of it, in lines", &wrapped),
        ("a Kubernetes secret", &|text| format!("data:\n  ca.crt: {}\n  other: aGVsbG8=\n", base64(text))),
        ("Base64 of the letters", &|text| base64(&letters(text))),
    ];
    let fingerprints = |ca: &CaCertificate| {
        openssl::x509::X509::stack_from_pem(ca.pem().expose().as_bytes())
            .unwrap()
            .iter()
            .map(|one| one.to_der().unwrap())
            .collect::<Vec<_>>()
    };
    let wanted = [&one, &two].map(|one| one.certificate.to_der().unwrap());
    for (what, shape) in shapes {
        for (text, count) in
            [(good.clone(), 1), (pair.clone(), 2), (pair.replace("-----\n-----", "----------"), 2)]
        {
            let read =
                CaCertificate::parse(&shape(&text)).unwrap_or_else(|problem| panic!("{what}: {problem}"));
            assert_eq!(fingerprints(&read), wanted[..count], "{what}");
        }
        for key in &keys {
            for text in [key.clone(), format!("{good}{key}"), format!("{key}{good}")] {
                let Err(problem) = CaCertificate::parse(&shape(&text)) else { panic!("{what} of {key}") };
                assert!(problem.detail.contains("private key"), "{what} of {key}: {problem}");
            }
        }
    }
    let commented: String = good.lines().map(|line| format!("# {line}\n")).collect();
    assert!(CaCertificate::parse(&commented).is_err(), "what is commented out is not trusted");
    let kept = CaCertificate::parse(&format!("password: hunter2\n{good}")).unwrap();
    assert_eq!(kept.pem().expose(), good, "nothing but certificates is kept");
}

fn lines(body: &str, length: usize) -> String {
    let lines: Vec<_> =
        body.as_bytes().chunks(length).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

#[test]
fn a_refusal_says_what_to_do() {
    let key =
        String::from_utf8(Draft::new("x").self_signed().key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    for (text, says) in
        [("", "no certificate"), ("-----BEGIN CERTIFICATE-----\nx", "number 1"), (&key, "private key")]
    {
        let Err(problem) = CaCertificate::parse(text) else { panic!("taken") };
        assert!(problem.detail.contains(says) && problem.fix.is_some(), "{problem}");
        assert_eq!(problem.fields[0].field, "ca_certificate");
    }
}
