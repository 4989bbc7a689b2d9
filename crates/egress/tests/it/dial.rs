//! The dialler against DNS that lies and servers that don't answer.

use async_trait::async_trait;
use mycorr_egress::{AllowList, DialError, Dialer, Host, Outcome, Resolver};
use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::Instant;

/// Gives one answer after another, the last one for ever.
pub(crate) struct Lies {
    answers: Mutex<Vec<Vec<IpAddr>>>,
    pub(crate) asked: Mutex<Vec<String>>,
}

impl Lies {
    pub(crate) fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |answer: &&[&str]| answer.iter().map(|a| a.parse().unwrap()).collect();
        Arc::new(Self { answers: Mutex::new(answers.iter().map(parse).collect()), asked: Mutex::default() })
    }
}

#[async_trait]
impl Resolver for Lies {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().unwrap().push(name.to_owned());
        let mut answers = self.answers.lock().unwrap();
        match answers.len() {
            0 => Err(io::Error::other("Name or service not known")),
            1 => Ok(answers[0].clone()),
            _ => Ok(answers.remove(0)),
        }
    }
}

struct Silent;

#[async_trait]
impl Resolver for Silent {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        std::future::pending().await
    }
}

fn host(text: &str) -> Host {
    text.parse().unwrap()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn dialer(allow: &str, lies: &Arc<Lies>) -> Dialer {
    Dialer::with_resolver(allow.parse().unwrap(), lies.clone())
}

fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

#[tokio::test]
async fn one_private_answer_refuses_them_all() {
    for (answers, culprit) in [
        (&["8.8.8.8", "127.0.0.1"][..], "127.0.0.1"),
        (&["169.254.169.254", "8.8.8.8"], "169.254.169.254"),
        (&["2606:4700:4700::1111", "::ffff:10.0.0.1"], "::ffff:10.0.0.1"),
        (&["8.8.8.8", "8.8.4.4", "2002:7f00:1::1"], "2002:7f00:1::1"),
        (&["8.8.8.8"; 9].map(|a| a), ""),
    ] {
        let dialer = dialer("", &Lies::new(&[answers]));
        match dialer.resolve(&host("db.example.com"), 5432, soon()).await {
            Err(DialError::PrivateAddress { address }) => {
                assert_eq!(address.unwrap().to_string(), culprit);
            }
            Ok(permitted) => {
                assert_eq!(culprit, "");
                assert_eq!(permitted.addresses().len(), 8, "only so many are tried");
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    // The ninth answer is not tried, but it is checked.
    let answers: Vec<&str> = [["8.8.8.8"; 8].as_slice(), &["10.0.0.1"]].concat();
    let dialer = dialer("", &Lies::new(&[&answers]));
    let error = dialer.resolve(&host("db.example.com"), 5432, soon()).await.unwrap_err();
    assert!(matches!(error, DialError::PrivateAddress { .. }), "{error:?}");
}

#[tokio::test]
async fn a_name_that_flips_is_asked_once() {
    let (listener, port) = listen();
    let lies = Lies::new(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let dialer = dialer("127.0.0.1", &lies);
    let dialed = dialer.dial(&host("flip.example.com"), port, soon()).await.unwrap();
    assert_eq!(dialed.address, SocketAddr::from(([127, 0, 0, 1], port)));
    assert_eq!(dialed.stream.peer_addr().unwrap(), dialed.address);
    assert_eq!(lies.asked.lock().unwrap().as_slice(), ["flip.example.com"]);
    listener.accept().unwrap();
    // The next use asks again, and is refused although the first one was fine.
    let error = dialer.dial(&host("flip.example.com"), port, soon()).await.unwrap_err();
    assert!(matches!(error, DialError::PrivateAddress { address: Some(a) } if a.to_string() == "127.0.0.2"));
    assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn private_names_are_not_even_asked_for() {
    let lies = Lies::new(&[&["8.8.8.8"]]);
    for name in ["localhost", "LOCALHOST.", "a.localhost", "db.local", "metadata.google.internal"] {
        let error = dialer("127.0.0.0/8,8.8.8.8", &lies).dial(&host(name), 5432, soon()).await.unwrap_err();
        assert!(matches!(error, DialError::PrivateAddress { address: None }), "{name}: {error:?}");
        assert!(error.tried().is_empty());
    }
    assert!(lies.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_operators_list_lets_through() {
    let (_listener, port) = listen();
    let lies = Lies::new(&[&["127.0.0.1"]]);
    for (allow, name, opens) in [
        ("127.0.0.1".to_owned(), "127.0.0.1", true),
        ("127.0.0.0/8".to_owned(), "127.0.0.1", true),
        (format!("127.0.0.1:{port}"), "127.0.0.1", true),
        (format!("127.0.0.1:{}", port ^ 1), "127.0.0.1", false),
        ("127.0.0.1".to_owned(), "db.example.com", true),
        ("localhost".to_owned(), "localhost", true),
        (format!("localhost:{port}"), "LOCALHOST.", true),
        ("localhost".to_owned(), "127.0.0.1", false),
        ("localhost".to_owned(), "db.example.com", false),
        ("127.0.0.1".to_owned(), "localhost", false),
        ("db.example.com".to_owned(), "db.example.com", true),
        ("example.com".to_owned(), "db.example.com", false),
        ("10.0.0.0/8,::1".to_owned(), "127.0.0.1", false),
        (String::new(), "127.0.0.1", false),
    ] {
        let result = dialer(&allow, &lies).dial(&host(name), port, soon()).await;
        assert_eq!(result.is_ok(), opens, "{allow:?} {name}: {result:?}");
    }
}

#[tokio::test]
async fn redial_checks_the_address_again() {
    let (listener, port) = listen();
    let lies = Lies::new(&[]);
    let here = SocketAddr::from(([127, 0, 0, 1], port));
    let db = host("db.example.com");
    let dialed = dialer("db.example.com", &lies).redial(&db, here, soon()).await.unwrap();
    assert_eq!(dialed.address, here);
    listener.accept().unwrap();
    for (allow, name) in [("", "db.example.com"), ("127.0.0.1", "localhost")] {
        let error = dialer(allow, &lies).redial(&host(name), here, soon()).await.unwrap_err();
        assert!(matches!(error, DialError::PrivateAddress { .. }), "{error:?}");
    }
    assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    assert!(lies.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn addresses_are_tried_in_order() {
    let (_listener, port) = listen();
    // Nobody listens on 127.0.0.2 and 127.0.0.3 at this port.
    let lies = Lies::new(&[&["127.0.0.2", "127.0.0.3", "127.0.0.1"], &["127.0.0.2", "127.0.0.3"]]);
    let dialer = dialer("127.0.0.0/8", &lies);
    let dialed = dialer.dial(&host("db.example.com"), port, soon()).await.unwrap();
    let outcomes: Vec<_> = dialed.tried.iter().map(|a| (a.address.ip().to_string(), a.outcome)).collect();
    assert_eq!(
        outcomes,
        [
            ("127.0.0.2".to_owned(), Outcome::Refused),
            ("127.0.0.3".to_owned(), Outcome::Refused),
            ("127.0.0.1".to_owned(), Outcome::Connected),
        ]
    );
    let error = dialer.dial(&host("db.example.com"), port, soon()).await.unwrap_err();
    assert!(matches!(&error, DialError::Refused { tried } if tried.len() == 2), "{error:?}");
}

#[tokio::test]
async fn names_without_an_answer() {
    for lies in [Lies::new(&[]), Lies::new(&[&[]])] {
        let error = dialer("", &lies).dial(&host("nowhere.example.com"), 5432, soon()).await.unwrap_err();
        assert!(matches!(error, DialError::NotFound { .. }), "{error:?}");
    }
    let dialer = Dialer::with_resolver(AllowList::default(), Arc::new(Silent));
    let deadline = Instant::now() + Duration::from_millis(50);
    let error = dialer.dial(&host("slow.example.com"), 5432, deadline).await.unwrap_err();
    assert!(matches!(&error, DialError::TimedOut { tried } if tried.is_empty()), "{error:?}");
}

/// A listener whose queue is full leaves a SYN unanswered, as a firewall that drops packets does.
#[tokio::test]
async fn a_silent_address_leaves_time_for_the_next() {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 9], 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let silent = socket.local_addr().unwrap().as_socket().unwrap();
    let dialer = dialer("127.0.0.0/8", &Lies::new(&[&["127.0.0.9", "127.0.0.1"]]));
    let _fill: Vec<_> = {
        let full = host("127.0.0.9");
        let mut open = Vec::new();
        while let Ok(dialed) =
            dialer.dial(&full, silent.port(), Instant::now() + Duration::from_millis(200)).await
        {
            open.push(dialed);
        }
        open
    };
    let _listener = TcpListener::bind(("127.0.0.1", silent.port())).unwrap();
    let deadline = Instant::now() + Duration::from_secs(3);
    let dialed = dialer.dial(&host("db.example.com"), silent.port(), deadline).await.unwrap();
    assert_eq!(dialed.tried[0].outcome, Outcome::TimedOut);
    assert_eq!(dialed.tried[1].outcome, Outcome::Connected);
}

#[tokio::test]
async fn the_systems_resolver_answers() {
    let (_listener, port) = listen();
    let dialer = Dialer::new("localhost".parse().unwrap());
    let dialed = dialer.dial(&host("localhost"), port, soon()).await.unwrap();
    assert!(dialed.address.ip().is_loopback());
}
