//! Does an authority that is trusted vouch for it, now and for this purpose?

use super::{
    EXPIRED, NOT_YET_VALID, Situation, TAKEN, UNTRUSTED, WRONG_HOST,
    certificates::{
        ANY_PURPOSE, CLIENT_AUTH, CODE_SIGNING, Certified, DIGITAL_SIGNATURE, DNS, Draft, IP, KEY_CERT_SIGN,
        KEY_ENCIPHERMENT, NAME_CONSTRAINTS, SERVER_AUTH, any_key, der, sequence,
    },
    compare,
};
use mycorr_domain::Code;

const HOST: &str = "db.example.com";
const EXPIRED_DAYS: (i64, i64) = (-10, -1);
const FUTURE_DAYS: (i64, i64) = (1, 10);

#[tokio::test]
async fn time() {
    let mut all = Vec::new();
    for (what, days, verdict) in
        [("expired", EXPIRED_DAYS, EXPIRED), ("not yet valid", FUTURE_DAYS, NOT_YET_VALID)]
    {
        let (from, to) = days;
        let good_root = Draft::authority("Root").self_signed();
        let good_middle = Draft::authority("Middle").signed_by(&good_root);
        let leaf = Draft::server(HOST).valid(from, to).signed_by(&good_root);
        all.push(Situation::new(format!("{what}: leaf"), HOST, &[&leaf], &[&good_root], verdict));
        let leaf = Draft::server("x").valid(from, to).signed_by(&good_root);
        all.push(Situation::new(
            format!("{what}: leaf for another host"),
            HOST,
            &[&leaf],
            &[&good_root],
            verdict,
        ));
        let leaf = Draft::server(HOST).valid(from, to).self_signed();
        all.push(Situation::new(format!("{what}: self-signed"), HOST, &[&leaf], &[&leaf], verdict));
        let middle = Draft::authority("Middle").valid(from, to).signed_by(&good_root);
        let leaf = Draft::server(HOST).signed_by(&middle);
        all.push(Situation::new(
            format!("{what}: intermediate"),
            HOST,
            &[&leaf, &middle],
            &[&good_root],
            verdict,
        ));
        let root = Draft::authority("Root").valid(from, to).self_signed();
        let leaf = Draft::server(HOST).signed_by(&root);
        all.push(Situation::new(format!("{what}: root"), HOST, &[&leaf], &[&root], verdict));
        let middle = Draft::authority("Middle").signed_by(&root);
        let leaf = Draft::server(HOST).signed_by(&middle);
        all.push(Situation::new(
            format!("{what}: root above an intermediate"),
            HOST,
            &[&leaf, &middle],
            &[&root],
            verdict,
        ));
        let leaf = Draft::server(HOST).signed_by(&good_middle);
        let extra = Draft::authority("Unrelated").valid(from, to).self_signed();
        all.push(Situation::new(
            format!("{what}: a certificate that is not needed"),
            HOST,
            &[&leaf, &good_middle, &extra],
            &[&good_root],
            TAKEN,
        ));
    }
    let root = Draft::authority("Root").self_signed();
    let leaf = Draft::server(HOST).valid(10, -10).signed_by(&root);
    all.push(Situation::new("ends before it begins", HOST, &[&leaf], &[&root], NOT_YET_VALID));
    let leaf = Draft::server(HOST).valid(-20_000, 80_000).signed_by(&root);
    all.push(Situation::new("valid for centuries", HOST, &[&leaf], &[&root], TAKEN));
    // An authority is renewed with the same name and key: the new certificate counts.
    let key = any_key();
    let old = Draft::authority("Root").key(&key).valid(-10, -1).self_signed();
    let new = Draft::authority("Root").key(&key).self_signed();
    let leaf = Draft::server(HOST).signed_by(&old);
    all.push(Situation::new("renewed root, both trusted", HOST, &[&leaf], &[&old, &new], TAKEN));
    all.push(Situation::new("renewed root, the old one sent along", HOST, &[&leaf, &old], &[&new], TAKEN));
    all.push(Situation::new("renewed root, the old one trusted", HOST, &[&leaf, &new], &[&old], EXPIRED));
    compare(all).await;
}

#[tokio::test]
async fn order_and_completeness() {
    let root = Draft::authority("Root").self_signed();
    let upper = Draft::authority("Upper").signed_by(&root);
    let lower = Draft::authority("Lower").signed_by(&upper);
    let leaf = Draft::server(HOST).signed_by(&lower);
    let direct = Draft::server(HOST).signed_by(&root);
    let alone = Draft::server(HOST).self_signed();
    let other = Draft::authority("Other").self_signed();
    // The name of an authority that is trusted, another key.
    let impostor = Draft::authority("Root").self_signed();
    let forged = Draft::server(HOST).signed_by(&impostor);

    // The authority `Lower` has also been vouched for by another root.
    let mut cross = Draft::authority("Lower").key(&lower.key).signed_by(&other);
    cross.key = lower.key.clone();

    let cases = [
        ("leaf of the root", vec![&direct], vec![&root], TAKEN),
        ("two intermediates", vec![&leaf, &lower, &upper], vec![&root], TAKEN),
        ("intermediates in the other order", vec![&leaf, &upper, &lower], vec![&root], TAKEN),
        ("root sent along", vec![&leaf, &lower, &upper, &root], vec![&root], TAKEN),
        ("root sent first", vec![&leaf, &root, &upper, &lower], vec![&root], TAKEN),
        ("leaf sent twice", vec![&leaf, &leaf, &lower, &upper], vec![&root], TAKEN),
        ("certificates that are not needed", vec![&leaf, &other, &lower, &alone, &upper], vec![&root], TAKEN),
        ("lower intermediate missing", vec![&leaf, &upper], vec![&root], UNTRUSTED),
        ("upper intermediate missing", vec![&leaf, &lower], vec![&root], UNTRUSTED),
        ("both intermediates missing", vec![&leaf], vec![&root], UNTRUSTED),
        ("missing intermediate pasted", vec![&leaf, &lower], vec![&root, &upper], TAKEN),
        ("all missing intermediates pasted", vec![&leaf], vec![&lower, &root, &upper], TAKEN),
        ("intermediate pasted instead of the root", vec![&leaf, &lower, &upper], vec![&upper], UNTRUSTED),
        ("lower intermediate pasted instead of the root", vec![&leaf, &lower], vec![&lower], UNTRUSTED),
        ("intermediate pasted, root sent along", vec![&leaf, &lower, &upper, &root], vec![&upper], UNTRUSTED),
        ("leaf pasted instead of its root", vec![&direct], vec![&direct], UNTRUSTED),
        ("leaf and root pasted", vec![&direct], vec![&direct, &root], TAKEN),
        ("self-signed and pasted", vec![&alone], vec![&alone], TAKEN),
        ("self-signed, another one pasted", vec![&alone], vec![&other], UNTRUSTED),
        ("root of nobody", vec![&direct], vec![&other], UNTRUSTED),
        ("root of nobody sent along", vec![&direct, &root], vec![&other], UNTRUSTED),
        ("several roots, the right one last", vec![&direct], vec![&other, &alone, &root], TAKEN),
        // Without key identifiers OpenSSL follows the first one that has the issuer's name, and no other.
        ("a root of the same name before the right one", vec![&direct], vec![&impostor, &root], UNTRUSTED),
        ("a root of the same name behind the right one", vec![&direct], vec![&root, &impostor], TAKEN),
        ("several roots, none right", vec![&direct], vec![&other, &alone], UNTRUSTED),
        ("a root of the same name", vec![&forged], vec![&root], UNTRUSTED),
        ("a root of the same name sent along", vec![&forged, &impostor], vec![&root], UNTRUSTED),
        (
            "cross-signed, the way to another root first",
            vec![&leaf, &cross, &lower, &upper],
            vec![&root],
            UNTRUSTED,
        ),
        ("cross-signed, the way to the root first", vec![&leaf, &cross, &lower, &upper], vec![&other], TAKEN),
        ("cross-signed, the longer way first", vec![&leaf, &lower, &upper, &cross], vec![&other], UNTRUSTED),
        (
            "cross-signed, the longer way to the root first",
            vec![&leaf, &lower, &upper, &cross],
            vec![&root],
            TAKEN,
        ),
        ("cross-signed, both roots trusted", vec![&leaf, &cross, &lower, &upper], vec![&root, &other], TAKEN),
        ("cross-signed, no root trusted", vec![&leaf, &cross, &lower, &upper], vec![&alone], UNTRUSTED),
        ("the root shows itself", vec![&root], vec![&root], UNTRUSTED),
    ];
    let situation = |(what, chain, trusted, verdict): &(&str, Vec<&Certified>, Vec<&Certified>, _)| {
        Situation::new(format!("chain: {what}"), HOST, chain, trusted, *verdict)
    };
    let mut all: Vec<_> = cases.iter().map(situation).collect();

    let mut broken = direct.certificate.to_der().unwrap();
    *broken.last_mut().unwrap() ^= 1;
    let broken =
        Certified { certificate: openssl::x509::X509::from_der(&broken).unwrap(), key: direct.key.clone() };
    all.push(Situation::new("chain: a signature that is wrong", HOST, &[&broken], &[&root], UNTRUSTED));
    // Longer than any chain that is followed (100 by default).
    let mut long = vec![Draft::authority("0").signed_by(&root)];
    for n in 1..110 {
        long.push(Draft::authority(&n.to_string()).signed_by(&long[n - 1]));
    }
    for (what, length, verdict) in [("of 50", 50, TAKEN), ("of 110", 110, UNTRUSTED)] {
        let leaf = Draft::server(HOST).signed_by(&long[length - 1]);
        let chain: Vec<_> = std::iter::once(&leaf).chain(long[..length].iter().rev()).collect();
        all.push(Situation::new(format!("chain: {what}"), HOST, &chain, &[&root], verdict));
    }
    compare(all).await;
}

/// An intermediate made by `middle` between a good root and a good leaf.
fn through(what: &str, middle: Draft, verdict: Result<(), Code>) -> Situation {
    let root = Draft::authority("Root").self_signed();
    let middle = middle.signed_by(&root);
    let leaf = Draft::server(HOST).signed_by(&middle);
    Situation::new(format!("intermediate: {what}"), HOST, &[&leaf, &middle], &[&root], verdict)
}

/// A leaf directly under a root.
fn under(what: &str, root: Draft, leaf: Draft, verdict: Result<(), Code>) -> Situation {
    let root = root.self_signed();
    Situation::new(what, HOST, &[&leaf.signed_by(&root)], &[&root], verdict)
}

fn alone(what: &str, leaf: Draft, verdict: Result<(), Code>) -> Situation {
    let leaf = leaf.self_signed();
    Situation::new(format!("self-signed: {what}"), HOST, &[&leaf], &[&leaf], verdict)
}

#[tokio::test]
async fn who_may_sign() {
    let bare = || Draft::new("Middle");
    let root = || Draft::authority("Root");
    let server = || Draft::server(HOST);
    let mut all = vec![
        through("without any extension", bare(), UNTRUSTED),
        through("CA:FALSE", bare().basic_constraints(false, None), UNTRUSTED),
        through(
            "CA:FALSE but may sign certificates",
            bare().basic_constraints(false, None).key_usage(KEY_CERT_SIGN),
            UNTRUSTED,
        ),
        through(
            "may sign certificates, without basic constraints",
            bare().key_usage(KEY_CERT_SIGN),
            UNTRUSTED,
        ),
        through("without key usage", bare().basic_constraints(true, None), TAKEN),
        through(
            "key usage without signing certificates",
            bare().basic_constraints(true, None).key_usage(DIGITAL_SIGNATURE),
            UNTRUSTED,
        ),
        through("X.509 v1", bare().version_1(), UNTRUSTED),
        through(
            "for clients only",
            Draft::authority("Middle").extended_key_usage(false, &[CLIENT_AUTH]),
            UNTRUSTED,
        ),
        through(
            "for servers only",
            Draft::authority("Middle").extended_key_usage(false, &[SERVER_AUTH]),
            TAKEN,
        ),
        through(
            "a server's certificate",
            Draft::server("Middle").extended_key_usage(false, &[SERVER_AUTH]),
            UNTRUSTED,
        ),
        through(
            "an unknown critical extension",
            Draft::authority("Middle").extension("1.2.3.4", true, der(5, &[])),
            UNTRUSTED,
        ),
        through(
            "an unknown extension",
            Draft::authority("Middle").extension("1.2.3.4", false, der(5, &[])),
            TAKEN,
        ),
        under("root: without any extension", Draft::new("Root"), server(), UNTRUSTED),
        under("root: CA:FALSE", Draft::new("Root").basic_constraints(false, None), server(), UNTRUSTED),
        under(
            "root: key usage without signing certificates",
            Draft::new("Root").basic_constraints(true, None).key_usage(DIGITAL_SIGNATURE),
            server(),
            UNTRUSTED,
        ),
        under("root: X.509 v1", Draft::new("Root").version_1(), server(), TAKEN),
        under(
            "root: for clients only",
            root().extended_key_usage(false, &[CLIENT_AUTH]),
            server(),
            UNTRUSTED,
        ),
        under("leaf: X.509 v1", root(), Draft::new(HOST).version_1(), TAKEN),
        under("leaf: X.509 v1 for another host", root(), Draft::new("x").version_1(), WRONG_HOST),
        under("leaf and root: X.509 v1", Draft::new("Root").version_1(), Draft::new(HOST).version_1(), TAKEN),
        under("leaf: v1 with extensions", root(), server().old_with_extensions(), TAKEN),
        under("leaf: an authority that only signs", root(), Draft::authority(HOST), UNTRUSTED),
        under("leaf: an authority", root(), Draft::new(HOST).basic_constraints(true, None), TAKEN),
        under("leaf: for servers", root(), server().extended_key_usage(false, &[SERVER_AUTH]), TAKEN),
        under("leaf: for clients", root(), server().extended_key_usage(false, &[CLIENT_AUTH]), UNTRUSTED),
        under(
            "leaf: for clients, critical",
            root(),
            server().extended_key_usage(true, &[CLIENT_AUTH]),
            UNTRUSTED,
        ),
        under(
            "leaf: for both",
            root(),
            server().extended_key_usage(false, &[CLIENT_AUTH, SERVER_AUTH]),
            TAKEN,
        ),
        under("leaf: for anything", root(), server().extended_key_usage(false, &[ANY_PURPOSE]), UNTRUSTED),
        under(
            "leaf: for signing programs",
            root(),
            server().extended_key_usage(false, &[CODE_SIGNING]),
            UNTRUSTED,
        ),
        under(
            "leaf: for something of its own",
            root(),
            server().extended_key_usage(false, &["1.2.3.4"]),
            UNTRUSTED,
        ),
        under("leaf: key usage for signatures", root(), server().key_usage(DIGITAL_SIGNATURE), TAKEN),
        under("leaf: key usage for certificates", root(), server().key_usage(KEY_CERT_SIGN), UNTRUSTED),
        under(
            "leaf: key usage for encryption, with a key that only signs",
            root(),
            server().key_usage(KEY_ENCIPHERMENT),
            TAKEN,
        ),
        under("leaf: key usage for nothing", root(), server().key_usage(0), UNTRUSTED),
        under(
            "leaf: an unknown critical extension",
            root(),
            server().extension("1.2.3.4", true, der(5, &[])),
            UNTRUSTED,
        ),
        under("leaf: an unknown extension", root(), server().extension("1.2.3.4", false, der(5, &[])), TAKEN),
        under(
            "leaf: basic constraints that cannot be read",
            root(),
            server().extension("2.5.29.19", true, vec![0x30, 0x7f]),
            UNTRUSTED,
        ),
        alone("without any extension", Draft::new(HOST), TAKEN),
        alone("an authority that only signs", Draft::authority(HOST), UNTRUSTED),
        alone("an authority", Draft::new(HOST).basic_constraints(true, None), TAKEN),
        alone("CA:FALSE", Draft::new(HOST).basic_constraints(false, None), TAKEN),
        alone("X.509 v1", Draft::new(HOST).version_1(), TAKEN),
        alone("for clients", server().extended_key_usage(false, &[CLIENT_AUTH]), UNTRUSTED),
        alone("for servers", server().extended_key_usage(false, &[SERVER_AUTH]), TAKEN),
        alone("key usage for signatures", server().key_usage(DIGITAL_SIGNATURE), TAKEN),
        alone("another host", Draft::new("x"), WRONG_HOST),
    ];

    for (what, allowed, verdict) in [("one between", 1, TAKEN), ("none between", 0, UNTRUSTED)] {
        let root =
            Draft::new("Root").basic_constraints(true, Some(allowed)).key_usage(KEY_CERT_SIGN).self_signed();
        let middle = Draft::authority("Middle").signed_by(&root);
        let leaf = Draft::server(HOST).signed_by(&middle);
        all.push(Situation::new(format!("path length: {what}"), HOST, &[&leaf, &middle], &[&root], verdict));
        let middle = Draft::new("Middle").basic_constraints(true, Some(allowed)).key_usage(KEY_CERT_SIGN);
        let root = Draft::authority("Root").self_signed();
        let middle = middle.signed_by(&root);
        let below = Draft::authority("Below").signed_by(&middle);
        let leaf = Draft::server(HOST).signed_by(&below);
        let what = format!("path length of an intermediate: {what}");
        all.push(Situation::new(what, HOST, &[&leaf, &below, &middle], &[&root], verdict));
    }

    for (what, kind, base, leaf, verdict) in [
        ("permitted, the host in it", PERMITTED, (DNS, "example.com"), Draft::server(HOST), TAKEN),
        ("permitted, the host elsewhere", PERMITTED, (DNS, "example.org"), Draft::server(HOST), UNTRUSTED),
        ("excluded, the host in it", EXCLUDED, (DNS, "example.com"), Draft::server(HOST), UNTRUSTED),
        ("excluded, the host elsewhere", EXCLUDED, (DNS, "example.org"), Draft::server(HOST), TAKEN),
        ("permitted, common name in it", PERMITTED, (DNS, "example.com"), Draft::new(HOST), TAKEN),
        ("permitted, common name elsewhere", PERMITTED, (DNS, "example.org"), Draft::new(HOST), UNTRUSTED),
        ("excluded, common name in it", EXCLUDED, (DNS, "example.com"), Draft::new(HOST), UNTRUSTED),
        ("an address, the host a name", PERMITTED, (IP, "\x0a\0\0\0\x7f\0\0\0"), Draft::server(HOST), TAKEN),
    ] {
        let constraints = sequence(&[der(kind, &sequence(&[der(base.0, base.1.as_bytes())]))]);
        let root = Draft::authority("Root").self_signed();
        let middle =
            Draft::authority("Middle").extension(NAME_CONSTRAINTS, true, constraints).signed_by(&root);
        let leaf = leaf.signed_by(&middle);
        all.push(Situation::new(
            format!("name constraints: {what}"),
            HOST,
            &[&leaf, &middle],
            &[&root],
            verdict,
        ));
    }
    compare(all).await;
}

const PERMITTED: u8 = 0xa0;
const EXCLUDED: u8 = 0xa1;
