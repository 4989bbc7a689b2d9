//! How often a sign-in may fail. An account is slowed and never closed: an address that has signed in to it before has
//! an allowance of its own, whatever others try. Counted in `meta`, so for all processes together.
//!
//! | who | may fail | then once in |
//! | --- | --- | --- |
//! | one address, at all accounts | 30 times | 30 s |
//! | all addresses that an account does not know | 10 times | 60 s |
//! | an address that an account knows | 10 times | 30 s |

use mycorr_domain::{Email, Problem, Result};
use mycorr_meta::{Charge, Meta, Rate};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

const ADDRESS: Rate = Rate { burst: 30, interval: Duration::from_secs(30) };
const ACCOUNT: Rate = Rate { burst: 10, interval: Duration::from_secs(60) };
const KNOWN: Rate = Rate { burst: 10, interval: Duration::from_secs(30) };
/// How long an account knows an address after a sign-in.
const KNOWN_FOR: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// So that inventing keys fills no memory: at most so many refusals are remembered.
const MAX_CACHED: usize = 100_000;
/// What is paid for is deleted once in so many sign-ins.
const CLEANUP_EVERY: u32 = 256;

#[derive(Default)]
pub(crate) struct SignInLimits {
    /// Until when a key is refused: `meta` need not be asked before.
    refused: Mutex<HashMap<String, Instant>>,
    count: AtomicU32,
}

/// A sign-in that counts as failed until it is known not to be.
pub(crate) struct SignInAttempt {
    charged: Vec<(String, Rate)>,
    known_key: String,
}

/// From where somebody wants to sign in.
pub(crate) struct Origin {
    /// The account knows the address.
    pub(crate) known: bool,
    known_key: String,
    charges: Vec<(String, Rate)>,
}

impl SignInLimits {
    /// Who wants to sign in, and from where.
    pub(crate) async fn origin(&self, meta: &Meta, email: &Email, from: IpAddr) -> Result<Origin> {
        let network = network(from);
        let known_key = key("known", &[email.as_str(), &network]);
        let known = meta.remembers(&known_key).await?;
        let charges = if known {
            vec![(key("sign-in-known", &[email.as_str(), &network]), KNOWN)]
        } else {
            vec![
                (key("sign-in-address", &[&network]), ADDRESS),
                (key("sign-in-account", &[email.as_str()]), ACCOUNT),
            ]
        };
        Ok(Origin { known, known_key, charges })
    }

    /// # Errors
    /// `too_many_requests`.
    pub(crate) async fn begin(&self, meta: &Meta, origin: Origin) -> Result<SignInAttempt> {
        if self.count.fetch_add(1, Ordering::Relaxed).is_multiple_of(CLEANUP_EVERY) {
            meta.delete_paid().await?;
        }
        let mut attempt = SignInAttempt { charged: Vec::new(), known_key: origin.known_key };
        for (key, rate) in origin.charges {
            if let Err(problem) = self.charge(meta, &key, rate).await {
                attempt.refund(meta).await?;
                return Err(problem);
            }
            attempt.charged.push((key, rate));
        }
        Ok(attempt)
    }

    /// Somebody opens a link that is good once. Guessing one is slowed by address.
    ///
    /// # Errors
    /// `too_many_requests`.
    pub(crate) async fn begin_link(&self, meta: &Meta, from: IpAddr) -> Result<LinkAttempt> {
        let key = key("link-address", &[&network(from)]);
        self.charge(meta, &key, ADDRESS).await?;
        Ok(LinkAttempt { key })
    }

    async fn charge(&self, meta: &Meta, key: &str, rate: Rate) -> Result<()> {
        let now = Instant::now();
        let cached = self.refused.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied();
        let wait = match cached.map(|until| until.saturating_duration_since(now)) {
            Some(wait) if !wait.is_zero() => wait,
            _ => match meta.charge(key, rate).await? {
                Charge::Taken => return Ok(()),
                Charge::Refused(wait) => {
                    // Other sign-ins may be given back meanwhile: asked again soon.
                    let cached = wait.min(Duration::from_secs(1));
                    let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
                    if refused.len() >= MAX_CACHED {
                        refused.retain(|_, until| *until > now);
                    }
                    if refused.len() < MAX_CACHED {
                        refused.insert(key.to_owned(), now + cached);
                    }
                    wait
                }
            },
        };
        Err(Problem::too_many_requests(
            "There were too many failed attempts to sign in or to open a link.",
            wait,
        ))
    }
}

/// A link that counts as guessed until it is known not to be.
pub(crate) struct LinkAttempt {
    key: String,
}

impl LinkAttempt {
    /// It was good.
    pub(crate) async fn refund(self, meta: &Meta) -> Result<()> {
        meta.refund(&self.key, ADDRESS).await
    }
}

impl SignInAttempt {
    /// It went well, or was not decided.
    pub(crate) async fn refund(&self, meta: &Meta) -> Result<()> {
        for (key, rate) in &self.charged {
            meta.refund(key, *rate).await?;
        }
        Ok(())
    }

    /// It went well: the account knows the address from now on.
    pub(crate) async fn succeed(self, meta: &Meta) -> Result<()> {
        self.refund(meta).await?;
        meta.remember(&self.known_key, KNOWN_FOR).await
    }
}

/// Without anybody's name or address in clear.
fn key(what: &str, parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part.as_bytes());
    }
    let hash: [u8; 32] = hash.finalize().into();
    hash[..16].iter().fold(format!("{what}:"), |key, byte| format!("{key}{byte:02x}"))
}

/// An IPv6 network is one customer's, who has all of its addresses (RFC 6177).
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}")
        }
    }
}
