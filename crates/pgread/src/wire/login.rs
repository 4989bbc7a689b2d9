//! Start-up: SSLRequest, TLS, StartupMessage and authentication, until the first ReadyForQuery.

use super::{
    failure::{AuthenticationRefusal, Failure, ServerError},
    scram::{ChannelBinding, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, Scram},
    stream::{Wire, WireLimits},
};
use crate::tls::{self, Verification};
use mycorr_domain::{Endpoint, Secret};
use postgres_protocol::{
    authentication::md5_hash,
    message::{backend::Message, frontend},
};
use std::time::Duration;
use tokio::{io::AsyncReadExt, io::AsyncWriteExt, net::TcpStream, time::Instant};

/// What is received before the log-in is over may not exceed this: an honest server sends a few hundred bytes.
const MAX_LOGIN_BYTES: u64 = 1 << 20;

/// How the role proved who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// The server asked for nothing (`trust`, or a certificate that we don't have).
    None,
    ClearPassword,
    Md5,
    ScramSha256,
    /// Bound to the TLS channel (RFC 5929, tls-server-end-point).
    ScramSha256Plus,
}

impl Method {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::None => "no password asked",
            Self::ClearPassword => "password",
            Self::Md5 => "md5",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
        }
    }
}

/// What CancelRequest needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CancelKey {
    pub(crate) process_id: i32,
    pub(crate) secret_key: i32,
}

/// A connection whose transport stands, and that may be logged in.
pub(crate) struct Opened {
    pub(crate) wire: Wire,
    pub(crate) encryption: Option<tls::Encryption>,
}

/// What the server told at log-in.
pub(crate) struct LoggedIn {
    pub(crate) cancel: Option<CancelKey>,
    /// ParameterStatus `server_version`, e.g. `15.8 (Debian 15.8-0+deb12u1)`.
    pub(crate) version: String,
    /// ParameterStatus `integer_datetimes`: whether binary timestamps are integers.
    pub(crate) integer_datetimes: bool,
}

/// Encrypts as `verification` says; `None` stays in clear.
pub(crate) async fn open(
    mut stream: TcpStream,
    host: &str,
    verification: Option<&Verification>,
    deadline: Instant,
) -> Result<Opened, Failure> {
    let limits = WireLimits {
        idle: Duration::from_secs(3600),
        deadline: Some(deadline),
        message: MAX_LOGIN_BYTES as usize,
        room: 16 << 10,
    };
    let Some(verification) = verification else {
        return Ok(Opened { wire: Wire::plain(stream, limits), encryption: None });
    };
    let handshake = async {
        let mut request = bytes::BytesMut::new();
        frontend::ssl_request(&mut request);
        stream.write_all(&request).await?;
        // Room for more than the one byte of the answer: whoever puts bytes behind it wants them taken for
        // encrypted ones (CVE-2021-23222).
        let mut answer = [0; 16];
        match stream.read(&mut answer).await? {
            0 => Err(Failure::Lost(std::io::ErrorKind::UnexpectedEof.into())),
            1 if answer[0] == b'S' => tls::handshake(stream, host, verification).await,
            1 if answer[0] == b'N' => Err(Failure::NoTls),
            _ if answer[0] == b'S' => Err(Failure::Protocol("bytes after the answer to SSLRequest".into())),
            _ if answer[0] == b'N' => Err(Failure::NoTls),
            // Whatever text follows is unencrypted, anybody can have written it: it is dropped.
            _ if answer[0] == b'E' => {
                Err(Failure::Protocol("an error in clear as the answer to SSLRequest".into()))
            }
            _ => Err(Failure::NotPostgresql("unknown answer to SSLRequest")),
        }
    };
    let (stream, encryption) =
        tokio::time::timeout_at(deadline, handshake).await.map_err(|_| Failure::TimedOut)??;
    Ok(Opened { wire: Wire::tls(stream, limits), encryption: Some(encryption) })
}

/// The states between StartupMessage and AuthenticationOk, then until ReadyForQuery.
pub(crate) struct Login<'a> {
    wire: &'a mut Wire,
    encryption: Option<&'a tls::Encryption>,
    method: Method,
}

impl<'a> Login<'a> {
    pub(crate) fn new(opened: &'a mut Opened) -> Self {
        Self { wire: &mut opened.wire, encryption: opened.encryption.as_ref(), method: Method::None }
    }

    /// Sends StartupMessage and authenticates. No parameter but user and database is sent: poolers refuse
    /// `options`, and would send `SET` to the server for others.
    pub(crate) async fn authenticate(
        &mut self,
        endpoint: &Endpoint,
        password: &Secret,
    ) -> Result<Method, Failure> {
        let parameters = [("user", endpoint.username.as_str()), ("database", endpoint.database.as_str())];
        frontend::startup_message(parameters, &mut self.wire.output)?;
        self.wire.flush().await?;
        self.check_first_byte().await?;
        loop {
            match self.message().await? {
                Message::AuthenticationOk => return Ok(self.method),
                Message::AuthenticationMd5Password(body) => {
                    let (user, password) = (endpoint.username.as_str(), password.expose());
                    let hash = md5_hash(user.as_bytes(), password.as_bytes(), body.salt());
                    self.password(hash.as_bytes(), Method::Md5).await?;
                }
                Message::AuthenticationCleartextPassword if self.encryption.is_some() => {
                    self.password(password.expose().as_bytes(), Method::ClearPassword).await?;
                }
                Message::AuthenticationCleartextPassword => {
                    return Err(Failure::Authentication(AuthenticationRefusal::ClearPassword));
                }
                Message::AuthenticationSasl(body) => {
                    use fallible_iterator::FallibleIterator;
                    let offered: Vec<String> = body.mechanisms().map(|name| Ok(name.to_owned())).collect()?;
                    self.scram(&offered, password).await?;
                }
                other => return Err(refuse(&other)),
            }
        }
    }

    /// Reads what follows AuthenticationOk: here PostgreSQL looks for the database and takes the role in.
    pub(crate) async fn finish(&mut self) -> Result<LoggedIn, Failure> {
        let mut told = LoggedIn { cancel: None, version: String::new(), integer_datetimes: true };
        let mut product = None;
        loop {
            match self.message().await? {
                Message::BackendKeyData(body) => {
                    told.cancel =
                        Some(CancelKey { process_id: body.process_id(), secret_key: body.secret_key() });
                }
                Message::ParameterStatus(body) => match body.name()? {
                    "server_version" => told.version = body.value()?.to_owned(),
                    "integer_datetimes" => told.integer_datetimes = body.value()? == "on",
                    name => product = product.or_else(|| crate::explain::product(name)),
                },
                Message::ReadyForQuery(_) => return supported(told, product),
                _ => return Err(Failure::Protocol("unexpected message after authentication".into())),
            }
        }
    }

    /// The next message of the log-in; ParameterStatus is passed on, because here it is news.
    async fn message(&mut self) -> Result<Message, Failure> {
        loop {
            if self.wire.received() > MAX_LOGIN_BYTES {
                return Err(Failure::Protocol("endless messages during log-in".into()));
            }
            match self.wire.any_message().await? {
                Message::NoticeResponse(_) => {}
                Message::ErrorResponse(body) => {
                    let mut error = ServerError::parse(&body)?;
                    error.password_sent = self.method != Method::None;
                    return Err(Failure::Server(Box::new(error)));
                }
                message => return Ok(message),
            }
        }
    }

    /// The first byte tells PostgreSQL from an HTTP, SSH or MySQL server that would otherwise be waited for.
    async fn check_first_byte(&mut self) -> Result<(), Failure> {
        if self.wire.input().is_empty() {
            self.wire.fill(5).await?;
        }
        match self.wire.input()[0] {
            b'R' | b'E' | b'N' | b'v' => Ok(()),
            _ => Err(Failure::NotPostgresql("unknown answer to StartupMessage")),
        }
    }

    async fn password(&mut self, password: &[u8], method: Method) -> Result<(), Failure> {
        if self.method != Method::None {
            return Err(Failure::Protocol("asked for a second password".into()));
        }
        self.method = method;
        // A buffer that grew would leave a copy behind; this one is overwritten when it was sent.
        self.wire.output.reserve(password.len() + 16);
        frontend::password_message(password, &mut self.wire.output)
            .map_err(|_| Failure::Protocol("a password that the protocol cannot carry".into()))?;
        self.wire.flush().await
    }

    /// SCRAM-SHA-256 (RFC 5802, RFC 7677), bound to the channel when the server offers that.
    async fn scram(&mut self, offered: &[String], password: &Secret) -> Result<(), Failure> {
        if self.method != Method::None {
            return Err(Failure::Protocol("asked for a second password".into()));
        }
        let end_point = self.encryption.and_then(|encryption| encryption.end_point.clone());
        let plus = offered.iter().any(|name| name == SCRAM_SHA_256_PLUS);
        let plain = offered.iter().any(|name| name == SCRAM_SHA_256);
        let (mechanism, binding) = match (plus, end_point) {
            (true, Some(hash)) => (SCRAM_SHA_256_PLUS, ChannelBinding::TlsServerEndPoint(hash)),
            (true, None) if self.encryption.is_none() => {
                // An honest server offers it only on a TLS connection: somebody sits in between.
                return Err(Failure::Protocol("SCRAM-SHA-256-PLUS offered without TLS".into()));
            }
            (false, Some(_)) if plain => (SCRAM_SHA_256, ChannelBinding::Unrequested),
            _ if plain => (SCRAM_SHA_256, ChannelBinding::Unsupported),
            _ => {
                return Err(Failure::Authentication(AuthenticationRefusal::Unsupported(
                    "an unknown SASL mechanism",
                )));
            }
        };
        self.method =
            if mechanism == SCRAM_SHA_256_PLUS { Method::ScramSha256Plus } else { Method::ScramSha256 };
        let scram = Scram::new(password.clone(), binding)?;
        let first = scram.first_message();
        frontend::sasl_initial_response(mechanism, first.as_bytes(), &mut self.wire.output)?;
        self.wire.flush().await?;

        let Message::AuthenticationSaslContinue(body) = self.message().await? else {
            return Err(Failure::Protocol("unexpected message during SCRAM".into()));
        };
        // Thousands of hashes: not on a thread that others wait for.
        let (response, signature) = tokio::task::spawn_blocking(move || scram.respond(body.data()))
            .await
            .map_err(|_| Failure::Protocol("SCRAM did not finish".into()))??;
        frontend::sasl_response(response.as_bytes(), &mut self.wire.output)?;
        self.wire.flush().await?;

        let Message::AuthenticationSaslFinal(body) = self.message().await? else {
            return Err(Failure::Protocol("unexpected message during SCRAM".into()));
        };
        signature.verify(body.data())
    }
}

/// Refuses a server that says of itself that it is older than PostgreSQL 10, or a pooler's console. Who says nothing of
/// a version is tried.
fn supported(mut told: LoggedIn, product: Option<&'static str>) -> Result<LoggedIn, Failure> {
    let major =
        told.version.split(|c: char| !c.is_ascii_digit()).next().and_then(|major| major.parse::<u32>().ok());
    let product = product.or_else(|| crate::explain::product(&told.version));
    if product == Some("PgBouncer") || major.is_some_and(|major| major < 10) {
        return Err(Failure::NotSupported { version: told.version, product });
    }
    // Others announce a version of PostgreSQL that they are like.
    if let Some(product) = product.filter(|name| crate::explain::product(&told.version) != Some(name)) {
        told.version = format!("{} ({product})", told.version);
    }
    Ok(told)
}

fn refuse(message: &Message) -> Failure {
    let method = match message {
        Message::AuthenticationKerberosV5 => "Kerberos V5",
        Message::AuthenticationScmCredential => "SCM credentials",
        Message::AuthenticationGss => "GSSAPI",
        Message::AuthenticationSspi => "SSPI",
        _ => return Failure::Protocol("unexpected message during authentication".into()),
    };
    Failure::Authentication(AuthenticationRefusal::Unsupported(method))
}
