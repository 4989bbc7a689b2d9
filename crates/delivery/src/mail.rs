//! Mail by SMTP, to the server that the operator names.

use crate::{Undelivered, lost, not_connected, tls, too_slow};
use lettre::{
    Message,
    message::{Mailbox, MultiPart},
    transport::smtp::{
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, AsyncTokioStream},
        extension::ClientId,
    },
};
use mycorr_domain::{Code, Problem, Result, Secret};
use mycorr_egress::{AllowList, Dialer, Host};
use std::{
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    time::{Instant, timeout_at},
};
use url::Url;

/// For one mail.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Of a line in a server's answer (RFC 5321, section 4.5.3.1.5, allows 512), and how many of them an answer has.
const MAX_LINE_BYTES: usize = 1024;
const MAX_LINES: usize = 100;

/// When a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encryption {
    /// From its first byte (RFC 8314).
    Implicit,
    /// By STARTTLS, or there is none.
    Required,
    /// By STARTTLS where the server offers it.
    Offered,
    Never,
}

/// Where mail is handed over: `smtps://user:password@host:465`, `smtp://host:25`, with `?tls=required` or `?tls=never`.
#[derive(Clone)]
pub struct MailServer {
    host: Host,
    port: u16,
    encryption: Encryption,
    credentials: Option<(String, Secret)>,
}

impl MailServer {
    /// # Errors
    /// A sentence for the operator, without the password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text)
            .map_err(|_| "it is written like smtps://user:password@smtp.example.com".to_owned())?;
        let tls = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value.into_owned());
        let (encryption, port) = match (url.scheme(), tls.as_deref()) {
            ("smtps", None) => (Encryption::Implicit, 465),
            ("smtp", None) => (Encryption::Offered, 25),
            ("smtp", Some("required")) => (Encryption::Required, 587),
            ("smtp", Some("never")) => (Encryption::Never, 25),
            ("smtp", Some(_)) => return Err("tls is required or never".to_owned()),
            _ => return Err("it begins with smtps:// or smtp://".to_owned()),
        };
        let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let host = Host::parse(host).map_err(|error| format!("its host is not valid: {error}"))?;
        let decode = |text: &str| {
            let pair = format!("x={}", text.replace('+', "%2B"));
            url::form_urlencoded::parse(pair.as_bytes())
                .next()
                .map(|(_, value)| value.into_owned())
                .unwrap_or_default()
        };
        let credentials =
            url.password().map(|password| (decode(url.username()), Secret::new(decode(password))));
        Ok(Self { host, port: url.port().unwrap_or(port), encryption, credentials })
    }
}

impl fmt::Debug for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailServer({}:{})", self.host, self.port)
    }
}

/// One mail, as text that becomes a plain and an HTML part.
#[derive(Clone, Debug)]
pub struct Mail<'a> {
    /// The same at each attempt: receivers drop what they have already.
    pub id: &'a str,
    pub to: &'a str,
    pub subject: &'a str,
    pub text: &'a str,
    /// What can be done, and where.
    pub action: (&'a str, &'a str),
    /// Why it was sent.
    pub reason: &'a str,
}

const TEXT: &str = include_str!("../templates/mail.txt");
const HTML: &str = include_str!("../templates/mail.html");

fn fill(template: &str, mail: &Mail<'_>, escape: impl Fn(&str) -> String) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        filled += before;
        filled += &escape(match name {
            "subject" => mail.subject,
            "text" => mail.text,
            "action" => mail.action.0,
            "url" => mail.action.1,
            "reason" => mail.reason,
            _ => "",
        });
        rest = after;
    }
    filled + rest
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Hands mail over to a server.
#[derive(Clone, Debug)]
pub struct Mailer {
    server: MailServer,
    from: Mailbox,
    dialer: Dialer,
}

impl Mailer {
    /// `from` is an address, or a name with one in angle brackets.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn new(server: MailServer, from: &str) -> Result<Self, String> {
        let from = from.parse().map_err(|_| "it is written like Mycorr <mycorr@example.com>".to_owned())?;
        // The operator names this one host, private or not.
        let place = match server.host.address() {
            Some(address) if address.is_ipv6() => format!("[{address}]:{}", server.port),
            _ => format!("{}:{}", server.host, server.port),
        };
        let allow: AllowList = place.parse().map_err(|error| format!("its host can't be read: {error}"))?;
        Ok(Self { server, from, dialer: Dialer::new(allow) })
    }

    /// Hands one mail over.
    ///
    /// # Errors
    /// Where the server did not take it.
    pub async fn send(&self, mail: &Mail<'_>) -> Result<(), Undelivered> {
        let not_valid = |error: &dyn fmt::Display| Undelivered {
            problem: Problem::new(Code::Invalid, "The address can't be written to.").internal(error),
            permanent: true,
        };
        let to = mail.to.parse::<Mailbox>().map_err(|error| not_valid(&error))?;
        let domain = self.from.email.domain();
        let message = Message::builder()
            .message_id(Some(format!("<{}@{domain}>", mail.id)))
            .from(self.from.clone())
            .to(to)
            .subject(mail.subject)
            .multipart(MultiPart::alternative_plain_html(
                fill(TEXT, mail, str::to_owned),
                fill(HTML, mail, escaped),
            ))
            .map_err(|error| not_valid(&error))?;
        let deadline = Instant::now() + TIMEOUT;
        timeout_at(deadline, self.hand_over(&message, deadline)).await.map_err(|_| too_slow())?
    }

    async fn hand_over(&self, message: &Message, deadline: Instant) -> Result<(), Undelivered> {
        let hello = ClientId::default();
        let stream = self.connect(&hello, deadline).await?;
        let mut connection =
            AsyncSmtpConnection::connect_with_transport(stream, &hello).await.map_err(refused)?;
        if let Some((name, password)) = &self.server.credentials {
            let credentials = Credentials::new(name.clone(), password.expose().to_owned());
            connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await.map_err(refused)?;
        }
        connection.send(message.envelope(), &message.formatted()).await.map_err(refused)?;
        // It is taken; how the connection ends is no matter.
        let _ = connection.quit().await;
        Ok(())
    }

    async fn connect(
        &self,
        hello: &ClientId,
        deadline: Instant,
    ) -> Result<Box<dyn AsyncTokioStream>, Undelivered> {
        let dialed =
            self.dialer.dial(&self.server.host, self.server.port, deadline).await.map_err(not_connected)?;
        let (mut stream, peer) = (dialed.stream, dialed.address);
        let host = self.server.host.to_string();
        if self.server.encryption == Encryption::Implicit {
            let stream = tls::encrypt(stream, &host).await?;
            return Ok(Box::new(Greeted { greeting: b"", stream, peer }));
        }
        answer(&mut stream, "220").await?;
        stream.write_all(format!("EHLO {hello}\r\n").as_bytes()).await.map_err(lost)?;
        let offers = answer(&mut stream, "250").await?;
        let offered =
            offers.iter().any(|line| line[4.min(line.len())..].trim().eq_ignore_ascii_case("STARTTLS"));
        let wanted = match self.server.encryption {
            Encryption::Never => false,
            Encryption::Offered => offered,
            Encryption::Required | Encryption::Implicit => true,
        };
        // To send a password in clear is not for an operator to find out afterwards.
        let exposed = self.server.credentials.is_some() && !peer.ip().is_loopback();
        if !offered && (wanted || exposed && self.server.encryption == Encryption::Offered) {
            return Err(Undelivered::transient(Problem::new(
                Code::EncryptionUnsupported,
                "The mail server does not offer encryption (STARTTLS).",
            )));
        }
        if !wanted {
            return Ok(Box::new(Greeted { greeting: GREETING, stream, peer }));
        }
        stream.write_all(b"STARTTLS\r\n").await.map_err(lost)?;
        answer(&mut stream, "220").await?;
        let stream = tls::encrypt(stream, &host).await?;
        Ok(Box::new(Greeted { greeting: GREETING, stream, peer }))
    }
}

/// One answer of the server, without a byte of what follows: what stands there before encryption begins is not believed.
async fn answer(stream: &mut TcpStream, code: &str) -> Result<Vec<String>, Undelivered> {
    let mut lines = Vec::new();
    loop {
        let mut line = Vec::new();
        while !line.ends_with(b"\n") && line.len() < MAX_LINE_BYTES {
            line.push(stream.read_u8().await.map_err(lost)?);
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if !line.starts_with(code) || lines.len() == MAX_LINES {
            return Err(lost(format!("an answer that does not begin with {code}")));
        }
        let last = line.as_bytes().get(3) != Some(&b'-');
        lines.push(line);
        if last {
            return Ok(lines);
        }
    }
}

/// 5xx is the server's last word (RFC 5321, section 4.2.1).
fn refused(error: lettre::transport::smtp::Error) -> Undelivered {
    let permanent = error.is_permanent();
    let problem = match error.status() {
        Some(code) => {
            Problem::new(Code::Forbidden, format!("The mail server refused it with the code {code}."))
        }
        None => Problem::new(Code::ConnectionLost, "The mail server did not take it."),
    };
    Undelivered { problem: problem.internal(error), permanent }
}

const GREETING: &[u8] = b"220 ready\r\n";

/// A stream whose server has greeted already.
#[derive(Debug)]
struct Greeted<S> {
    greeting: &'static [u8],
    stream: S,
    peer: SocketAddr,
}

impl<S: AsyncRead + Unpin> AsyncRead for Greeted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.greeting.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let (now, rest) = self.greeting.split_at(self.greeting.len().min(buf.remaining()));
        buf.put_slice(now);
        self.greeting = rest;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Greeted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin + fmt::Debug> AsyncTokioStream for Greeted<S> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers() {
        let parse =
            |text| MailServer::parse(text).map(|one| (one.port, one.encryption, one.credentials.is_some()));
        assert_eq!(parse("smtps://u:p@smtp.example.com"), Ok((465, Encryption::Implicit, true)));
        assert_eq!(parse("smtp://127.0.0.1:1025"), Ok((1025, Encryption::Offered, false)));
        assert_eq!(parse("smtp://[::1]"), Ok((25, Encryption::Offered, false)));
        assert_eq!(parse("smtp://u:p@h.example.com?tls=required"), Ok((587, Encryption::Required, true)));
        for bad in
            ["", "smtp.example.com", "http://a", "smtp://", "smtp://a?tls=maybe", "smtps://a?tls=never"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
        let server = MailServer::parse("smtps://a%40b:p%3A+%2Fs@smtp.example.com").unwrap();
        let (name, password) = server.credentials.clone().unwrap();
        assert_eq!((name.as_str(), password.expose()), ("a@b", "p:+/s"));
        assert!(!format!("{server:?}").contains("p:"));
    }

    #[test]
    fn html_is_escaped_and_no_place_is_left_open() {
        let mail = Mail {
            id: "1",
            to: "a@example.org",
            subject: "<b>",
            text: "one & two {{url}}",
            action: ("Open", "https://example.org/?a=1&b=2"),
            reason: "\"you\"",
        };
        let html = fill(HTML, &mail, escaped);
        for part in [
            "&lt;b&gt;",
            "one &amp; two {{url}}",
            "href=\"https://example.org/?a=1&amp;b=2\"",
            "&quot;you&quot;",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
        let text = fill(TEXT, &mail, str::to_owned);
        assert!(
            text.contains("one & two {{url}}") && text.contains("https://example.org/?a=1&b=2"),
            "{text}"
        );
        for template in [TEXT, HTML] {
            for name in ["text", "action", "url", "reason"] {
                assert!(template.contains(&format!("{{{{{name}}}}}")), "{name}");
            }
        }
    }
}
