//! Whatever somebody pastes as a certificate: PEM as it comes, or any DER in an armour whose label is the first byte's.
#![no_main]

use base64::{Engine, engine::general_purpose::STANDARD};
use libfuzzer_sys::fuzz_target;
use mycorr_fuzz as _;
use mycorr_pgread::tls::CaCertificate;

fn look_at(pem: &str) {
    if let Ok(certificate) = CaCertificate::parse(pem) {
        let summary = certificate.summary();
        assert_eq!(summary.sha256.len(), 64);
    }
}

fuzz_target!(|data: &[u8]| {
    if let Ok(pem) = std::str::from_utf8(data) {
        look_at(pem);
    }
    if let Some((label, der)) = data.split_first() {
        let label = ["CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CERTIFICATE"][usize::from(*label) % 3];
        look_at(&format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der)));
    }
});
