//! Whatever somebody types into the field called Host: what is taken is one name or address, and normal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mycorr_egress::Host;
use mycorr_fuzz as _;

fuzz_target!(|text: &str| {
    let Ok(host) = Host::parse(text) else { return };
    let normal = host.to_string();
    assert_eq!(Host::parse(&normal).as_ref(), Ok(&host), "what is normal stays as it is");
    match (host.name(), host.address()) {
        (Some(name), None) => {
            assert!(name.len() <= 253 && name == normal);
            assert!(name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.')));
            // What getaddrinfo would take for an address.
            assert!(!name.rsplit('.').next().unwrap().bytes().all(|byte| byte.is_ascii_digit()));
        }
        (None, Some(address)) => assert_eq!(address.to_string(), normal),
        _ => unreachable!("a host is a name or an address"),
    }
});
