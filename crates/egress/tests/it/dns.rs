//! A name server that lies, asked by the system's own resolver: in a network namespace where every address is local,
//! and in a mount namespace whose resolv.conf names it. Judged by packets, as in `packets.rs`.

use crate::packets::{PORT, counters, in_namespace};
use mycorr_egress::{DialError, Dialer, Host};
use std::{
    net::UdpSocket,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};
use tokio::time::Instant;

#[test]
fn a_name_server_that_lies_leads_nowhere() {
    let script = "printf 'nameserver 127.0.0.53\\noptions timeout:1 attempts:1\\n' >\"$1\" && mount --bind \"$1\" /etc/resolv.conf";
    in_namespace("dns::in_the_namespace", script);
}

/// A CNAME or an address.
enum Record {
    Alias(&'static str),
    V4([u8; 4]),
    V6([u8; 16]),
}
use Record::{Alias, V4, V6};

const PUBLIC: [u8; 4] = [93, 184, 215, 14];
const MAPPED: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 5];
const LOCAL: [u8; 16] = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

/// What is said of a name, the first time and later, each record with whose it is.
fn said(name: &str, before: usize) -> Vec<(&'static str, Record)> {
    match name {
        "good.example.com" => vec![("good.example.com", V4(PUBLIC))],
        "alias.example.com" => {
            vec![("alias.example.com", Alias("db.internal")), ("db.internal", V4([10, 0, 0, 5]))]
        }
        "chain.example.com" => vec![
            ("chain.example.com", Alias("next.example.net")),
            ("next.example.net", Alias("localhost")),
            ("localhost", V4([127, 0, 0, 1])),
        ],
        "mixed.example.com" => {
            vec![("mixed.example.com", V4(PUBLIC)), ("mixed.example.com", V4([169, 254, 169, 254]))]
        }
        "zero.example.com" => vec![("zero.example.com", V4([0, 0, 0, 0]))],
        "mapped.example.com" => vec![("mapped.example.com", V6(MAPPED))],
        "local6.example.com" => vec![("local6.example.com", V6(LOCAL)), ("local6.example.com", V4(PUBLIC))],
        "flip.example.com" if before == 0 => vec![("flip.example.com", V4(PUBLIC))],
        "flip.example.com" => vec![("flip.example.com", V4([192, 168, 1, 1]))],
        _ => Vec::new(),
    }
}

/// RFC 1035, section 4: labels, each behind its length.
fn labels(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for label in name.split('.') {
        out.push(label.len() as u8);
        out.extend(label.as_bytes());
    }
    out.push(0);
    out
}

fn name_server(socket: &UdpSocket) {
    let flips = AtomicUsize::new(0);
    let mut question = [0; 512];
    while let Ok((length, from)) = socket.recv_from(&mut question) {
        let question = &question[..length];
        let (mut at, mut name) = (12, String::new());
        while question[at] != 0 {
            let label = &question[at + 1..at + 1 + usize::from(question[at])];
            if !name.is_empty() {
                name.push('.');
            }
            name.push_str(&String::from_utf8_lossy(label).to_lowercase());
            at += 1 + label.len();
        }
        let kind = question[at + 2];
        let end = at + 5;
        // Of the two questions (A and AAAA) the first one counts.
        let before =
            if name == "flip.example.com" && kind == 1 { flips.fetch_add(1, Ordering::SeqCst) } else { 0 };
        let mut answers = Vec::new();
        let mut count = 0u16;
        for (of, record) in said(&name, before) {
            let (number, data) = match record {
                Alias(to) => (5, labels(to)),
                V4(address) => (1, address.to_vec()),
                V6(address) => (28, address.to_vec()),
            };
            if number != 5 && number != kind {
                continue;
            }
            count += 1;
            answers.extend(labels(of));
            answers.extend([0, number, 0, 1, 0, 0, 0, 0]);
            answers.extend((data.len() as u16).to_be_bytes());
            answers.extend(data);
        }
        let mut answer =
            [&question[..2], &[0x81, 0x80, 0, 1][..], &count.to_be_bytes(), &[0, 0, 0, 0]].concat();
        answer.extend(&question[12..end]);
        answer.extend(answers);
        let _ = socket.send_to(&answer, from);
    }
}

#[test]
#[ignore = "needs a namespace: run by a_name_server_that_lies_leads_nowhere"]
fn in_the_namespace() {
    let socket = UdpSocket::bind("127.0.0.53:53").unwrap();
    std::thread::spawn(move || name_server(&socket));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let _v4 = tokio::net::TcpListener::bind(("0.0.0.0", PORT)).await.unwrap();
        let dialer = Dialer::new("".parse().unwrap());
        let dial = async |name: &str| {
            dialer.dial(&name.parse::<Host>().unwrap(), PORT, Instant::now() + Duration::from_secs(5)).await
        };
        // The name server is asked, and what is public is dialled.
        for name in ["good.example.com", "flip.example.com"] {
            let before = counters();
            assert_eq!(dial(name).await.unwrap().address.to_string(), "93.184.215.14:5432");
            assert_eq!(counters().0, before.0 + 1);
        }
        // Connections end with packets of their own.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let lies = ["alias", "chain", "mixed", "zero", "mapped", "local6", "flip"];
        for name in lies {
            let before = counters();
            let error = dial(&format!("{name}.example.com")).await.unwrap_err();
            assert!(matches!(error, DialError::PrivateAddress { address: Some(_) }), "{name}: {error:?}");
            assert_eq!(counters(), before, "a packet was sent for {name}");
        }
        println!("COUNTED: {} lies of a name server.", lies.len());
    });
}
