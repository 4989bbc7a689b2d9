//! Roots of database providers whose certificates no public authority signs. They are trusted for the provider's own
//! hosts only, beside the public trust store, and never beside an authority that a person pasted.

use super::certificate::CertificateInfo;
use mycorr_domain::{Problem, Result};
use openssl::x509::X509;
use std::sync::Arc;

/// Providers' roots, by the ends of their hosts. The default are those that Mycorr brings; see `roots/NOTICE`.
#[derive(Clone)]
pub struct ProviderRoots(Arc<[Provider]>);

struct Provider {
    name: &'static str,
    /// Ends of host names, each with its dot.
    suffixes: &'static [&'static str],
    pem: &'static str,
}

const BUILT_IN: [Provider; 2] = [
    Provider {
        name: "Amazon RDS",
        suffixes: &[".rds.amazonaws.com"],
        pem: include_str!("../../roots/amazon-rds.pem"),
    },
    Provider {
        name: "Supabase",
        suffixes: &[".pooler.supabase.com", ".supabase.co"],
        pem: include_str!("../../roots/supabase.pem"),
    },
];

impl Default for ProviderRoots {
    fn default() -> Self {
        Self(BUILT_IN.into())
    }
}

impl ProviderRoots {
    /// The public trust store alone.
    pub fn none() -> Self {
        Self(Arc::new([]))
    }

    /// A provider's roots instead of those that Mycorr brings.
    ///
    /// # Errors
    /// `internal` for what is not PEM.
    pub fn only(name: &'static str, suffixes: &'static [&'static str], pem: &'static str) -> Result<Self> {
        X509::stack_from_pem(pem.as_bytes()).map_err(Problem::bug)?;
        Ok(Self([Provider { name, suffixes, pem }].into()))
    }

    /// The provider of a host, with its roots.
    pub(super) fn of(&self, host: &str) -> Option<ProviderOf> {
        let host = host.to_ascii_lowercase();
        let provider =
            self.0.iter().find(|provider| provider.suffixes.iter().any(|suffix| host.ends_with(suffix)))?;
        let roots = X509::stack_from_pem(provider.pem.as_bytes()).unwrap_or_default();
        Some(ProviderOf { name: provider.name, roots })
    }
}

pub(super) struct ProviderOf {
    name: &'static str,
    pub(super) roots: Vec<X509>,
}

impl ProviderOf {
    /// The provider's name, if one of its roots is what a verified chain ends in.
    pub(super) fn vouches_for(&self, chain: &[CertificateInfo]) -> Option<&'static str> {
        let anchor = &chain.last()?.sha256;
        self.roots.iter().any(|root| CertificateInfo::of(root).sha256 == *anchor).then_some(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_for_their_hosts_only() {
        let roots = ProviderRoots::default();
        for (host, name) in [
            ("shop.abc.eu-west-1.rds.amazonaws.com", Some("Amazon RDS")),
            ("Shop.Cluster-abc.eu-west-1.RDS.amazonaws.com", Some("Amazon RDS")),
            ("aws-0-eu-central-1.pooler.supabase.com", Some("Supabase")),
            ("db.abcdefghijklmnopqrst.supabase.co", Some("Supabase")),
            ("rds.amazonaws.com", None),
            ("evilrds.amazonaws.com", None),
            ("shop.rds.amazonaws.com.evil.example", None),
            ("shop.rds.amazonaws.com.cn", None),
            ("db.example.com", None),
            ("10.0.0.5", None),
        ] {
            assert_eq!(roots.of(host).map(|provider| provider.name), name, "{host}");
            assert!(ProviderRoots::none().of(host).is_none());
        }
    }

    #[test]
    fn every_root_is_a_root_with_years_to_go() {
        let soon = openssl::asn1::Asn1Time::days_from_now(365).unwrap();
        for provider in BUILT_IN {
            let roots = X509::stack_from_pem(provider.pem.as_bytes()).unwrap();
            assert_eq!(roots.len(), provider.pem.matches("BEGIN CERTIFICATE").count());
            for root in roots {
                let info = CertificateInfo::of(&root);
                assert_eq!(info.subject, info.issuer);
                assert!(root.verify(&root.public_key().unwrap()).unwrap(), "{}", info.subject);
                assert!(root.not_after() > soon, "{} ends", info.subject);
                assert!(
                    ["Amazon RDS", "Supabase"].iter().any(|name| info.subject.contains(name)),
                    "{}",
                    info.subject
                );
                assert!(!info.subject.contains("Staging"));
            }
        }
    }
}
