//! Which addresses are public, and which names never are. Pure: asks nobody.

use ipnet::{Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(a: u16, b: u16, c: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

/// IANA's IPv4 special-purpose address registry (RFC 6890), all of it: also the few entries that are
/// reachable serve protocols, never a database. Then what the registry leaves to others.
const SPECIAL_V4: [Ipv4Net; 18] = [
    v4(0, 0, 0, 0, 8),        // "this network": Linux connects 0.0.0.0 to itself
    v4(10, 0, 0, 0, 8),       // private use
    v4(100, 64, 0, 0, 10),    // shared address space of carriers; cloud metadata at 100.100.100.200
    v4(127, 0, 0, 0, 8),      // loopback
    v4(169, 254, 0, 0, 16),   // link local; cloud metadata at 169.254.169.254
    v4(172, 16, 0, 0, 12),    // private use
    v4(192, 0, 0, 0, 24),     // IETF protocol assignments; cloud metadata at 192.0.0.192
    v4(192, 0, 2, 0, 24),     // documentation
    v4(192, 31, 196, 0, 24),  // AS112
    v4(192, 52, 193, 0, 24),  // AMT
    v4(192, 88, 99, 0, 24),   // 6to4 relays, deprecated
    v4(192, 168, 0, 0, 16),   // private use
    v4(192, 175, 48, 0, 24),  // AS112
    v4(198, 18, 0, 0, 15),    // benchmarking
    v4(198, 51, 100, 0, 24),  // documentation
    v4(203, 0, 113, 0, 24),   // documentation
    v4(224, 0, 0, 0, 3),      // multicast, reserved, broadcast
    v4(168, 63, 129, 16, 32), // Azure's metadata and DNS, at a public address
];

/// What is handed out as global unicast (RFC 4291, section 2.4). Outside lie loopback, link local, unique
/// local, multicast, IPv4-mapped, NAT64 and segment routing.
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 0, 3);

/// IANA's IPv6 special-purpose address registry, as far as it lies within [`GLOBAL_V6`].
const SPECIAL_V6: [Ipv6Net; 5] = [
    v6(0x2001, 0, 0, 23),         // IETF protocol assignments, Teredo, ORCHID
    v6(0x2001, 0xdb8, 0, 32),     // documentation
    v6(0x2002, 0, 0, 16),         // 6to4: an IPv4 address in disguise
    v6(0x2620, 0x4f, 0x8000, 48), // AS112
    v6(0x3fff, 0, 0, 20),         // documentation
];

/// Whether an address belongs to the public internet. Unknown means no for IPv6, where only what is handed
/// out as global unicast is public.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|net| net.contains(&address)),
        IpAddr::V6(address) => {
            GLOBAL_V6.contains(&address) && !SPECIAL_V6.iter().any(|net| net.contains(&address))
        }
    }
}

/// Whether a name is one of those that always mean a private place: `localhost` (RFC 6761), `*.local`
/// (RFC 6762), `*.internal` (reserved by ICANN; also where clouds keep their metadata). `name` is lower-case
/// ASCII without a trailing dot.
pub fn is_private_name(name: &str) -> bool {
    matches!(name.rsplit('.').next(), Some("localhost" | "local" | "internal"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_of_every_range() {
        for net in SPECIAL_V4 {
            assert!(!is_public(net.network().into()) && !is_public(net.broadcast().into()), "{net}");
            for outside in
                [u32::from(net.network()).checked_sub(1), u32::from(net.broadcast()).checked_add(1)]
            {
                let Some(outside) = outside.map(Ipv4Addr::from) else { continue };
                let other = SPECIAL_V4.iter().any(|net| net.contains(&outside));
                assert_eq!(is_public(outside.into()), !other, "{outside}");
            }
        }
        for net in SPECIAL_V6 {
            assert!(!is_public(net.network().into()) && !is_public(net.broadcast().into()), "{net}");
            let after = Ipv6Addr::from(u128::from(net.broadcast()) + 1);
            assert!(is_public(after.into()), "{after}");
        }
        for (address, public) in [
            ("2000::", true),
            ("3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true),
            ("1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false),
            ("4000::", false),
            ("::ffff:8.8.8.8", false),
            ("64:ff9b::808:808", false),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }

    #[test]
    fn private_names() {
        for name in ["localhost", "a.localhost", "printer.local", "metadata.google.internal", "internal"] {
            assert!(is_private_name(name), "{name}");
        }
        for name in ["localhost.example.com", "notlocalhost", "internal.example.com", "mylocal", "db"] {
            assert!(!is_private_name(name), "{name}");
        }
    }
}
