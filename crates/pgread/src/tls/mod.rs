//! TLS as libpq's `sslmode=verify-full`, decision for decision (PostgreSQL manual, "SSL Support"): the same
//! library, the same rules for names, and no mode in between that encrypts without verifying.

mod ca;
mod certificate;
mod der;
mod handshake;
mod names;
mod pem;
mod providers;

pub use ca::CaCertificate;
pub use certificate::{CertificateFault, CertificateInfo, Rule};
pub(crate) use handshake::{Encryption, Verification, handshake};
pub use providers::ProviderRoots;
