//! What stands in a field called Host: exactly one name or address.

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// One host name or one IP address, normalised: a name is lower-case ASCII (UTS #46, non-transitional) without
/// the root's dot, an address is its canonical text without brackets. Whether it may be dialled is asked later.
///
/// Names may hold underscores, which RFC 952 does not know but private DNS and container networks do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Host(Kind);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Name(String),
    Address(IpAddr),
}

/// Why a text is no host, in a sentence for who typed it. It never repeats the text, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    #[error("The host is empty. Enter a name like db.example.com or an IP address.")]
    Empty,
    #[error("The host is too long: a name has at most 253 characters, 63 between two dots.")]
    TooLong,
    #[error("The host holds a control character. Type it again instead of pasting it.")]
    ControlCharacter,
    #[error("The host holds a blank. Enter one name or address and nothing else.")]
    Blank,
    #[error(
        "This is a URL. If it is a postgres:// or JDBC one, paste it into any field of the form, and its parts go where \
         they belong. Here belongs only the part that names the server, between the @ (or the //) and the next colon or slash."
    )]
    Url,
    #[error(
        "This is a connection string. Paste it into any field of the form, and its parts go where they belong, or enter \
         only what stands after host=."
    )]
    ConnectionString,
    #[error("This is a path. Sockets on this machine can't be used: enter a host name or an IP address.")]
    SocketPath,
    #[error("There is a slash in the host. The database has its own field.")]
    Slash,
    #[error("There is an @ in the host. Enter only what follows it; the username has its own field.")]
    User,
    #[error("This is a list. Enter one host; make a connection for each server that you want to read.")]
    List,
    #[error("There is a port in the host. It has its own field.")]
    Port,
    #[error("An IPv6 address with a zone (%) is valid on one machine only and can't be used.")]
    Zone,
    #[error("This is no IPv6 address.")]
    NotIpv6,
    #[error(
        "This looks like a number but is no IPv4 address. One is written as four numbers from 0 to 255 without \
         leading zeros, like 198.51.100.7."
    )]
    NotIpv4,
    #[error("There is nothing between two dots, or before the first one.")]
    EmptyLabel,
    #[error(
        "The host holds a character that no host name has. Letters, digits, hyphens (within a part), \
         underscores and dots are possible."
    )]
    Character,
}

/// STD3's rule but for the underscore.
const DENIED: AsciiDenyList = AsciiDenyList::new(true, "!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~");

/// More than any text of a name that is valid once mapped. Mapping takes longer than linear time.
const MAX_INPUT_BYTES: usize = 1024;

impl Host {
    pub fn parse(text: &str) -> Result<Self, HostError> {
        refuse_what_is_more_than_a_host(text)?;
        if text.contains([':', '[', ']']) {
            return ipv6(text).map(|address| Self(Kind::Address(address.into())));
        }
        let name = map(text)?;
        let (name, root) = match name.strip_suffix('.') {
            Some(name) => (name, true),
            None => (name.as_str(), false),
        };
        // getaddrinfo takes 127.1, 2130706433, 0x7f.1 and 017700000001 for loopback.
        if name.rsplit('.').next().is_some_and(is_number) {
            return match name.parse::<Ipv4Addr>() {
                Ok(address) if !root => Ok(Self(Kind::Address(address.into()))),
                _ => Err(HostError::NotIpv4),
            };
        }
        Ok(Self(Kind::Name(name.to_owned())))
    }

    /// The name, if it is one.
    pub fn name(&self) -> Option<&str> {
        match &self.0 {
            Kind::Name(name) => Some(name),
            Kind::Address(_) => None,
        }
    }

    /// The address, if it is one.
    pub fn address(&self) -> Option<IpAddr> {
        match self.0 {
            Kind::Name(_) => None,
            Kind::Address(address) => Some(address),
        }
    }
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Self {
        Self(Kind::Address(address))
    }
}

impl FromStr for Host {
    type Err = HostError;
    fn from_str(text: &str) -> Result<Self, HostError> {
        Self::parse(text)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Name(name) => f.write_str(name),
            Kind::Address(address) => address.fmt(f),
        }
    }
}

/// Names what people paste into the field, so that the sentence fits. Safe without it: none of these
/// characters gets through [`map`].
fn refuse_what_is_more_than_a_host(text: &str) -> Result<(), HostError> {
    Err(if text.is_empty() {
        HostError::Empty
    } else if text.chars().any(char::is_control) {
        HostError::ControlCharacter
    } else if text.contains("://") {
        HostError::Url
    } else if text.contains('=') {
        HostError::ConnectionString
    } else if text.starts_with(['/', '\\']) {
        HostError::SocketPath
    } else if text.contains(',') {
        HostError::List
    } else if text.contains('@') {
        HostError::User
    } else if text.contains('/') {
        HostError::Slash
    } else if text.chars().any(char::is_whitespace) {
        HostError::Blank
    } else if text.len() > MAX_INPUT_BYTES {
        HostError::TooLong
    } else {
        return Ok(());
    })
}

fn ipv6(text: &str) -> Result<Ipv6Addr, HostError> {
    let inner = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((inner, "")) => inner,
            Some((_, tail)) if tail.starts_with(':') => return Err(HostError::Port),
            _ => return Err(HostError::NotIpv6),
        },
        None => text,
    };
    if inner.contains('%') {
        return Err(HostError::Zone);
    }
    inner.parse().map_err(|_| match text.split_once(':') {
        Some((_, port)) if port.bytes().all(|b| b.is_ascii_digit()) => HostError::Port,
        _ => HostError::NotIpv6,
    })
}

/// UTS #46 ToASCII. The result may end with the root's dot.
fn map(text: &str) -> Result<String, HostError> {
    let mapped = Uts46::new()
        .to_ascii(text.as_bytes(), DENIED, Hyphens::CheckFirstLast, DnsLength::Ignore)
        .map_err(|_| HostError::Character)?;
    let name = mapped.strip_suffix('.').unwrap_or(&mapped);
    if name.is_empty() {
        Err(HostError::Empty)
    } else if name.split('.').any(str::is_empty) {
        Err(HostError::EmptyLabel)
    } else if name.len() > 253 || name.split('.').any(|label| label.len() > 63) {
        Err(HostError::TooLong)
    } else {
        Ok(mapped.into_owned())
    }
}

/// Whether a resolver may read a label as a number: decimal, octal, or hexadecimal after `0x`.
fn is_number(label: &str) -> bool {
    label.bytes().all(|b| b.is_ascii_digit())
        || label.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
}
