//! Is the certificate for this host?

use super::{
    Situation, TAKEN, UNTRUSTED, WRONG_HOST,
    certificates::{
        Certified, DIRECTORY, DNS, Draft, EMAIL, IP, OTHER, REGISTERED, SUBJECT_ALT_NAME, URI, any_key, der,
        oid, sequence,
    },
    compare, connect,
    server::TlsServer,
};
use mycorr_domain::Code;
use openssl::asn1::Asn1Type;

const HOST: &str = "db.example.com";

struct Names {
    root: Certified,
    situations: Vec<Situation>,
}

impl Names {
    fn new() -> Self {
        Self { root: Draft::authority("Root").self_signed(), situations: Vec::new() }
    }

    fn add(&mut self, what: &str, host: &str, draft: Draft, verdict: Result<(), Code>) {
        let leaf = draft.signed_by(&self.root);
        let what = format!("name: {what}");
        self.situations.push(Situation::new(what, host, &[&leaf], &[&self.root], verdict));
    }

    /// The certificate's names are DNS names; its common name is another one.
    fn dns(&mut self, what: &str, host: &str, name: &str, verdict: Result<(), Code>) {
        self.add(what, host, Draft::server(name).common_names(&["nobody"]), verdict);
    }

    fn alternatives(
        &mut self,
        what: &str,
        host: &str,
        common_name: &str,
        names: &[(u8, &[u8])],
        verdict: Result<(), Code>,
    ) {
        self.add(what, host, Draft::new(common_name).names(names), verdict);
    }

    fn common(&mut self, what: &str, host: &str, names: &[&str], verdict: Result<(), Code>) {
        self.add(what, host, Draft::new("x").common_names(names), verdict);
    }
}

#[tokio::test]
async fn dns_names() {
    let mut t = Names::new();
    for (what, host, name, verdict) in [
        ("exact", HOST, HOST, TAKEN),
        ("another", HOST, "other.example.com", WRONG_HOST),
        ("upper case in the certificate", HOST, "DB.Example.COM", TAKEN),
        ("parent domain", HOST, "example.com", WRONG_HOST),
        ("subdomain", HOST, "a.db.example.com", WRONG_HOST),
        ("longer by a suffix", HOST, "db.example.com.evil.org", WRONG_HOST),
        ("shorter by its end", HOST, "db.example.co", WRONG_HOST),
        ("single label", "db", "db", TAKEN),
        ("underscore", "my_db.example.com", "my_db.example.com", TAKEN),
        ("wildcard", HOST, "*.example.com", TAKEN),
        ("wildcard in upper case", HOST, "*.EXAMPLE.com", TAKEN),
        ("wildcard for two labels", "a.db.example.com", "*.example.com", WRONG_HOST),
        ("wildcard for no label", "example.com", "*.example.com", WRONG_HOST),
        ("wildcard for a name of one label", "db", "*", WRONG_HOST),
        ("wildcard over everything", HOST, "*", WRONG_HOST),
        ("wildcard under a top-level domain", "example.com", "*.com", TAKEN),
        ("wildcard and a dot", "db", "*.", WRONG_HOST),
        ("wildcard at the end of a label", HOST, "d*.example.com", WRONG_HOST),
        ("wildcard at the start of a label", HOST, "*b.example.com", WRONG_HOST),
        ("wildcard within a label", "dxb.example.com", "d*b.example.com", WRONG_HOST),
        ("wildcard in the second label", HOST, "db.*.com", WRONG_HOST),
        ("wildcard in the last label", HOST, "db.example.*", WRONG_HOST),
        ("two wildcards", HOST, "*.*.com", WRONG_HOST),
        ("double wildcard", HOST, "**.example.com", WRONG_HOST),
        ("wildcard over punycode", "xn--bcher-kva.example.com", "*.example.com", TAKEN),
        ("wildcard within punycode", "xn--bcher-kva.example.com", "xn--*.example.com", WRONG_HOST),
        ("wildcard with an underscore", "my_db.example.com", "*.example.com", TAKEN),
        ("wildcard of the same length", "a.example.com", "*.example.com", TAKEN),
        ("punycode", "xn--bcher-kva.example", "xn--bcher-kva.example", TAKEN),
        ("Unicode host, punycode certificate", "bücher.example", "xn--bcher-kva.example", TAKEN),
        ("host with the root's dot", "db.example.com.", HOST, TAKEN),
        ("certificate with the root's dot", HOST, "db.example.com.", WRONG_HOST),
        ("root's dot on both sides", "db.example.com.", "db.example.com.", WRONG_HOST),
        ("leading dot", HOST, ".example.com", WRONG_HOST),
        ("empty", HOST, "", WRONG_HOST),
        ("a blank behind", HOST, "db.example.com ", WRONG_HOST),
        ("a new line behind", HOST, "db.example.com\n", WRONG_HOST),
        ("a URL", HOST, "postgres://db.example.com", WRONG_HOST),
        ("a NUL behind", HOST, "db.example.com\0.evil.org", WRONG_HOST),
        ("a NUL at the end", HOST, "db.example.com\0", WRONG_HOST),
        ("a NUL in a wildcard", HOST, "*.example.com\0", WRONG_HOST),
    ] {
        t.dns(what, host, name, verdict);
    }
    t.dns("upper case in the host", "DB.EXAMPLE.com", HOST, TAKEN);
    let long = format!("{0}.{0}.{0}.example.com", "a".repeat(63));
    t.dns("203 characters", &long, &long, TAKEN);
    compare(t.situations).await;
}

#[tokio::test]
async fn several_names_and_other_kinds() {
    let mut t = Names::new();
    let dns: (u8, &[u8]) = (DNS, HOST.as_bytes());
    let other = der(0xa0, &der(0x0c, HOST.as_bytes()));
    let other: (u8, &[u8]) = (OTHER, &[oid("1.3.6.1.4.1.311.20.2.3"), other].concat());
    let directory = sequence(&[der(0x31, &sequence(&[oid("2.5.4.3"), der(0x0c, HOST.as_bytes())]))]);
    let uri: (u8, &[u8]) = (URI, b"postgres://db.example.com/");
    let email: (u8, &[u8]) = (EMAIL, b"dba@db.example.com");
    for (what, common_name, names, verdict) in [
        ("second of two", "x", vec![(DNS, b"a.example.com".as_slice()), dns], TAKEN),
        (
            "both names wrong",
            "x",
            vec![(DNS, b"a.example.com".as_slice()), (DNS, b"b.example.com")],
            WRONG_HOST,
        ),
        ("common name right, alternative wrong", HOST, vec![(DNS, b"a.example.com".as_slice())], WRONG_HOST),
        ("common name wrong, alternative right", "a.example.com", vec![dns], TAKEN),
        ("common name right, alternative empty", HOST, vec![(DNS, b"".as_slice())], WRONG_HOST),
        ("NUL before the right name", "x", vec![(DNS, b"a\0b".as_slice()), dns], WRONG_HOST),
        ("NUL behind the right name", "x", vec![dns, (DNS, b"a\0b".as_slice())], TAKEN),
        ("NUL in the alternative, common name right", HOST, vec![(DNS, b"a\0b".as_slice())], WRONG_HOST),
        ("Latin-1 before the right name", "x", vec![(DNS, b"b\xfccher.example".as_slice()), dns], TAKEN),
        ("Latin-1, common name right", HOST, vec![(DNS, b"b\xfccher.example".as_slice())], WRONG_HOST),
        ("Latin-1 and NUL before the right name", "x", vec![(DNS, b"\xfc\0".as_slice()), dns], WRONG_HOST),
        ("only a URI", "x", vec![uri], WRONG_HOST),
        ("a URI, common name right", HOST, vec![uri], TAKEN),
        ("only an e-mail address", "x", vec![email], WRONG_HOST),
        ("an e-mail address, common name right", HOST, vec![email], TAKEN),
        ("only an IP address, common name right", HOST, vec![(IP, b"\x7f\0\0\x01".as_slice())], TAKEN),
        ("only an IP address, common name wrong", "x", vec![(IP, b"\x7f\0\0\x01".as_slice())], WRONG_HOST),
        ("only another name", "x", vec![other], WRONG_HOST),
        ("another name, common name right", HOST, vec![other], TAKEN),
        ("only a directory name", "x", vec![(DIRECTORY, directory.as_slice())], WRONG_HOST),
        ("a directory name, common name right", HOST, vec![(DIRECTORY, directory.as_slice())], TAKEN),
        ("a registered id, common name right", HOST, vec![(REGISTERED, b"\x2a\x03\x04".as_slice())], TAKEN),
        ("URI, e-mail and the right name", "x", vec![uri, email, other, dns], TAKEN),
        (
            "an IP address of 5 bytes before the right name",
            "x",
            vec![(IP, b"\x7f\0\0\x01\0".as_slice()), dns],
            WRONG_HOST,
        ),
        (
            "an IP address of 5 bytes behind the right name",
            "x",
            vec![dns, (IP, b"\x7f\0\0\x01\0".as_slice())],
            TAKEN,
        ),
        (
            "an IP address of 5 bytes, common name right",
            HOST,
            vec![(IP, b"\x7f\0\0\x01\0".as_slice())],
            WRONG_HOST,
        ),
        ("an IP address of no bytes, common name right", HOST, vec![(IP, b"".as_slice())], WRONG_HOST),
        ("no names in the list, common name right", HOST, vec![], TAKEN),
        ("no names in the list, common name wrong", "x", vec![], WRONG_HOST),
    ] {
        t.alternatives(what, HOST, common_name, &names, verdict);
    }
    t.add(
        "two lists, the right name in the first",
        HOST,
        Draft::server(HOST).common_names(&["x"]).names(&[(DNS, b"a.example.com")]),
        UNTRUSTED,
    );
    t.add(
        "names that cannot be read, common name right",
        HOST,
        Draft::new(HOST).extension(SUBJECT_ALT_NAME, false, b"\x30\x05\x82\x7f".to_vec()),
        UNTRUSTED,
    );
    t.add(
        "a critical list",
        HOST,
        Draft::new("x").extension(SUBJECT_ALT_NAME, true, sequence(&[der(DNS, HOST.as_bytes())])),
        TAKEN,
    );
    let many: Vec<String> = (0..1000).map(|n| format!("n{n}.example.com")).collect();
    let mut many: Vec<(u8, &[u8])> = many.iter().map(|name| (DNS, name.as_bytes())).collect();
    many.push(dns);
    t.alternatives("the last of 1,001", HOST, "x", &many, TAKEN);
    compare(t.situations).await;
}

#[tokio::test]
async fn common_names() {
    let mut t = Names::new();
    for (what, host, names, verdict) in [
        ("common name only", HOST, vec![HOST], TAKEN),
        ("common name in upper case", HOST, vec!["DB.EXAMPLE.COM"], TAKEN),
        ("common name wrong", HOST, vec!["other.example.com"], WRONG_HOST),
        ("common name with a wildcard", HOST, vec!["*.example.com"], TAKEN),
        ("common name with a partial wildcard", HOST, vec!["d*.example.com"], WRONG_HOST),
        ("no common name", HOST, vec![], WRONG_HOST),
        ("an empty common name", HOST, vec![""], WRONG_HOST),
        ("first of two common names", HOST, vec![HOST, "other.example.com"], TAKEN),
        ("second of two common names", HOST, vec!["other.example.com", HOST], WRONG_HOST),
        ("common name with a NUL", HOST, vec!["db.example.com\0.evil.org"], WRONG_HOST),
        ("common name with a blank before", HOST, vec![" db.example.com"], WRONG_HOST),
        ("common name of words", HOST, vec!["The database db.example.com"], WRONG_HOST),
        ("common name in Unicode", "xn--bcher-kva.example", vec!["bücher.example"], WRONG_HOST),
        ("Unicode host, UTF-8 common name", "bücher.example", vec!["bücher.example"], WRONG_HOST),
    ] {
        t.common(what, host, &names, verdict);
    }
    for (what, value, kind, verdict) in [
        ("common name as PrintableString", HOST, Asn1Type::PRINTABLESTRING, TAKEN),
        ("common name as IA5String", HOST, Asn1Type::IA5STRING, TAKEN),
        ("common name as T61String", HOST, Asn1Type::T61STRING, TAKEN),
        ("common name as BMPString", "\0d\0b", Asn1Type::BMPSTRING, WRONG_HOST),
    ] {
        let host = if kind == Asn1Type::BMPSTRING { "db" } else { HOST };
        t.add(what, host, Draft::new("x").common_name_of_type(value, kind), verdict);
    }
    t.add("self-signed, common name only", HOST, Draft::new(HOST).key(&any_key()), TAKEN);
    compare(t.situations).await;
}

#[tokio::test]
async fn addresses() {
    let mut t = Names::new();
    const V4: &[u8] = &[127, 0, 0, 1];
    const OTHER_V4: &[u8] = &[127, 0, 0, 2];
    const V6: &[u8] = &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    const MAPPED: &[u8] = &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1];
    for (what, host, common_name, names, verdict) in [
        ("IPv4", "127.0.0.1", "x", vec![(IP, V4)], TAKEN),
        ("another IPv4", "127.0.0.1", "x", vec![(IP, OTHER_V4)], WRONG_HOST),
        ("second of two IPv4", "127.0.0.1", "x", vec![(IP, OTHER_V4), (IP, V4)], TAKEN),
        ("IPv4 as common name", "127.0.0.1", "127.0.0.1", vec![], TAKEN),
        (
            "IPv4 as common name, alternative wrong",
            "127.0.0.1",
            "127.0.0.1",
            vec![(IP, OTHER_V4)],
            WRONG_HOST,
        ),
        (
            "IPv4 as common name beside a DNS name",
            "127.0.0.1",
            "127.0.0.1",
            vec![(DNS, b"x".as_slice())],
            TAKEN,
        ),
        ("IPv4 as DNS name", "127.0.0.1", "x", vec![(DNS, b"127.0.0.1".as_slice())], TAKEN),
        ("IPv4 in a wildcard", "127.0.0.1", "x", vec![(DNS, b"*.0.0.1".as_slice())], TAKEN),
        ("IPv4 in a wildcard as common name", "127.0.0.1", "*.0.0.1", vec![], TAKEN),
        ("IPv4 as a URI", "127.0.0.1", "x", vec![(URI, b"postgres://127.0.0.1/".as_slice())], WRONG_HOST),
        ("IPv4 host, mapped in the certificate", "127.0.0.1", "x", vec![(IP, MAPPED)], WRONG_HOST),
        ("IPv4 as a network", "127.0.0.1", "x", vec![(IP, &[127, 0, 0, 1, 255, 255, 255, 255])], WRONG_HOST),
        (
            "IPv4, only a name in the certificate",
            "127.0.0.1",
            "x",
            vec![(DNS, b"localhost".as_slice())],
            WRONG_HOST,
        ),
        (
            "5 bytes before the right IPv4",
            "127.0.0.1",
            "x",
            vec![(IP, &[127, 0, 0, 1, 0]), (IP, V4)],
            WRONG_HOST,
        ),
        ("NUL in a name before the right IPv4", "127.0.0.1", "x", vec![(DNS, b"a\0"), (IP, V4)], WRONG_HOST),
        ("Latin-1 before the right IPv4", "127.0.0.1", "x", vec![(DNS, b"\xfc"), (IP, V4)], TAKEN),
        ("name, only an address in the certificate", "localhost", "x", vec![(IP, V4)], WRONG_HOST),
        ("IPv6", "::1", "x", vec![(IP, V6)], TAKEN),
        ("another IPv6", "::1", "x", vec![(IP, MAPPED)], WRONG_HOST),
        ("IPv6 written long", "0:0:0:0:0:0:0:1", "x", vec![(IP, V6)], TAKEN),
        ("IPv6 as common name", "::1", "::1", vec![], TAKEN),
        ("IPv6 as DNS name", "::1", "x", vec![(DNS, b"::1".as_slice())], TAKEN),
        ("mapped IPv4", "::ffff:127.0.0.1", "x", vec![(IP, MAPPED)], TAKEN),
        ("mapped IPv4 host, IPv4 in the certificate", "::ffff:127.0.0.1", "x", vec![(IP, V4)], WRONG_HOST),
        ("mapped IPv4 as common name", "::ffff:127.0.0.1", "::ffff:127.0.0.1", vec![], TAKEN),
    ] {
        t.alternatives(what, host, common_name, &names, verdict);
    }
    compare(t.situations).await;
}

/// The sentence is for people, and its writer is not known.
#[tokio::test]
async fn what_a_certificate_says_is_shown_with_care() {
    let tricks = ["a\nb", "a\u{202e}b", "a\u{1b}[2Jb", "a\0b", "\u{200b}", &"x".repeat(50_000)];
    let mut names: Vec<(u8, &[u8])> = tricks.iter().map(|name| (DNS, name.as_bytes())).collect();
    names.extend(std::iter::repeat_n((DNS, b"n.example.com".as_slice()), 1000));
    let alone = Draft::new("\u{1b}]0;\u{7}").names(&names).self_signed();
    let situation = Situation::new("tricks", HOST, &[&alone], &[&alone], WRONG_HOST);
    let server = TlsServer::start("127.0.0.1", &situation.shown).await;
    let problem = connect(HOST, server.port, Some(&situation.trusted)).await.unwrap_err();
    assert_eq!(problem.code, Code::CertificateWrongHost);
    let tricky = |c: char| c.is_control() || ['\u{202e}', '\u{200b}'].contains(&c);
    assert!(!problem.detail.contains(tricky) && problem.detail.len() < 2000, "{:?}", problem.detail);
    assert!(problem.detail.contains("and 998 more"), "{:?}", problem.detail);
}
