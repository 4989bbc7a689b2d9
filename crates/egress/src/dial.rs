//! Resolve once, check every answer, connect to what was checked.

#![allow(clippy::disallowed_methods, reason = "this is the one place that resolves names and opens sockets")]

use crate::{allow::AllowList, host::Host, host::HostError, policy};
use async_trait::async_trait;
use socket2::{SockRef, TcpKeepalive};
use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};

/// At most so many of a name's addresses are tried: DNS is another's, and must not make us knock everywhere.
const MAX_ADDRESSES: usize = 8;

/// Turns a name into addresses.
#[async_trait]
pub trait Resolver: Send + Sync {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's resolver (`getaddrinfo`), with its order of addresses (RFC 6724).
#[derive(Clone, Copy, Debug)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// Opens TCP connections to public places and to what the operator's list lets through.
#[derive(Clone)]
pub struct Dialer {
    allow: AllowList,
    resolver: Arc<dyn Resolver>,
}

/// Addresses that passed the check, in the resolver's order. Only [`Dialer::resolve`] makes one.
#[derive(Clone, Debug)]
pub struct Permitted(Vec<SocketAddr>);

impl Permitted {
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.0
    }
}

/// An open connection.
#[derive(Debug)]
pub struct Dialed {
    pub stream: TcpStream,
    /// Where it leads: what [`Dialer::redial`] takes.
    pub address: SocketAddr,
    /// Every address that was tried, the last one with success.
    pub tried: Vec<Attempt>,
}

/// One address that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub address: SocketAddr,
    pub outcome: Outcome,
    pub elapsed: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Connected,
    /// The machine answered that nobody listens there.
    Refused,
    /// No answer in the time that this address was given.
    TimedOut,
    /// A router, or our own network, said that there is no way.
    Unreachable,
    Failed(io::ErrorKind),
}

/// Why there is no connection. With several addresses, the variant is the most telling outcome among
/// [`DialError::tried`]: refused before timed out before unreachable.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    #[error(transparent)]
    InvalidHost(#[from] HostError),
    /// The name is one that is always private (`address` is `None`), or one of its addresses isn't public.
    /// Nothing was sent to any of them.
    #[error("connections to private/internal addresses are not allowed")]
    PrivateAddress { address: Option<IpAddr> },
    /// `cause` is what the resolver said, `None` when it knew the name but no address.
    #[error("failed to lookup address")]
    NotFound { cause: Option<io::Error> },
    #[error("connection refused")]
    Refused { tried: Vec<Attempt> },
    /// `tried` is empty if the name's resolution took all the time.
    #[error("no answer in time")]
    TimedOut { tried: Vec<Attempt> },
    #[error("no route to the host")]
    Unreachable { tried: Vec<Attempt> },
    #[error("the connection could not be opened")]
    Other { tried: Vec<Attempt> },
}

impl DialError {
    /// The addresses that were tried before giving up; empty if no packet was sent.
    pub fn tried(&self) -> &[Attempt] {
        match self {
            Self::InvalidHost(_) | Self::PrivateAddress { .. } | Self::NotFound { .. } => &[],
            Self::Refused { tried }
            | Self::TimedOut { tried }
            | Self::Unreachable { tried }
            | Self::Other { tried } => tried,
        }
    }

    fn from_attempts(tried: Vec<Attempt>) -> Self {
        let any = |outcome| tried.iter().any(|attempt| attempt.outcome == outcome);
        if any(Outcome::Refused) {
            Self::Refused { tried }
        } else if any(Outcome::TimedOut) {
            Self::TimedOut { tried }
        } else if any(Outcome::Unreachable) {
            Self::Unreachable { tried }
        } else {
            Self::Other { tried }
        }
    }
}

impl Dialer {
    pub fn new(allow: AllowList) -> Self {
        Self::with_resolver(allow, Arc::new(SystemResolver))
    }

    pub fn with_resolver(allow: AllowList, resolver: Arc<dyn Resolver>) -> Self {
        Self { allow, resolver }
    }

    /// Resolves `host` once and checks every answer: one that isn't permitted refuses them all, since who
    /// mixes them has control of the name and means no good.
    pub async fn resolve(&self, host: &Host, port: u16, deadline: Instant) -> Result<Permitted, DialError> {
        let mut addresses = match host.name() {
            None => host.address().into_iter().collect(),
            Some(name) => {
                // Before asking anybody: a question about a private name already tells something.
                self.permit_name(host, port)?;
                timeout_at(deadline, self.resolver.resolve(name))
                    .await
                    .map_err(|_| DialError::TimedOut { tried: Vec::new() })?
                    .map_err(|cause| DialError::NotFound { cause: Some(cause) })?
            }
        };
        for &address in &addresses {
            self.permit(host, SocketAddr::new(address, port))?;
        }
        if addresses.is_empty() {
            return Err(DialError::NotFound { cause: None });
        }
        addresses.truncate(MAX_ADDRESSES);
        Ok(Permitted(addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect()))
    }

    /// Connects to the first of the addresses that answers. Each one gets an even share of the time that is
    /// left, so that a dead one cannot use up the time of those behind it.
    pub async fn connect(&self, to: &Permitted, deadline: Instant) -> Result<Dialed, DialError> {
        let mut tried = Vec::new();
        for (at, &address) in to.0.iter().enumerate() {
            let start = Instant::now();
            let share = deadline.saturating_duration_since(start) / (to.0.len() - at) as u32;
            let result = match timeout_at(start + share, TcpStream::connect(address)).await {
                Ok(result) => result.and_then(tune),
                Err(_) => Err(io::ErrorKind::TimedOut.into()),
            };
            let outcome = result.as_ref().map_or_else(outcome, |_| Outcome::Connected);
            tried.push(Attempt { address, outcome, elapsed: start.elapsed() });
            if let Ok(stream) = result {
                return Ok(Dialed { stream, address, tried });
            }
        }
        Err(DialError::from_attempts(tried))
    }

    /// [`Dialer::resolve`], then [`Dialer::connect`].
    pub async fn dial(&self, host: &Host, port: u16, deadline: Instant) -> Result<Dialed, DialError> {
        let permitted = self.resolve(host, port, deadline).await?;
        self.connect(&permitted, deadline).await
    }

    /// Connects again to where a connection to `host` leads, as PostgreSQL's cancel request must. Does not
    /// ask DNS, but checks that very address again.
    pub async fn redial(
        &self,
        host: &Host,
        address: SocketAddr,
        deadline: Instant,
    ) -> Result<Dialed, DialError> {
        self.permit_name(host, address.port())?;
        self.permit(host, address)?;
        self.connect(&Permitted(vec![address]), deadline).await
    }

    fn permit_name(&self, host: &Host, port: u16) -> Result<(), DialError> {
        if host.name().is_some_and(policy::is_private_name) && !self.allow.permits_name(host, port) {
            return Err(DialError::PrivateAddress { address: None });
        }
        Ok(())
    }

    fn permit(&self, host: &Host, address: SocketAddr) -> Result<(), DialError> {
        let (ip, port) = (address.ip(), address.port());
        if policy::is_public(ip)
            || self.allow.permits_address(ip, port)
            || self.allow.permits_name(host, port)
        {
            Ok(())
        } else {
            Err(DialError::PrivateAddress { address: Some(ip) })
        }
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer").field("allow", &self.allow).finish_non_exhaustive()
    }
}

/// A peer that acknowledges nothing for so long is gone: data that was sent, or keep-alives.
const PEER_TIMEOUT: Duration = Duration::from_secs(120);

/// Small messages go at once; a peer that is gone is noticed after two minutes even while we only wait.
fn tune(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    let keepalive =
        TcpKeepalive::new().with_time(PEER_TIMEOUT / 2).with_interval(PEER_TIMEOUT / 8).with_retries(4);
    let socket = SockRef::from(&stream);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(PEER_TIMEOUT))?;
    Ok(stream)
}

fn outcome(error: &io::Error) -> Outcome {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Outcome::Refused,
        io::ErrorKind::TimedOut => Outcome::TimedOut,
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => Outcome::Unreachable,
        kind => Outcome::Failed(kind),
    }
}
