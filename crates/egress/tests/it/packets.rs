//! The guard judged by packets: in a network namespace where every address is local, so that whatever is
//! dialled would be answered, nothing is sent for a refused host.

use crate::{
    dial::Lies,
    hosts::{HOSTS, Verdict},
};
use mycorr_egress::{DialError, Dialer, Host};
use std::{io::Write, process::Command, time::Duration};
use tokio::time::Instant;

pub(crate) const PORT: u16 = 5432;

/// Runs [`in_the_namespace`] in a process of its own, since a namespace belongs to a thread.
#[test]
fn no_packet_leaves_for_a_refused_host() {
    in_namespace("packets::in_the_namespace", "true");
}

/// Runs an ignored test of this binary in a namespace where every address is local, after a shell's commands, which
/// may write to the file `$1`.
pub(crate) fn in_namespace(test: &str, commands: &str) {
    let script = format!(
        "ip link set lo up && ip route add local 0.0.0.0/0 dev lo && ip -6 route add local ::/0 dev lo && {commands} \
         && exec \"$0\" --exact {test} --ignored --nocapture"
    );
    let file = format!("{}/{}", env!("CARGO_TARGET_TMPDIR"), test.replace("::", "-"));
    std::fs::write(&file, "").unwrap();
    let this = std::env::current_exe().unwrap();
    for flags in ["-nm", "-rnm"] {
        let possible = Command::new("unshare").args([flags, "ip", "link", "set", "lo", "up"]).output();
        if possible.is_ok_and(|output| output.status.success()) {
            let mut command = Command::new("unshare");
            command.args([flags, "sh", "-c", &script]).arg(&this).arg(&file);
            let output = command.output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
            assert!(said.contains("1 passed"), "{said}");
            for line in said.lines().filter(|line| line.contains("COUNTED")) {
                say(&line[line.find("COUNTED").unwrap_or(0)..]);
            }
            return;
        }
    }
    say("NOT TESTED: packets, since this user may not make a network namespace (unshare -n, ip).");
}

/// Where the tests' output shows it, also of a test that passes.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// TCP connections that this namespace tried to open, and segments that it sent, so far.
pub(crate) fn counters() -> (u64, u64) {
    let snmp = std::fs::read_to_string("/proc/self/net/snmp").unwrap();
    let mut tcp = snmp.lines().filter(|line| line.starts_with("Tcp:"));
    let (names, values) = (tcp.next().unwrap(), tcp.next().unwrap());
    let get = |wanted| {
        let at = names.split(' ').position(|name| name == wanted).unwrap();
        values.split(' ').nth(at).unwrap().parse().unwrap()
    };
    (get("ActiveOpens"), get("OutSegs"))
}

#[test]
#[ignore = "needs a namespace: run by no_packet_leaves_for_a_refused_host"]
fn in_the_namespace() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let _v4 = tokio::net::TcpListener::bind(("0.0.0.0", PORT)).await.unwrap();
        let _v6 = std::net::TcpListener::bind(("::1", PORT)).unwrap();
        let soon = || Instant::now() + Duration::from_secs(5);
        let truth = Lies::new(&[&["93.184.215.14"]]);
        let dialer = Dialer::with_resolver("".parse().unwrap(), truth.clone());

        // The counters see what is let through: an address of the table opens exactly one connection.
        let before = counters();
        let dialed = dialer.dial(&"8.8.8.8".parse().unwrap(), PORT, soon()).await.unwrap();
        assert_eq!(dialed.address.to_string(), "8.8.8.8:5432");
        assert_eq!(counters().0, before.0 + 1);
        // And loopback would have answered.
        let open = Dialer::with_resolver("0.0.0.0/0,::/0".parse().unwrap(), truth.clone());
        for here in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1"] {
            open.dial(&here.parse().unwrap(), PORT, soon()).await.unwrap();
        }
        drop(dialed);
        tokio::time::sleep(Duration::from_millis(100)).await;

        let refused: Vec<&str> = HOSTS
            .iter()
            .filter(|(_, want)| !matches!(want, Verdict::Name(_) | Verdict::Address(_)))
            .map(|&(text, _)| text)
            .collect();
        assert!(refused.len() >= 200, "{}", refused.len());
        for &text in &refused {
            let before = counters();
            if let Ok(host) = Host::parse(text) {
                let error = dialer.dial(&host, PORT, soon()).await.unwrap_err();
                assert!(matches!(error, DialError::PrivateAddress { .. }), "{text:?}: {error:?}");
            }
            assert_eq!(counters(), before, "a packet was sent for {text:?}");
        }
        assert!(truth.asked.lock().unwrap().is_empty(), "no name was asked for");

        println!("COUNTED: {} refused hosts for which no packet was sent.", refused.len());
        // DNS that lies: every private address of the table behind a public-looking name, alone and mixed.
        for &(text, _) in HOSTS.iter().filter(|(_, want)| *want == Verdict::Private) {
            let address = text.parse::<Host>().unwrap().address().unwrap();
            let private = address.to_string();
            for answers in
                [&[private.as_str()][..], &["93.184.215.14", &private], &[&private, "93.184.215.14"]]
            {
                let liar = Dialer::with_resolver("".parse().unwrap(), Lies::new(&[answers]));
                let before = counters();
                let error = liar.dial(&"db.example.com".parse().unwrap(), PORT, soon()).await.unwrap_err();
                assert!(
                    matches!(error, DialError::PrivateAddress { address: Some(a) } if a == address),
                    "{error:?}"
                );
                assert_eq!(counters(), before, "a packet was sent for {answers:?}");
            }
        }
    });
}
