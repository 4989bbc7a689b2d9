//! Keys, signatures and versions of TLS: what is too weak, and what is not known.

use super::{
    NO_ENCRYPTION, Situation, TAKEN, UNTRUSTED,
    certificates::{Certified, Draft, ec_key},
    compare,
};
use mycorr_domain::Code;
use openssl::{
    hash::MessageDigest,
    nid::Nid,
    pkey::{Id, PKey, Private},
    pkey_ctx::PkeyCtx,
    rsa::Rsa,
    ssl::SslVersion,
};

const HOST: &str = "db.example.com";

fn rsa(bits: u32) -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap()
}

fn rsa_pss() -> PKey<Private> {
    let mut context = PkeyCtx::new_id(Id::RSA_PSS).unwrap();
    context.keygen_init().unwrap();
    context.set_rsa_keygen_bits(2048).unwrap();
    context.keygen().unwrap()
}

fn under(what: String, root: &Certified, leaf: Draft, verdict: Result<(), Code>) -> Situation {
    Situation::new(what, HOST, &[&leaf.signed_by(root)], &[root], verdict)
}

#[tokio::test]
async fn kinds_and_sizes() {
    let root = Draft::authority("Root").self_signed();
    let mut all = Vec::new();
    for (what, key, leaf, authority) in [
        // Too short for the signature of TLS 1.3.
        ("RSA 512", rsa(512), NO_ENCRYPTION, UNTRUSTED),
        ("RSA 1024", rsa(1024), UNTRUSTED, UNTRUSTED),
        ("RSA 1536", rsa(1536), UNTRUSTED, UNTRUSTED),
        ("RSA 2048", rsa(2048), TAKEN, TAKEN),
        ("RSA 3072", rsa(3072), TAKEN, TAKEN),
        ("RSA 4096", rsa(4096), TAKEN, TAKEN),
        ("RSA-PSS 2048", rsa_pss(), TAKEN, TAKEN),
        ("EC P-192", ec_key(Nid::X9_62_PRIME192V1), NO_ENCRYPTION, UNTRUSTED),
        ("EC P-224", ec_key(Nid::SECP224R1), NO_ENCRYPTION, TAKEN),
        ("EC P-256", ec_key(Nid::X9_62_PRIME256V1), TAKEN, TAKEN),
        ("EC P-384", ec_key(Nid::SECP384R1), TAKEN, TAKEN),
        ("EC P-521", ec_key(Nid::SECP521R1), TAKEN, TAKEN),
        ("EC secp256k1", ec_key(Nid::SECP256K1), NO_ENCRYPTION, TAKEN),
        ("EC brainpoolP256r1", ec_key(Nid::BRAINPOOL_P256R1), NO_ENCRYPTION, TAKEN),
        ("Ed25519", PKey::generate_ed25519().unwrap(), TAKEN, TAKEN),
        ("Ed448", PKey::generate_ed448().unwrap(), TAKEN, TAKEN),
    ] {
        all.push(under(format!("key of the leaf: {what}"), &root, Draft::server(HOST).key(&key), leaf));
        let above = Draft::authority("Above").key(&key).self_signed();
        all.push(under(format!("key of the root: {what}"), &above, Draft::server(HOST), authority));
        let alone = Draft::server(HOST).key(&key).self_signed();
        all.push(Situation::new(format!("key, self-signed: {what}"), HOST, &[&alone], &[&alone], leaf));
    }
    compare(all).await;
}

#[tokio::test]
async fn signatures() {
    let key = rsa(2048);
    let mut all = Vec::new();
    for (what, digest, verdict) in [
        ("MD5", MessageDigest::md5(), UNTRUSTED),
        ("SHA-1", MessageDigest::sha1(), UNTRUSTED),
        ("SHA-224", MessageDigest::sha224(), TAKEN),
        ("SHA-256", MessageDigest::sha256(), TAKEN),
        ("SHA-384", MessageDigest::sha384(), TAKEN),
        ("SHA-512", MessageDigest::sha512(), TAKEN),
        ("SHA3-256", MessageDigest::sha3_256(), TAKEN),
    ] {
        let root = Draft::authority("Root").key(&key).self_signed();
        all.push(under(
            format!("signature of the leaf: {what}"),
            &root,
            Draft::server(HOST).digest(digest),
            verdict,
        ));
        let weak = Draft::authority("Root").key(&key).digest(digest).self_signed();
        // Nobody relies on a root's own signature.
        all.push(under(format!("signature of the root: {what}"), &weak, Draft::server(HOST), TAKEN));
        let alone = Draft::server(HOST).key(&key).digest(digest).self_signed();
        all.push(Situation::new(
            format!("signature, self-signed: {what}"),
            HOST,
            &[&alone],
            &[&alone],
            TAKEN,
        ));
        let middle = Draft::authority("Middle").digest(digest).signed_by(&root);
        let leaf = Draft::server(HOST).signed_by(&middle);
        let what = format!("signature of the intermediate: {what}");
        all.push(Situation::new(what, HOST, &[&leaf, &middle], &[&root], verdict));
    }
    compare(all).await;
}

#[tokio::test]
async fn versions_of_tls() {
    let root = Draft::authority("Root").self_signed();
    let leaf = Draft::server(HOST).key(&rsa(2048)).signed_by(&root);
    let mut all = Vec::new();
    for (what, least, most, verdict) in [
        ("only 1.0", SslVersion::TLS1, SslVersion::TLS1, NO_ENCRYPTION),
        ("only 1.1", SslVersion::TLS1_1, SslVersion::TLS1_1, NO_ENCRYPTION),
        ("up to 1.1", SslVersion::TLS1, SslVersion::TLS1_1, NO_ENCRYPTION),
        ("only 1.2", SslVersion::TLS1_2, SslVersion::TLS1_2, TAKEN),
        ("only 1.3", SslVersion::TLS1_3, SslVersion::TLS1_3, TAKEN),
        ("1.0 to 1.2", SslVersion::TLS1, SslVersion::TLS1_2, TAKEN),
        ("1.0 to 1.3", SslVersion::TLS1, SslVersion::TLS1_3, TAKEN),
    ] {
        all.push(
            Situation::new(format!("TLS {what}"), HOST, &[&leaf], &[&root], verdict).versions(least, most),
        );
    }
    let mut asks = Situation::new("TLS: asks for a client's certificate", HOST, &[&leaf], &[&root], TAKEN);
    asks.shown.asks_for_certificate = true;
    all.push(asks);
    // A certificate too weak for TLS 1.3 to be signed with at all.
    let weak = Draft::server(HOST).key(&rsa(512)).signed_by(&root);
    let weak = Situation::new("TLS 1.2 with RSA 512", HOST, &[&weak], &[&root], UNTRUSTED);
    all.push(weak.versions(SslVersion::TLS1_2, SslVersion::TLS1_2));
    compare(all).await;
}
