//! Providers' own roots, with a root that a test made in the place of the provider's.

use super::{
    Situation, TAKEN, UNTRUSTED, WRONG_HOST,
    certificates::{Certified, Draft, pem},
    connect_with,
    server::TlsServer,
};
use mycorr_domain::Code;
use mycorr_pgread::tls::ProviderRoots;

const HOST: &str = "shop.abc.eu-west-1.rds.amazonaws.com";

async fn verdict(
    host: &str,
    chain: &[&Certified],
    pasted: Option<&str>,
    roots: ProviderRoots,
) -> Result<(), Code> {
    let server = TlsServer::start("127.0.0.1", &Situation::new("", host, chain, &[], TAKEN).shown).await;
    connect_with(host, server.port, pasted, roots).await.map_err(|problem| problem.code)
}

#[tokio::test]
async fn provider_roots_count_for_its_hosts_alone() {
    let root = Draft::authority("Provider's root").self_signed();
    let other = Draft::authority("Other").self_signed();
    let text: &'static str = pem(&[&root]).leak();
    let roots = || ProviderRoots::only("Amazon RDS", &[".rds.amazonaws.com"], text).unwrap();
    let own = Draft::server(HOST).signed_by(&root);
    let elsewhere = Draft::server("db.example.com").signed_by(&root);
    let of_other = Draft::server(HOST).signed_by(&other);

    assert_eq!(verdict(HOST, &[&own], None, roots()).await, TAKEN);
    assert_eq!(verdict(HOST, &[&of_other], None, roots()).await, UNTRUSTED, "another root");
    assert_eq!(verdict(HOST, &[&elsewhere], None, roots()).await, WRONG_HOST, "another host's certificate");
    assert_eq!(verdict("db.example.com", &[&elsewhere], None, roots()).await, UNTRUSTED, "another host");
    assert_eq!(verdict(HOST, &[&own], None, ProviderRoots::none()).await, UNTRUSTED, "switched off");
    assert_eq!(verdict(HOST, &[&own], None, ProviderRoots::default()).await, UNTRUSTED, "the real ones");
    assert_eq!(verdict(HOST, &[&own], Some(&pem(&[&other])), roots()).await, UNTRUSTED, "beside a pasted CA");
    assert_eq!(verdict(HOST, &[&of_other], Some(&pem(&[&other])), roots()).await, TAKEN, "the pasted CA");
}

#[tokio::test]
async fn refusals_say_where_the_provider_keeps_its_certificate() {
    let google = Draft::authority("Google Cloud SQL Server CA").self_signed();
    let other = Draft::authority("Other").self_signed();
    for (host, certified, says) in [
        (HOST, Draft::server(HOST).signed_by(&other), "truststore.pki.rds"),
        (
            "shop.rds.amazonaws.com.cn",
            Draft::server("shop.rds.amazonaws.com.cn").signed_by(&other),
            "cn-north-1",
        ),
        ("db.abc.supabase.co", Draft::server("db.abc.supabase.co").signed_by(&other), "SSL Configuration"),
        ("127.0.0.1", Draft::server("127.0.0.1").signed_by(&google), "serverCaCert"),
        ("db.example.com", Draft::server("db.example.com").signed_by(&other), "administrator"),
    ] {
        let shown = Situation::new("", host, &[&certified], &[], TAKEN).shown;
        let server = TlsServer::start("127.0.0.1", &shown).await;
        let problem = connect_with(host, server.port, None, ProviderRoots::default()).await.unwrap_err();
        let fix = problem.fix.unwrap_or_default();
        assert!(fix.contains(says), "{host}: {} {fix}", problem.detail);
    }
}

#[tokio::test]
async fn the_encrypt_step_names_the_provider() {
    use super::dialer;
    use crate::support::{target, unsaved};
    use mycorr_pgread::{StepName, test};
    use mycorr_testkit::{Cluster, Database, Leaf, Options};

    let certificate = Some(Leaf { dns: &[HOST], ..Leaf::default() });
    let start = move || Cluster::start(&Options { certificate, ..Options::default() });
    let cluster = tokio::task::spawn_blocking(start).await.unwrap();
    let database = Database::create(&cluster);
    let mut target = target(&cluster, &database);
    target.endpoint.host = HOST.into();
    target.ca_certificate = None;
    let text: &'static str = cluster.authority().pem().leak();
    target.provider_roots = ProviderRoots::only("Amazon RDS", &[".rds.amazonaws.com"], text).unwrap();
    let report = test(&dialer(), &target, unsaved(), &mut |_| {}).await;
    assert!(report.ok(), "{:?}", report.problem);
    let step = report.steps.iter().find(|step| step.step == StepName::Encrypt).unwrap();
    assert!(step.message.contains("root certificate of Amazon RDS"), "{}", step.message);
}
