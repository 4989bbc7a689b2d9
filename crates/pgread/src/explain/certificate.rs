//! What is wrong with a server's certificate.

use crate::tls::{CertificateFault, Rule};
use mycorr_domain::{Code, Problem};

pub(super) fn certificate(fault: &CertificateFault, host: &str) -> Problem {
    let shown = fault.chain.first();
    let subject = shown
        .map_or_else(String::new, |leaf| format!(" It is for {}, issued by {}.", leaf.subject, leaf.issuer));
    let (code, why, fix) = match fault.rule {
        Rule::Untrusted if fault.pasted_ca => (
            Code::CertificateUntrusted,
            format!("the server's certificate does not come from the CA that was pasted ({}).", fault.reason),
            "Paste the CA that signed the server's certificate, with its intermediates, in Advanced → Custom CA certificate.".to_owned(),
        ),
        Rule::Untrusted => (
            Code::CertificateUntrusted,
            format!("the server's certificate comes from a CA that is not in the public trust store ({}).", fault.reason),
            of_provider(fault, host).unwrap_or(
                "Get the CA certificate (PEM) from your database's administrator or provider and paste it in Advanced → Custom CA certificate.",
            ).to_owned(),
        ),
        Rule::Unsound => (
            Code::CertificateUntrusted,
            format!("the server's certificate, or one above it, is not good enough ({}).", fault.reason),
            "Have it made again: for a server, with an RSA key of 2,048 bits or more or an elliptic-curve one, \
             signed with SHA-256 or better by a certificate that may sign others."
                .to_owned(),
        ),
        Rule::Expired => (
            Code::CertificateExpired,
            "a certificate of the server has expired.".to_owned(),
            "Have the server's certificate renewed.".to_owned(),
        ),
        Rule::NotYetValid => (
            Code::CertificateNotYetValid,
            "a certificate of the server is not valid yet.".to_owned(),
            "Check the clocks of both machines, or wait until the certificate is valid.".to_owned(),
        ),
        Rule::WrongHost => {
            let names = shown.map(|leaf| &leaf.names).filter(|names| !names.is_empty());
            let names = names.map_or_else(|| "no name of it".to_owned(), |names| few(names));
            (
                Code::CertificateWrongHost,
                format!("the server's certificate is not for {host}; it is for: {names}."),
                if is_cloud_sql(fault) { CLOUD_SQL_HOST } else {
                    "Use one of the names in the certificate as the host, or have a certificate made for this one."
                }.to_owned(),
            )
        }
    };
    Problem::new(code, format!("SSL error: certificate verify failed: {why}{subject}")).fix(fix)
}

/// Where providers that sign certificates themselves keep the certificate of their authority.
fn of_provider(fault: &CertificateFault, host: &str) -> Option<&'static str> {
    if is_cloud_sql(fault) {
        return Some(
            "Each Cloud SQL instance has a CA certificate of its own. Download it in the Google Cloud console under \
             Connections → Security (or: gcloud sql instances describe <instance> \
             --format=\"value(serverCaCert.cert)\") and paste it in Advanced → Custom CA certificate.",
        );
    }
    let known = [
        (
            ".rds.amazonaws.com",
            "Download https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem and paste its content in \
             Advanced → Custom CA certificate.",
        ),
        (
            ".rds.amazonaws.com.cn",
            "Download https://rds-truststore.s3.cn-north-1.amazonaws.com.cn/global/global-bundle.pem and paste its \
             content in Advanced → Custom CA certificate.",
        ),
        (
            ".supabase.co",
            "Download the certificate in the project's dashboard under Database → Settings → SSL Configuration and paste \
             its content in Advanced → Custom CA certificate.",
        ),
        (
            ".supabase.com",
            "Download the certificate in the project's dashboard under Database → Settings → SSL Configuration and paste \
             its content in Advanced → Custom CA certificate.",
        ),
        (
            ".aivencloud.com",
            "Download the project's CA certificate on the service's overview page and paste it in Advanced → Custom CA \
             certificate.",
        ),
        (
            ".ondigitalocean.com",
            "Choose Download CA certificate in the database's connection details and paste its content in Advanced → \
             Custom CA certificate.",
        ),
    ];
    known.iter().find(|(suffix, _)| host.ends_with(suffix)).map(|(_, fix)| *fix)
}

/// Cloud SQL's hosts are addresses; its certificates name who signed them.
fn is_cloud_sql(fault: &CertificateFault) -> bool {
    fault.chain.iter().any(|one| one.issuer.contains("Google Cloud SQL Server CA"))
}

const CLOUD_SQL_HOST: &str = "A certificate of Cloud SQL's per-instance CA names the project and the instance, not an \
    address. Switch the instance to Google's managed CA (gcloud sql instances patch <instance> \
    --server-ca-mode=GOOGLE_MANAGED_CAS_CA), and use its DNS name as the host.";

/// The first names of a list that may hold thousands.
fn few(names: &[String]) -> String {
    const MAX_NAMES: usize = 8;
    let more = names.len().saturating_sub(MAX_NAMES);
    let text = names[..names.len() - more].join(", ");
    if more > 0 { format!("{text} and {more} more") } else { text }
}
