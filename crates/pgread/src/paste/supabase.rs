//! Supabase projects, recognised by their hosts (Supabase documentation, "Connect to your database").

use super::Parameters;

/// What a Supabase host and user say. The region and the project are never guessed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supabase {
    /// The project's ref: 20 letters.
    pub project_ref: Option<String>,
    /// As in the pooler's name, e.g. `eu-central-1`. A direct host doesn't name it.
    pub region: Option<String>,
    pub endpoint: SupabaseEndpoint,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SupabaseEndpoint {
    /// `db.<ref>.supabase.co:5432`: over IPv6 only, unless the project has bought an IPv4 address.
    Direct,
    /// `….pooler.supabase.com:5432`.
    SessionPooler,
    /// Port 6543 of either host.
    TransactionPooler,
}

pub(super) fn recognise(host: &str, port: Option<u16>, username: Option<&str>) -> Option<Supabase> {
    let host = host.to_ascii_lowercase();
    let transaction = port == Some(6543);
    if let Some(cluster) = host.strip_suffix(".pooler.supabase.com") {
        // `aws-0-eu-central-1`: the cloud, a number, the region.
        let region = cluster.splitn(3, '-').nth(2).filter(|region| region.contains('-'));
        let project = username.and_then(|name| name.split_once('.')).map(|(_, project)| project);
        return Some(Supabase {
            project_ref: project.filter(|project| is_ref(project)).map(str::to_owned),
            region: region.map(str::to_owned),
            endpoint: if transaction {
                SupabaseEndpoint::TransactionPooler
            } else {
                SupabaseEndpoint::SessionPooler
            },
        });
    }
    let project = host.strip_suffix(".supabase.co")?;
    let project = project.strip_prefix("db.").unwrap_or(project);
    Some(Supabase {
        project_ref: is_ref(project).then(|| project.to_owned()),
        region: None,
        endpoint: if transaction { SupabaseEndpoint::TransactionPooler } else { SupabaseEndpoint::Direct },
    })
}

fn is_ref(text: &str) -> bool {
    !text.is_empty() && text.len() <= 40 && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

impl Supabase {
    pub(super) fn to_problem(&self, out: &mut Parameters) {
        out.warn(match self.endpoint {
            SupabaseEndpoint::Direct => {
                "This is a Supabase project, so the Supabase kind fits. This is its direct host, which most \
                 projects offer over IPv6 only; the session pooler (port 5432 of the pooler's host) is reached \
                 from everywhere."
            }
            SupabaseEndpoint::SessionPooler => {
                "This is a Supabase project, so the Supabase kind fits. Port 5432 is its session pooler, which \
                 is the one to take."
            }
            SupabaseEndpoint::TransactionPooler => {
                "This is a Supabase project, so the Supabase kind fits. Port 6543 is its transaction pooler, \
                 which works too; the session pooler (port 5432) is the one to take."
            }
        });
        if self.region.is_some() && self.project_ref.is_none() {
            out.warn(
                "At Supabase's pooler the user is called postgres.<project ref>. Complete the username.",
            );
        }
    }
}
