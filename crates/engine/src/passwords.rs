//! Passwords, hashed with Argon2id (RFC 9106; 19 MiB, 2 passes, 1 lane, as OWASP recommends).

use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use mycorr_domain::{Problem, Result, Secret};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::Semaphore;

/// In characters (NIST SP 800-63B).
pub(crate) const SHORTEST: usize = 8;
/// In bytes: long enough for every sentence, too short to keep a hasher busy.
const MAX_PASSWORD_BYTES: usize = 1024;

/// Hashes and verifies on threads of their own, few at a time: each takes 19 MiB and a core. Of strangers only so many
/// wait as would be done within a few seconds, few of each address, and never before somebody who is known.
pub(crate) struct Passwords {
    permits: Semaphore,
    /// As many as `permits`: so many strangers at most stand in the way of who is known.
    strangers: Semaphore,
    waiting: Mutex<HashMap<IpAddr, usize>>,
}

/// Whose password it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Queue {
    /// A person who has signed in from there before, or is signed in.
    Known,
    /// A stranger at an address.
    Of(IpAddr),
}

const MAX_WAITING: usize = 64;
const MAX_WAITING_PER_ADDRESS: usize = 4;

/// A place in the queue, until it is dropped.
pub(crate) struct Place<'a> {
    /// `None` for who is known.
    stranger: Option<(&'a Mutex<HashMap<IpAddr, usize>>, IpAddr)>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let Some((waiting, address)) = self.stranger else { return };
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = waiting.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                waiting.remove(&address);
            }
        }
    }
}

/// A hash of no password that anyone has: verifying against it takes as long as against any other.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3MgcGFzc3dvcmQ$\
                       AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

impl Passwords {
    pub(crate) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        let permits = cores.clamp(1, 4);
        Self {
            permits: Semaphore::new(permits),
            strangers: Semaphore::new(permits),
            waiting: Mutex::default(),
        }
    }

    /// In the PHC string format.
    pub(crate) async fn hash(&self, password: Secret, place: Place<'_>) -> Result<String> {
        if password.expose().chars().count() < SHORTEST {
            let message = format!("At least {SHORTEST} characters. A sentence is easiest to remember.");
            return Err(Problem::invalid("password", message));
        }
        if password.expose().len() > MAX_PASSWORD_BYTES {
            return Err(Problem::invalid("password", format!("At most {MAX_PASSWORD_BYTES} bytes.")));
        }
        self.work(place, move || {
            Argon2::default()
                .hash_password(password.expose().as_bytes())
                .map(|hash| hash.to_string())
                .map_err(Problem::bug)
        })
        .await?
    }

    /// Whether `password` is the one that was hashed. Without a hash it isn't, and takes as long to find out.
    pub(crate) async fn verify(
        &self,
        password: Secret,
        hash: Option<String>,
        place: Place<'_>,
    ) -> Result<bool> {
        self.work(place, move || {
            let known = hash.is_some() && password.expose().len() <= MAX_PASSWORD_BYTES;
            let hash = hash.as_deref().unwrap_or(NOBODYS);
            let fits = Argon2::default().verify_password(password.expose().as_bytes(), hash).is_ok();
            known && fits
        })
        .await
    }

    async fn work<T: Send + 'static>(
        &self,
        place: Place<'_>,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let _turn = match place.stranger {
            Some(_) => Some(self.strangers.acquire().await.map_err(Problem::bug)?),
            None => None,
        };
        let _permit = self.permits.acquire().await.map_err(Problem::bug)?;
        tokio::task::spawn_blocking(f).await.map_err(Problem::bug)
    }

    /// A place in the queue: taken first of all, so that what is refused costs nothing.
    ///
    /// # Errors
    /// `too_many_requests` where too many wait already.
    pub(crate) fn place(&self, queue: Queue) -> Result<Place<'_>> {
        let Queue::Of(address) = queue else { return Ok(Place { stranger: None }) };
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = waiting.values().sum();
        let own = waiting.get(&address).copied().unwrap_or(0);
        if all >= MAX_WAITING || own >= MAX_WAITING_PER_ADDRESS {
            let detail = "Too many people are signing in at once.";
            return Err(Problem::too_many_requests(detail, Duration::from_secs(2)));
        }
        *waiting.entry(address).or_default() += 1;
        Ok(Place { stranger: Some((&self.waiting, address)) })
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
        let hash =
            passwords.hash(secret("correct horse"), passwords.place(Queue::Known).unwrap()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(
            passwords
                .verify(secret("correct horse"), Some(hash.clone()), passwords.place(Queue::Known).unwrap())
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .verify(secret("correct  horse"), Some(hash), passwords.place(Queue::Known).unwrap())
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .verify(secret("correct horse"), None, passwords.place(Queue::Known).unwrap())
                .await
                .unwrap()
        );
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
            assert_eq!(
                passwords.hash(secret(bad), passwords.place(Queue::Known).unwrap()).await.unwrap_err().code,
                Code::Invalid
            );
        }
        assert!(passwords.hash(secret("ЖЖЖЖЖЖЖЖ"), passwords.place(Queue::Known).unwrap()).await.is_ok());
    }

    fn address(n: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, n])
    }

    #[tokio::test]
    async fn one_address_and_all_strangers_wait_only_so_many() {
        let passwords = Passwords::new();
        let mut places = Vec::new();
        for _ in 0..MAX_WAITING_PER_ADDRESS {
            places.push(passwords.place(Queue::Of(address(1))).unwrap());
        }
        assert_eq!(passwords.place(Queue::Of(address(1))).err().unwrap().code, Code::TooManyRequests);
        for n in 0..MAX_WAITING - MAX_WAITING_PER_ADDRESS {
            places.push(passwords.place(Queue::Of(address(2 + n as u8))).unwrap());
        }
        let refused = passwords.place(Queue::Of(address(100))).err().unwrap();
        assert!(refused.retry_after.is_some(), "{refused}");
        places.clear();
        assert!(passwords.waiting.lock().unwrap().is_empty());
    }

    /// Strangers take the places before; of them all, none comes before who is known but those that are at work.
    #[tokio::test]
    async fn who_is_known_does_not_wait_behind_strangers() {
        let passwords = std::sync::Arc::new(Passwords::new());
        let order = std::sync::Arc::new(Mutex::new(Vec::new()));
        let cores = passwords.permits.available_permits();
        let held = passwords.permits.acquire_many(cores as u32).await.unwrap();
        let mut running = Vec::new();
        let mut start = |queue: Queue, name: &'static str| {
            let (passwords, order) = (passwords.clone(), order.clone());
            running.push(tokio::spawn(async move {
                let place = passwords.place(queue).unwrap();
                passwords.work(place, move || order.lock().unwrap().push(name)).await.unwrap();
            }));
        };
        for n in 0..40 {
            start(Queue::Of(address(n)), "stranger");
        }
        tokio::task::yield_now().await;
        while passwords.waiting.lock().unwrap().len() < 40 {
            tokio::task::yield_now().await;
        }
        start(Queue::Known, "known");
        tokio::task::yield_now().await;
        drop(held);
        for one in running {
            one.await.unwrap();
        }
        let order = order.lock().unwrap();
        let before = order.iter().position(|name| *name == "known").unwrap();
        assert!(before <= 2 * cores, "{before} strangers came before");
    }
}
