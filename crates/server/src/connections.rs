//! Connections from clients: how many there are, and how long one may hold a place without asking for anything.
//! Where there is no place left, the connection that has been without a whole request for longest makes room, so that
//! half-sent requests never shut anybody out.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// Of all clients together.
const MAX_CONNECTIONS: usize = 1024;
/// Of one address; a trusted proxy has no such limit, because it speaks for many.
const MAX_PER_ADDRESS: usize = 256;
/// From the first byte that is waited for to the end of a request's head; also how long a connection may be idle.
pub(crate) const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// Between two pieces of a request's body.
pub(crate) const BODY_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Clone, Default)]
pub(crate) struct Connections(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    next: u64,
    open: HashMap<u64, Open>,
}

struct Open {
    address: Option<IpAddr>,
    /// When it last began to wait for a request, in the order of these moments; `None` while one is answered.
    waiting_since: Option<u64>,
    closed: CancellationToken,
}

/// A connection's place, until it is dropped.
pub(crate) struct Connection {
    id: u64,
    all: Connections,
    /// Cancelled when the connection has to make room.
    pub(crate) closed: CancellationToken,
}

impl Connections {
    /// A place for a connection, `address` being `None` for a trusted proxy's. `None` where all are taken by requests
    /// that are answered.
    pub(crate) fn admit(&self, address: Option<IpAddr>) -> Option<Arc<Connection>> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_address = |open: &&Open| open.address == address;
        if address.is_some() && inner.open.values().filter(of_address).count() >= MAX_PER_ADDRESS {
            inner.make_room(|open| open.address == address)?;
        }
        if inner.open.len() >= MAX_CONNECTIONS {
            inner.make_room(|_| true).or_else(|| inner.take_from_the_largest())?;
        }
        inner.next += 1;
        let (id, closed) = (inner.next, CancellationToken::new());
        inner.open.insert(id, Open { address, waiting_since: Some(id), closed: closed.clone() });
        Some(Arc::new(Connection { id, all: self.clone(), closed }))
    }
}

impl Inner {
    fn make_room(&mut self, among: impl Fn(&Open) -> bool) -> Option<()> {
        let waiting = self.open.iter().filter(|(_, open)| among(open));
        let (_, id) = waiting.filter_map(|(id, open)| Some((open.waiting_since?, *id))).min()?;
        self.open.remove(&id)?.closed.cancel();
        Some(())
    }
}

impl Inner {
    /// All are answered, and some read slowly: the address with most connections loses its oldest.
    fn take_from_the_largest(&mut self) -> Option<()> {
        let mut counts: HashMap<IpAddr, usize> = HashMap::new();
        for address in self.open.values().filter_map(|open| open.address) {
            *counts.entry(address).or_default() += 1;
        }
        let (largest, _) = counts.into_iter().max_by_key(|&(_, count)| count)?;
        let own = self.open.iter().filter(|(_, open)| open.address == Some(largest));
        let id = own.map(|(id, _)| *id).min()?;
        self.open.remove(&id)?.closed.cancel();
        Some(())
    }
}

impl Connection {
    /// A whole request has come: the connection keeps its place until it is answered.
    pub(crate) fn answering(&self) {
        self.set(|_| None);
    }

    /// Waits for the next request, or for the rest of one.
    pub(crate) fn waiting(&self) {
        self.set(Some);
    }

    fn set(&self, since: impl FnOnce(u64) -> Option<u64>) {
        let mut inner = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.next += 1;
        let now = inner.next;
        if let Some(open) = inner.open.get_mut(&self.id) {
            open.waiting_since = since(now);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.all.0.lock().unwrap_or_else(PoisonError::into_inner).open.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, n]))
    }

    #[test]
    fn who_waits_longest_makes_room() {
        let all = Connections::default();
        let held: Vec<_> = (0..MAX_PER_ADDRESS).map(|_| all.admit(address(1)).unwrap()).collect();
        held[0].answering();
        held[1].answering();
        held[1].waiting();
        let next = all.admit(address(1)).unwrap();
        assert!(!held[0].closed.is_cancelled(), "it is answered");
        assert!(!held[1].closed.is_cancelled(), "it asked for something since");
        assert!(held[2].closed.is_cancelled() && !next.closed.is_cancelled());
        assert!(all.admit(address(2)).is_some());
        assert!(!held[3].closed.is_cancelled(), "another address has places of its own");
    }

    #[test]
    fn requests_that_are_answered_are_not_cut_off() {
        let all = Connections::default();
        let held: Vec<_> = (0..MAX_PER_ADDRESS).map(|_| all.admit(address(1)).unwrap()).collect();
        held.iter().for_each(|one| one.answering());
        assert!(all.admit(address(1)).is_none());
        drop(held);
        assert!(all.admit(address(1)).is_some());
    }

    #[test]
    fn slow_readers_do_not_take_every_place() {
        let all = Connections::default();
        let held: Vec<_> = (0..MAX_CONNECTIONS).map(|n| all.admit(address(n as u8 % 8)).unwrap()).collect();
        held.iter().for_each(|one| one.answering());
        assert!(all.admit(address(100)).is_some());
        assert_eq!(held.iter().filter(|one| one.closed.is_cancelled()).count(), 1);
    }

    #[test]
    fn all_together_are_bounded_and_a_proxy_takes_as_many_as_there_are() {
        let all = Connections::default();
        let held: Vec<_> = (0..MAX_CONNECTIONS).map(|_| all.admit(None).unwrap()).collect();
        assert!(held.iter().all(|one| !one.closed.is_cancelled()));
        let _next = all.admit(address(1)).unwrap();
        assert!(held[0].closed.is_cancelled());
        assert_eq!(all.0.lock().unwrap().open.len(), MAX_CONNECTIONS);
    }
}
