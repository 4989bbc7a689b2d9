//! Just enough DER (ITU-T X.690) to reach what `openssl` has no safe function for.

/// The tags of the GeneralNames that are compared with a host (RFC 5280 section 4.2.1.6).
pub(super) const DNS_NAME: u8 = 0x82;
pub(super) const IP_ADDRESS: u8 = 0x87;

const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 0x06;
const OCTET_STRING: u8 = 0x04;
/// Context-specific, constructed.
const FIELD_0: u8 = 0xa0;
const FIELD_3: u8 = 0xa3;

const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const ANY_PURPOSE: &[u8] = &[0x55, 0x1d, 0x25, 0x00];
const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];

/// Tag and content.
type Element<'a> = (u8, &'a [u8]);

/// The first element and what stands behind it; `None` where the bytes are no DER.
fn split(bytes: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&tag, bytes) = bytes.split_first()?;
    let (&length, bytes) = bytes.split_first()?;
    let (length, bytes) = match length {
        0..=0x7f => (usize::from(length), bytes),
        0x81..=0x84 => {
            let (length, bytes) = bytes.split_at_checked(usize::from(length & 0x7f))?;
            (length.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte)), bytes)
        }
        _ => return None,
    };
    let (content, rest) = bytes.split_at_checked(length)?;
    Some(((tag, content), rest))
}

fn elements(mut bytes: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (element, rest) = split(bytes)?;
        found.push(element);
        bytes = rest;
    }
    Some(found)
}

/// The elements of the first element, which must have `tag`.
fn inside(bytes: &[u8], tag: u8) -> Option<Vec<Element<'_>>> {
    let ((found, content), _) = split(bytes)?;
    if found == tag { elements(content) } else { None }
}

/// The subject alternative names of a certificate; none is an empty list.
pub(super) fn alternative_names(certificate: &[u8]) -> Option<Vec<Element<'_>>> {
    let (_, signed) = *inside(certificate, SEQUENCE)?.first()?;
    let Some((_, extensions)) = elements(signed)?.into_iter().find(|(tag, _)| *tag == FIELD_3) else {
        return Some(Vec::new());
    };
    for (_, extension) in inside(extensions, SEQUENCE)? {
        let extension = elements(extension)?;
        if extension.first()? == &(OBJECT_IDENTIFIER, SUBJECT_ALT_NAME) {
            let (_, value) = *extension.last().filter(|(tag, _)| *tag == OCTET_STRING)?;
            return inside(value, SEQUENCE);
        }
    }
    Some(Vec::new())
}

/// The digest in the RSASSA-PSS-params of a certificate's signature (RFC 4055 section 3.1), as the bytes of
/// its object identifier; `None` for the default, SHA-1, too.
pub(super) fn pss_digest(certificate: &[u8]) -> Option<&[u8]> {
    let (_, algorithm) = *inside(certificate, SEQUENCE)?.get(1)?;
    let (_, parameters) = *elements(algorithm)?.get(1)?;
    let (_, digest) = *elements(parameters)?.first().filter(|(tag, _)| *tag == FIELD_0)?;
    let (_, identifier) = *inside(digest, SEQUENCE)?.first()?;
    Some(identifier)
}

/// Whether what stands behind the certificate in a `TRUSTED CERTIFICATE` lets it vouch for servers
/// (openssl-x509(1), "Trust Options").
pub(super) fn trusted_for_servers(certificate: &[u8]) -> bool {
    let Some((_, settings)) = split(certificate) else { return false };
    if settings.is_empty() {
        return true;
    }
    let names_servers = |purposes: &[u8]| {
        elements(purposes).map(|purposes| {
            purposes.iter().any(|(_, purpose)| *purpose == SERVER_AUTH || *purpose == ANY_PURPOSE)
        })
    };
    let permits = |(tag, content): &Element<'_>| match *tag {
        SEQUENCE => names_servers(content),
        FIELD_0 => names_servers(content).map(|rejected| !rejected),
        _ => Some(true),
    };
    inside(settings, SEQUENCE).is_some_and(|settings| settings.iter().all(|one| permits(one) == Some(true)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths() {
        let long = [&[4, 0x81, 200][..], &[7; 200]].concat();
        assert_eq!(split(&long), Some(((4, &[7; 200][..]), &[][..])));
        for broken in [
            &[][..],
            &[4],
            &[4, 1],
            &[4, 0x80, 0, 0],
            &[4, 0x85, 0, 0, 0, 0, 0],
            &[4, 0x84, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert_eq!(split(broken), None, "{broken:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>) {
            alternative_names(&bytes);
            pss_digest(&bytes);
            trusted_for_servers(&bytes);
        }
    }
}
