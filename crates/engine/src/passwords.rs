//! Passwords, hashed with Argon2id (RFC 9106; 19 MiB, 2 passes, 1 lane, as OWASP recommends).

use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use mycorr_domain::{Problem, Result, Secret};
use tokio::sync::Semaphore;

/// In characters (NIST SP 800-63B).
pub(crate) const SHORTEST: usize = 8;
/// In bytes: long enough for every sentence, too short to keep a hasher busy.
const LONGEST: usize = 1024;

/// Hashes and verifies on threads of their own, few at a time: each takes 19 MiB and a core.
pub(crate) struct Passwords {
    permits: Semaphore,
}

/// A hash of no password that anyone has: verifying against it takes as long as against any other.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3MgcGFzc3dvcmQ$\
                       AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

impl Passwords {
    pub(crate) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        Self { permits: Semaphore::new(cores.clamp(1, 4)) }
    }

    /// In the PHC string format.
    pub(crate) async fn hash(&self, password: Secret) -> Result<String> {
        if password.expose().chars().count() < SHORTEST {
            let message = format!("At least {SHORTEST} characters. A sentence is easiest to remember.");
            return Err(Problem::invalid("password", message));
        }
        if password.expose().len() > LONGEST {
            return Err(Problem::invalid("password", format!("At most {LONGEST} bytes.")));
        }
        self.work(move || {
            Argon2::default()
                .hash_password(password.expose().as_bytes())
                .map(|hash| hash.to_string())
                .map_err(Problem::bug)
        })
        .await?
    }

    /// Whether `password` is the one that was hashed. Without a hash it isn't, and takes as long to find out.
    pub(crate) async fn verify(&self, password: Secret, hash: Option<String>) -> Result<bool> {
        self.work(move || {
            let known = hash.is_some() && password.expose().len() <= LONGEST;
            let hash = hash.as_deref().unwrap_or(NOBODYS);
            let fits = Argon2::default().verify_password(password.expose().as_bytes(), hash).is_ok();
            known && fits
        })
        .await
    }

    async fn work<T: Send + 'static>(&self, f: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let _permit = self.permits.acquire().await.map_err(Problem::bug)?;
        tokio::task::spawn_blocking(f).await.map_err(Problem::bug)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mycorr_domain::Code;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn only_the_same_password_fits() {
        let passwords = Passwords::new();
        let hash = passwords.hash(secret("correct horse")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify(secret("correct horse"), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify(secret("correct  horse"), Some(hash)).await.unwrap());
        assert!(!passwords.verify(secret("correct horse"), None).await.unwrap());
    }

    #[test]
    fn nobodys_hash_costs_what_a_real_one_does() {
        let verify = Argon2::default().verify_password(b"x", NOBODYS);
        assert!(matches!(verify, Err(argon2::password_hash::Error::PasswordInvalid)), "{verify:?}");
    }

    #[tokio::test]
    async fn short_and_endless_ones_are_refused() {
        let passwords = Passwords::new();
        for bad in ["", "1234567", &"x".repeat(1025)] {
            assert_eq!(passwords.hash(secret(bad)).await.unwrap_err().code, Code::Invalid);
        }
        assert!(passwords.hash(secret("ЖЖЖЖЖЖЖЖ")).await.is_ok());
    }
}
