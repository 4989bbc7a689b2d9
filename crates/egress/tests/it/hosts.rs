//! The table of host strings: what a person, or an attacker, may type into Host.

use Verdict::{Address, Invalid, Name, Private, PrivateName};
use mycorr_egress::{Host, HostError::*, policy};
use proptest::prelude::*;
use std::net::{IpAddr, Ipv6Addr};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    Invalid(mycorr_egress::HostError),
    /// A name, as it is normalised; what it resolves to decides.
    Name(&'static str),
    PrivateName,
    /// A public address, as it is normalised.
    Address(&'static str),
    Private,
}

#[rustfmt::skip]
pub(crate) const HOSTS: &[(&str, Verdict)] = &[
    // 0.0.0.0/8
    ("0.0.0.0", Private), ("0.0.0.1", Private), ("0.255.255.255", Private), ("1.0.0.0", Address("1.0.0.0")),
    // 10.0.0.0/8
    ("9.255.255.255", Address("9.255.255.255")), ("10.0.0.0", Private), ("10.0.0.5", Private), ("10.255.255.255", Private), ("11.0.0.0", Address("11.0.0.0")),
    // 100.64.0.0/10
    ("100.63.255.255", Address("100.63.255.255")), ("100.64.0.0", Private), ("100.100.100.200", Private), ("100.127.255.255", Private), ("100.128.0.0", Address("100.128.0.0")),
    // 127.0.0.0/8
    ("126.255.255.255", Address("126.255.255.255")), ("127.0.0.0", Private), ("127.0.0.1", Private), ("127.0.1.1", Private), ("127.255.255.255", Private), ("128.0.0.0", Address("128.0.0.0")),
    // 169.254.0.0/16
    ("169.253.255.255", Address("169.253.255.255")), ("169.254.0.0", Private), ("169.254.169.254", Private), ("169.254.170.2", Private), ("169.254.255.255", Private), ("169.255.0.0", Address("169.255.0.0")),
    // 172.16.0.0/12
    ("172.15.255.255", Address("172.15.255.255")), ("172.16.0.0", Private), ("172.17.0.1", Private), ("172.31.255.255", Private), ("172.32.0.0", Address("172.32.0.0")),
    // 192.0.0.0/24, 192.0.2.0/24
    ("191.255.255.255", Address("191.255.255.255")), ("192.0.0.0", Private), ("192.0.0.8", Private), ("192.0.0.9", Private), ("192.0.0.170", Private), ("192.0.0.192", Private), ("192.0.0.255", Private), ("192.0.1.0", Address("192.0.1.0")),
    ("192.0.1.255", Address("192.0.1.255")), ("192.0.2.0", Private), ("192.0.2.77", Private), ("192.0.2.255", Private), ("192.0.3.0", Address("192.0.3.0")),
    // AS112, AMT, 6to4 relays
    ("192.31.195.255", Address("192.31.195.255")), ("192.31.196.0", Private), ("192.31.196.255", Private), ("192.31.197.0", Address("192.31.197.0")),
    ("192.52.192.255", Address("192.52.192.255")), ("192.52.193.0", Private), ("192.52.193.255", Private), ("192.52.194.0", Address("192.52.194.0")),
    ("192.88.98.255", Address("192.88.98.255")), ("192.88.99.0", Private), ("192.88.99.1", Private), ("192.88.99.255", Private), ("192.88.100.0", Address("192.88.100.0")),
    ("192.175.47.255", Address("192.175.47.255")), ("192.175.48.0", Private), ("192.175.48.255", Private), ("192.175.49.0", Address("192.175.49.0")),
    // 192.168.0.0/16
    ("192.167.255.255", Address("192.167.255.255")), ("192.168.0.0", Private), ("192.168.1.1", Private), ("192.168.255.255", Private), ("192.169.0.0", Address("192.169.0.0")),
    // 198.18.0.0/15, 198.51.100.0/24, 203.0.113.0/24
    ("198.17.255.255", Address("198.17.255.255")), ("198.18.0.0", Private), ("198.19.0.1", Private), ("198.19.255.255", Private), ("198.20.0.0", Address("198.20.0.0")),
    ("198.51.99.255", Address("198.51.99.255")), ("198.51.100.0", Private), ("198.51.100.7", Private), ("198.51.100.255", Private), ("198.51.101.0", Address("198.51.101.0")),
    ("203.0.112.255", Address("203.0.112.255")), ("203.0.113.0", Private), ("203.0.113.9", Private), ("203.0.113.255", Private), ("203.0.114.0", Address("203.0.114.0")),
    // 224.0.0.0/3
    ("223.255.255.255", Address("223.255.255.255")), ("224.0.0.0", Private), ("224.0.0.1", Private), ("239.255.255.255", Private), ("240.0.0.0", Private), ("250.1.2.3", Private), ("255.255.255.254", Private), ("255.255.255.255", Private),
    // Azure
    ("168.63.129.15", Address("168.63.129.15")), ("168.63.129.16", Private), ("168.63.129.17", Address("168.63.129.17")),
    // Public
    ("8.8.8.8", Address("8.8.8.8")), ("1.1.1.1", Address("1.1.1.1")), ("52.95.110.1", Address("52.95.110.1")),

    // Numbers that getaddrinfo would take for an address
    ("127.1", Invalid(NotIpv4)), ("127.0.1", Invalid(NotIpv4)), ("2130706433", Invalid(NotIpv4)), ("017700000001", Invalid(NotIpv4)), ("0x7f000001", Invalid(NotIpv4)), ("0X7F000001", Invalid(NotIpv4)),
    ("0x7f.1", Invalid(NotIpv4)), ("0x7f.0.0.1", Invalid(NotIpv4)), ("0177.0.0.1", Invalid(NotIpv4)), ("00127.0.0.1", Invalid(NotIpv4)), ("127.0.0.01", Invalid(NotIpv4)), ("127.0.0.0x1", Invalid(NotIpv4)), ("0x7f.0x0.0x0.0x1", Invalid(NotIpv4)),
    ("0", Invalid(NotIpv4)), ("00", Invalid(NotIpv4)), ("0x0", Invalid(NotIpv4)), ("0x", Invalid(NotIpv4)), ("1", Invalid(NotIpv4)), ("10.1", Invalid(NotIpv4)), ("192.168.257", Invalid(NotIpv4)), ("3232235777", Invalid(NotIpv4)), ("0xc0a80101", Invalid(NotIpv4)), ("030052000401", Invalid(NotIpv4)),
    ("2852039166", Invalid(NotIpv4)), ("0xa9fea9fe", Invalid(NotIpv4)), ("0xa9.0xfe.0xa9.0xfe", Invalid(NotIpv4)), ("0251.0376.0251.0376", Invalid(NotIpv4)), ("4294967295", Invalid(NotIpv4)), ("4294967296", Invalid(NotIpv4)), ("42949672961", Invalid(NotIpv4)), ("99999999999999999999", Invalid(NotIpv4)),
    ("256.1.1.1", Invalid(NotIpv4)), ("1.1.1.256", Invalid(NotIpv4)), ("1.2.3", Invalid(NotIpv4)), ("1.2.3.4.5", Invalid(NotIpv4)), ("127.0.0.1.", Invalid(NotIpv4)), ("8.8.8.8.", Invalid(NotIpv4)), ("008.8.8.8", Invalid(NotIpv4)), ("8.8.8.08", Invalid(NotIpv4)),
    ("db.example.com.1", Invalid(NotIpv4)), ("db.0x7f", Invalid(NotIpv4)), ("localhost.127", Invalid(NotIpv4)), ("-1", Invalid(Character)), ("+127.0.0.1", Invalid(Character)), ("127.0.0.-1", Invalid(Character)), ("1e3", Name("1e3")), ("0x7g", Name("0x7g")), ("0o177", Name("0o177")),
    ("127..1", Invalid(EmptyLabel)), (".127.0.0.1", Invalid(EmptyLabel)), ("127.0.0.1..", Invalid(EmptyLabel)),

    // IPv6: loopback, unspecified, local, multicast
    ("::", Private), ("::1", Private), ("[::1]", Private), ("[::]", Private), ("0:0:0:0:0:0:0:1", Private), ("0000:0000:0000:0000:0000:0000:0000:0001", Private), ("::2", Private),
    ("fe80::", Private), ("fe80::1", Private), ("FE80::1", Private), ("febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Private), ("fec0::1", Private), ("fc00::", Private), ("fd00::1", Private), ("fd00:ec2::254", Private), ("fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Private), ("ff00::", Private), ("ff02::1", Private), ("ff0e::1", Private), ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Private),
    // IPv4 in disguise: compatible, mapped, translated, NAT64, 6to4, Teredo, ISATAP
    ("::127.0.0.1", Private), ("::8.8.8.8", Private), ("::7f00:1", Private), ("::ffff:127.0.0.1", Private), ("::ffff:7f00:1", Private), ("[::ffff:10.0.0.1]", Private), ("::ffff:8.8.8.8", Private), ("::FFFF:169.254.169.254", Private), ("0:0:0:0:0:ffff:c0a8:0101", Private), ("::ffff:0:127.0.0.1", Private), ("::ffff:0.0.0.0", Private), ("::ffff:255.255.255.255", Private),
    ("64:ff9b::", Private), ("64:ff9b::7f00:1", Private), ("64:ff9b::169.254.169.254", Private), ("64:ff9b::8.8.8.8", Private), ("64:ff9b::ffff:ffff", Private), ("64:ff9b:1::", Private), ("64:ff9b:1:ffff:ffff:ffff:ffff:ffff", Private), ("64:ff9b:1::10.0.0.1", Private),
    ("2001:ffff::", Address("2001:ffff::")), ("2002::", Private), ("2002:7f00:1::", Private), ("2002:7f00:1::1", Private), ("2002:808:808::1", Private), ("2002:a9fe:a9fe::a9fe:a9fe", Private), ("2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Private), ("2003::", Address("2003::")),
    ("2001::", Private), ("2001:0:7f00:1::", Private), ("2001::1", Private), ("2001:1::1", Private), ("2001:2::", Private), ("2001:3::1", Private), ("2001:4:112::1", Private), ("2001:10::1", Private), ("2001:20::1", Private), ("2001:30::1", Private), ("2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", Private), ("2001:200::", Address("2001:200::")),
    ("fe80::5efe:127.0.0.1", Private),
    // Documentation, discard-only, segment routing, AS112
    ("2001:db7:ffff::1", Address("2001:db7:ffff::1")), ("2001:db8::", Private), ("2001:db8::1", Private), ("2001:DB8::1", Private), ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", Private), ("2001:db9::", Address("2001:db9::")), ("3fff::", Private), ("3fff:1::1", Private), ("3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", Private), ("3fff:1000::", Address("3fff:1000::")),
    ("100::", Private), ("100::1", Private), ("100:0:0:1::", Private), ("5f00::", Private), ("5f00:ffff::1", Private), ("2620:4f:7fff::1", Address("2620:4f:7fff::1")), ("2620:4f:8000::1", Private), ("2620:4f:8001::", Address("2620:4f:8001::")),
    // What is left of the registries: first, last, and one between
    ("192.31.196.9", Private), ("192.52.193.9", Private), ("192.175.48.42", Private), ("100::ffff:ffff:ffff:ffff", Private), ("100:0:0:1::9", Private), ("100::1:ffff:ffff:ffff:ffff", Private), ("2001:0:ffff:ffff:ffff:ffff:ffff:ffff", Private), ("2001:2::9", Private), ("2001:2:0:ffff:ffff:ffff:ffff:ffff", Private), ("2001:3::", Private), ("2001:3:ffff:ffff:ffff:ffff:ffff:ffff", Private), ("2001:4:112::", Private), ("2001:4:112:ffff:ffff:ffff:ffff:ffff", Private),
    ("2001:10::", Private), ("2001:1f:ffff:ffff:ffff:ffff:ffff:ffff", Private), ("2001:20::", Private), ("2001:2f:ffff:ffff:ffff:ffff:ffff:ffff", Private), ("2001:30::", Private), ("2001:3f:ffff:ffff:ffff:ffff:ffff:ffff", Private), ("2620:4f:8000::", Private), ("2620:4f:8000:ffff:ffff:ffff:ffff:ffff", Private), ("5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Private), ("fec0::", Private), ("feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Private),
    // Not handed out
    ("1fff:ffff::", Private), ("2000::", Address("2000::")), ("3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Address("3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")), ("4000::", Private), ("8000::1", Private), ("e000::1", Private), ("400::1", Private),
    // Public
    ("2606:4700:4700::1111", Address("2606:4700:4700::1111")), ("[2606:4700:4700::1111]", Address("2606:4700:4700::1111")), ("2A00:1450:4001:0800:0000:0000:0000:200E", Address("2a00:1450:4001:800::200e")), ("2001:4860:4860::8888", Address("2001:4860:4860::8888")), ("2600::1.2.3.4", Address("2600::102:304")),
    // Brackets, zones, ports, what is no address
    ("fe80::1%eth0", Invalid(Zone)), ("[fe80::1%25eth0]", Invalid(Zone)), ("fe80::1%1", Invalid(Zone)), ("2606:4700::1%lo", Invalid(Zone)), ("::1%", Invalid(Zone)), ("%::1", Invalid(Zone)),
    ("[::1", Invalid(NotIpv6)), ("::1]", Invalid(NotIpv6)), ("[::1]x", Invalid(NotIpv6)), ("[]", Invalid(NotIpv6)), ("[[::1]]", Invalid(NotIpv6)), ("[127.0.0.1]", Invalid(NotIpv6)), ("[localhost]", Invalid(NotIpv6)), ("[8.8.8.8]", Invalid(NotIpv6)),
    (":::", Invalid(NotIpv6)), (":", Invalid(Port)), (":1", Invalid(Port)), ("1::2::3", Invalid(NotIpv6)), ("12345::", Invalid(NotIpv6)), ("1:2:3:4:5:6:7", Invalid(NotIpv6)), ("1:2:3:4:5:6:7:8:9", Invalid(NotIpv6)), ("::ffff:127.1", Invalid(NotIpv6)), ("::ffff:0x7f.0.0.1", Invalid(NotIpv6)), ("::ffff:127.0.0.01", Invalid(NotIpv6)), ("::g", Invalid(NotIpv6)),
    ("[::1]:5432", Invalid(Port)), ("localhost:5432", Invalid(Port)), ("127.0.0.1:5432", Invalid(Port)), ("db.example.com:5432", Invalid(Port)), ("db.example.com:", Invalid(Port)), ("db.example.com:x", Invalid(NotIpv6)),

    // Names that are always private
    ("localhost", PrivateName), ("LOCALHOST", PrivateName), ("LocalHost", PrivateName), ("localhost.", PrivateName), ("LOCALHOST.", PrivateName), ("a.localhost", PrivateName), ("a.b.localhost.", PrivateName), ("my-db.localhost", PrivateName), ("_x.localhost", PrivateName),
    ("local", PrivateName), ("printer.local", PrivateName), ("Printer.LOCAL.", PrivateName), ("a.b.local", PrivateName), ("internal", PrivateName), ("metadata.google.internal", PrivateName), ("METADATA.google.internal.", PrivateName), ("host.docker.internal", PrivateName), ("ip-10-0-0-1.ec2.internal", PrivateName),
    ("ｌｏｃａｌｈｏｓｔ", PrivateName), ("ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", PrivateName), ("𝐥𝐨𝐜𝐚𝐥𝐡𝐨𝐬𝐭", PrivateName), ("localhost．", PrivateName), ("localhost。", PrivateName), ("localhost｡", PrivateName), ("printer．local", PrivateName), ("printer。ｌｏｃａｌ", PrivateName), ("loc\u{ad}alhost", PrivateName), ("local\u{200b}host", PrivateName), ("\u{feff}localhost", PrivateName), ("localhoſt", PrivateName), ("ℓocalhost", PrivateName), ("metadata.google.ｉｎｔｅｒｎａｌ", PrivateName), ("metadata.google.ınternal", Name("metadata.google.xn--nternal-qfb")),
    // Digits and dots of other scripts
    ("１２７.０.０.１", Private), ("127。0。0。1", Private), ("127．0．0．1", Private), ("①②⑦.⓪.⓪.①", Private), ("𝟏𝟐𝟕.𝟎.𝟎.𝟏", Private), ("1²7.0.0.1", Private), ("１２７.１", Invalid(NotIpv4)), ("２１３０７０６４３３", Invalid(NotIpv4)), ("0ｘ7f.1", Invalid(NotIpv4)), ("８.８.８.８", Address("8.8.8.8")), ("169.254.169.2５4", Private), ("127\u{ad}.0.0.1", Private), ("127.0.0.1。", Invalid(NotIpv4)), ("١٢٧.0.0.1", Invalid(Character)),
    ("：：1", Invalid(Character)), ("［::1］", Invalid(NotIpv6)), ("⒈1.1.1", Invalid(Character)), ("１０。０。０。１", Private),

    // Names
    ("db.example.com", Name("db.example.com")), ("DB.Example.COM", Name("db.example.com")), ("db.example.com.", Name("db.example.com")), ("db", Name("db")), ("my_db", Name("my_db")), ("_postgresql._tcp.example.com", Name("_postgresql._tcp.example.com")), ("r3---sn-4g5e6nzs.example.com", Name("r3---sn-4g5e6nzs.example.com")),
    ("aws-0-eu-central-1.pooler.supabase.com", Name("aws-0-eu-central-1.pooler.supabase.com")), ("ep-cool-darkness-123456.us-east-2.aws.neon.tech", Name("ep-cool-darkness-123456.us-east-2.aws.neon.tech")), ("ec2-52-1-2-3.compute-1.amazonaws.com", Name("ec2-52-1-2-3.compute-1.amazonaws.com")), ("127.0.0.1.nip.io", Name("127.0.0.1.nip.io")), ("1.2.3.4.example.com", Name("1.2.3.4.example.com")), ("7f000001.example", Name("7f000001.example")), ("localhost.example.com", Name("localhost.example.com")), ("local.example.com", Name("local.example.com")), ("notlocal", Name("notlocal")), ("localhost.localdomain", Name("localhost.localdomain")), ("ip6-localhost", Name("ip6-localhost")), ("0x7f.example.com", Name("0x7f.example.com")),
    ("bücher.example", Name("xn--bcher-kva.example")), ("BÜCHER.example", Name("xn--bcher-kva.example")), ("xn--bcher-kva.example", Name("xn--bcher-kva.example")), ("faß.example", Name("xn--fa-hia.example")), ("例え.テスト", Name("xn--r8jz45g.xn--zckzah")), ("пример.рф", Name("xn--e1afmkfd.xn--p1ai")), ("db。example。com", Name("db.example.com")), ("ｄｂ．ｅｘａｍｐｌｅ．ｃｏｍ", Name("db.example.com")),
    ("xn--localhost-", Invalid(Character)), ("xn--a", Invalid(Character)), ("xn--", Invalid(Character)), ("xn--bcher-kva8445foa", Name("xn--bcher-kva8445foa")), ("xn--ls8h=", Invalid(ConnectionString)),
    ("-db.example.com", Invalid(Character)), ("db-.example.com", Invalid(Character)), ("db.-example.com", Invalid(Character)), ("-", Invalid(Character)), ("*.example.com", Invalid(Character)), ("db!.example.com", Invalid(Character)), ("db'example", Invalid(Character)), ("\"db\"", Invalid(Character)), ("a;b", Invalid(Character)), ("$(id)", Invalid(Character)), ("`id`", Invalid(Character)), ("a|b", Invalid(Character)), ("a&b", Invalid(Character)), ("<db>", Invalid(Character)), ("a?b", Invalid(Character)), ("a#b", Invalid(Character)), ("db\\example", Invalid(Character)), ("~", Invalid(Character)), ("db%2eexample.com", Invalid(Character)), ("127%2e0.0.1", Invalid(Character)), ("\u{202e}moc.bd", Invalid(Character)), ("db\u{200e}.example.com", Invalid(Character)), ("\u{1f418}.example", Name("xn--go8h.example")), ("℀.example", Invalid(Character)), ("\u{fffd}", Invalid(Character)), ("\u{e000}.com", Invalid(Character)),
    ("", Invalid(Empty)), (".", Invalid(Empty)), ("\u{ad}", Invalid(Empty)), ("..", Invalid(EmptyLabel)), ("a..b", Invalid(EmptyLabel)), (".example.com", Invalid(EmptyLabel)), ("db.example.com..", Invalid(EmptyLabel)), ("\u{200b}.example.com", Invalid(EmptyLabel)),

    // More than a host
    ("postgres://u:p@db.example.com/shop", Invalid(Url)), ("postgresql://127.0.0.1", Invalid(Url)), ("jdbc:postgresql://db.example.com:5432/shop", Invalid(Url)), ("http://169.254.169.254/latest/meta-data", Invalid(Url)), ("tcp://db", Invalid(Url)), ("//db.example.com", Invalid(SocketPath)),
    ("host=localhost", Invalid(ConnectionString)), ("host=db port=5432 password=x", Invalid(ConnectionString)), ("db.example.com options=-c", Invalid(ConnectionString)), ("hostaddr=127.0.0.1", Invalid(ConnectionString)),
    ("/var/run/postgresql", Invalid(SocketPath)), ("/tmp", Invalid(SocketPath)), ("/", Invalid(SocketPath)), ("\\\\.\\pipe", Invalid(SocketPath)), ("@abstract", Invalid(User)), ("@", Invalid(User)), ("user@db.example.com", Invalid(User)), ("8.8.8.8@127.0.0.1", Invalid(User)), ("db.example.com/shop", Invalid(Slash)), ("127.0.0.1/8", Invalid(Slash)), ("8.8.8.8/", Invalid(Slash)),
    ("a,b", Invalid(List)), ("8.8.8.8,127.0.0.1", Invalid(List)), ("db.example.com,", Invalid(List)), (",", Invalid(List)), ("[::1],8.8.8.8", Invalid(List)),
    (" db.example.com", Invalid(Blank)), ("db.example.com ", Invalid(Blank)), ("db example com", Invalid(Blank)), ("127.0.0.1 ", Invalid(Blank)), (" 127.0.0.1", Invalid(Blank)), ("127.0.0.1 x", Invalid(Blank)), ("db\u{a0}example", Invalid(Blank)), ("db\u{3000}", Invalid(Blank)), (" ", Invalid(Blank)),
    ("db\0", Invalid(ControlCharacter)), ("127.0.0.1\0.example.com", Invalid(ControlCharacter)), ("\0", Invalid(ControlCharacter)), ("db\n", Invalid(ControlCharacter)), ("db\r\nHost: x", Invalid(ControlCharacter)), ("\tdb", Invalid(ControlCharacter)), ("db\u{7f}", Invalid(ControlCharacter)), ("db\u{85}", Invalid(ControlCharacter)), ("\u{1b}[31m", Invalid(ControlCharacter)),
];

fn verdict(text: &str) -> (Result<Host, mycorr_egress::HostError>, bool) {
    let host = Host::parse(text);
    let private = host.as_ref().is_ok_and(|host| match host.address() {
        Some(address) => !policy::is_public(address),
        None => policy::is_private_name(&host.to_string()),
    });
    (host, private)
}

#[test]
fn every_host_of_the_table() {
    assert!(HOSTS.len() >= 250, "{}", HOSTS.len());
    crate::packets::say(&format!("COUNTED: {} host strings.", HOSTS.len()));
    let mut wrong = Vec::new();
    for &(text, want) in HOSTS {
        let (host, private) = verdict(text);
        let right = match (&host, want) {
            (Err(error), Invalid(wanted)) => *error == wanted,
            (Ok(host), Name(normal)) => !private && host.name() == Some(normal),
            (Ok(host), Address(normal)) => !private && host.address().is_some() && host.to_string() == normal,
            (Ok(host), Private) => private && host.address().is_some(),
            (Ok(host), PrivateName) => private && host.name().is_some(),
            _ => false,
        };
        if !right {
            wrong.push(format!("{text:?}: want {want:?}, got {host:?}, private: {private}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// IANA's special-purpose registries, and what is private besides: of each range the first address, the last and one
/// between stand in the table.
#[rustfmt::skip]
const RANGES: &[&str] = &[
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
    "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",
    "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23", "2001::/32", "2001:2::/48",
    "2001:3::/32", "2001:4:112::/48", "2001:10::/28", "2001:20::/28", "2001:30::/28", "2001:db8::/32", "2002::/16",
    "2620:4f:8000::/48", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
];

#[test]
fn every_special_range_stands_in_the_table() {
    let private: Vec<IpAddr> = HOSTS
        .iter()
        .filter(|(_, want)| *want == Private)
        .map(|(text, _)| Host::parse(text).unwrap().address().unwrap())
        .collect();
    let mut missing = Vec::new();
    for range in RANGES {
        let net: ipnet::IpNet = range.parse().unwrap();
        let (first, last) = (net.network(), net.broadcast());
        for end in [first, last] {
            if !private.contains(&end) {
                missing.push(format!("(\"{end}\", Private)"));
            }
        }
        if !private.iter().any(|&address| net.contains(&address) && address != first && address != last) {
            missing.push(format!("one between of {range}"));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join(", "));
}

#[test]
fn lengths() {
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    assert_eq!(longest.len(), 253);
    assert_eq!(Host::parse(&longest).unwrap().to_string(), longest);
    assert_eq!(Host::parse(&format!("{longest}.")).unwrap().to_string(), longest);
    for long in [format!("a{longest}"), "a".repeat(64), format!("{}.com", "ü".repeat(60)), "a".repeat(10_240)]
    {
        assert_eq!(Host::parse(&long), Err(TooLong), "{long}");
    }
}

#[test]
fn sentences_do_not_repeat_what_was_typed() {
    for &(text, _) in HOSTS.iter().filter(|(text, _)| text.len() > 8) {
        if let Err(error) = Host::parse(text) {
            assert!(!error.to_string().contains(text), "{error}");
        }
    }
}

/// An independent statement of what may never pass: octet by octet, as the RFCs say it.
fn forbidden(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => match address.octets() {
            [0 | 10 | 127, ..] | [169, 254, ..] | [192, 168, ..] | [192, 0, 0 | 2, _] | [224..=255, ..] => {
                true
            }
            [100, b, ..] => b & 0xc0 == 64,
            [172, b, ..] => b & 0xf0 == 16,
            [198, b, ..] if b & 0xfe == 18 => true,
            [198, 51, 100, _] | [203, 0, 113, _] | [192, 88, 99, _] | [168, 63, 129, 16] => true,
            _ => false,
        },
        IpAddr::V6(address) => match address.segments() {
            [a, ..] if a & 0xe000 != 0x2000 => true,
            [0x2001, b, ..] => b < 0x200 || b == 0xdb8,
            [0x2002, ..] => true,
            [0x3fff, b, ..] => b < 0x1000,
            _ => false,
        },
    }
}

/// Addresses near the forbidden ranges as often as far from them.
fn addresses() -> impl Strategy<Value = IpAddr> {
    let near = prop::sample::select(vec![
        [0u8, 0],
        [10, 0],
        [100, 64],
        [127, 0],
        [169, 254],
        [172, 16],
        [192, 0],
        [192, 88],
        [192, 168],
        [198, 18],
        [198, 51],
        [203, 0],
        [224, 0],
        [255, 255],
        [168, 63],
    ]);
    prop_oneof![
        any::<u32>().prop_map(|bits| IpAddr::V4(bits.into())),
        (near, -1i8..=1, any::<[u8; 2]>()).prop_map(|([a, b], step, [c, d])| IpAddr::from([
            a,
            b.wrapping_add_signed(step),
            c,
            d
        ])),
        any::<u128>().prop_map(|bits| IpAddr::V6(bits.into())),
        (
            prop::sample::select(vec![0u16, 0x64, 0x2001, 0x2002, 0x3fff, 0x3ffe, 0xfe80, 0xfd00]),
            0u16..0x1010,
            any::<u32>()
        )
            .prop_map(|(a, b, rest)| Ipv6Addr::new(
                a,
                b,
                0,
                0,
                0,
                0,
                (rest >> 16) as u16,
                rest as u16
            )
            .into()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn nothing_forbidden_is_public(address in addresses()) {
        prop_assert!(!(forbidden(address) && policy::is_public(address)), "{address}");
        // Mapped and NAT64 forms of anything stay out.
        if let IpAddr::V4(v4) = address {
            let bits = u128::from(u32::from(v4));
            prop_assert!(!policy::is_public(v4.to_ipv6_mapped().into()));
            prop_assert!(!policy::is_public(Ipv6Addr::from((0x64_ff9b << 96) | bits).into()));
            prop_assert!(!policy::is_public(Ipv6Addr::from((0x2002 << 112) | (bits << 80)).into()));
        }
    }

    #[test]
    fn addresses_parse_to_themselves(address in addresses()) {
        let host = Host::parse(&address.to_string()).unwrap();
        prop_assert_eq!(host.address(), Some(address));
        prop_assert_eq!(Host::parse(&host.to_string()), Ok(host));
    }

    /// A text of any kind is refused or becomes something that the resolver can only take for a name.
    #[test]
    fn parsing_never_panics_and_is_stable(text in prop_oneof![
        any::<String>(),
        "[0-9a-fxX.:\\[\\]%]{0,24}",
        "(xn--)?[a-z0-9-]{0,16}(\\.|。|．)?[０-９a-z.]{0,8}",
    ]) {
        if let Ok(host) = Host::parse(&text) {
            let normal = host.to_string();
            prop_assert_eq!(Host::parse(&normal), Ok(host.clone()));
            if let Some(name) = host.name() {
                prop_assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b)), "{}", name);
                let last = name.rsplit('.').next().unwrap();
                prop_assert!(!last.bytes().all(|b| b.is_ascii_digit()) && u64::from_str_radix(last.trim_start_matches("0x"), 16).is_err() || !last.starts_with("0x") && last.bytes().any(|b| !b.is_ascii_digit()), "{}", name);
            }
        }
    }
}
