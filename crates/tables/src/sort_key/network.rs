//! Addresses: `network_cmp`, `macaddr_cmp`, `macaddr8_cmp`, and what their input functions read.

use std::net::Ipv6Addr;

/// Family, network, its length, and the whole address.
pub(super) fn inet(text: &str, cidr: bool, key: &mut Vec<u8>) -> Option<()> {
    let text = text.trim();
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => {
            let plain = (1..=3).contains(&bits.len()) && bits.bytes().all(|byte| byte.is_ascii_digit());
            (address, Some(if plain { bits.parse::<usize>().ok()? } else { return None }))
        }
        None => (text, None),
    };
    let (family, octets, bits) = if address.contains(':') {
        let octets = address.parse::<Ipv6Addr>().ok()?.octets().to_vec();
        (6, octets, bits.unwrap_or(128))
    } else {
        let (octets, width) = ipv4(address, bits, cidr)?;
        (4, octets, width)
    };
    if bits > octets.len() * 8 {
        return None;
    }
    let network: Vec<u8> = octets
        .iter()
        .enumerate()
        .map(|(at, octet)| octet & (0xff00u16 >> bits.saturating_sub(at * 8).min(8)) as u8)
        .collect();
    if cidr && network != octets {
        return None;
    }
    key.push(family);
    key.extend(&network);
    key.push(bits as u8);
    key.extend(&octets);
    Some(())
}

/// With a width, or in a `cidr`, trailing octets may be left out; a `cidr` without a width has that of its class
/// (`inet_cidr_pton_ipv4`).
fn ipv4(text: &str, bits: Option<usize>, cidr: bool) -> Option<(Vec<u8>, usize)> {
    let mut octets = Vec::with_capacity(4);
    for part in text.split('.') {
        let plain = !part.is_empty() && part.len() <= 3 && part.bytes().all(|byte| byte.is_ascii_digit());
        octets.push(if plain { part.parse().ok()? } else { return None });
    }
    let given = octets.len();
    if given > 4 {
        return None;
    }
    let class = match octets[0] {
        240.. => 32,
        224 if given == 1 => 4,
        224.. => 8,
        192.. => 24,
        128.. => 16,
        _ => 8,
    };
    let width = match bits {
        Some(bits) => bits,
        None if cidr => {
            if class == 4 {
                4
            } else {
                class.max(given * 8)
            }
        }
        None if given == 4 => 32,
        None => return None,
    };
    octets.resize(4, 0);
    Some((octets, width))
}

/// The octets of pairs of digits, with the separators between them.
fn octets(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    let separator = text.chars().find(|char| !char.is_ascii_hexdigit());
    let mut digits = String::with_capacity(16);
    let mut groups = Vec::new();
    match separator {
        None => digits.push_str(text),
        Some(separator) => {
            if !matches!(separator, ':' | '-' | '.') {
                return None;
            }
            for group in text.split(separator) {
                if group.is_empty() || group.len() > 6 {
                    return None;
                }
                groups.push(group.len());
                // A pair may lack its zero.
                if group.len() == 1 {
                    digits.push('0');
                }
                digits.push_str(group);
            }
            let uniform = groups.iter().all(|&length| length == groups[0] || (length <= 2 && groups[0] <= 2));
            if !uniform {
                return None;
            }
        }
    }
    hex::decode(digits).ok()
}

pub(super) fn macaddr(text: &str) -> Option<u64> {
    let octets = octets(text)?;
    (octets.len() == 6).then(|| octets.iter().fold(0, |number, &octet| number << 8 | u64::from(octet)))
}

pub(super) fn macaddr8(text: &str) -> Option<u64> {
    let mut octets = octets(text)?;
    if octets.len() == 6 {
        octets.splice(3..3, [0xff, 0xfe]);
    }
    (octets.len() == 8).then(|| octets.iter().fold(0, |number, &octet| number << 8 | u64::from(octet)))
}
