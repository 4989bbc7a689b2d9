//! The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), made so that no copy of the password stays in memory:
//! OpenSSL derives the key from it and cleans up.

use super::failure::{AuthenticationRefusal, Failure};
use base64::{Engine, engine::general_purpose::STANDARD};
use mycorr_domain::Secret;
use openssl::{hash::MessageDigest, memcmp, pkcs5::pbkdf2_hmac, pkey::PKey, rand, sha::sha256, sign::Signer};

/// SCRAM's work is ours to do and the server's to ask for. PostgreSQL's default is 4,096 rounds.
const MAX_ROUNDS: usize = 1_000_000;
const NONCE_BYTES: usize = 18;

/// What is said about the TLS channel (RFC 5802, section 7).
pub(crate) enum ChannelBinding {
    /// We could, and the server did not offer it.
    Unrequested,
    Unsupported,
    /// `tls-server-end-point`, RFC 5929.
    TlsServerEndPoint(Vec<u8>),
}

impl ChannelBinding {
    fn header(&self) -> &'static str {
        match self {
            Self::Unrequested => "y,,",
            Self::Unsupported => "n,,",
            Self::TlsServerEndPoint(_) => "p=tls-server-end-point,,",
        }
    }

    fn data(&self) -> &[u8] {
        match self {
            Self::TlsServerEndPoint(hash) => hash,
            Self::Unrequested | Self::Unsupported => &[],
        }
    }
}

/// Before the server has spoken.
pub(crate) struct Scram {
    nonce: String,
    binding: ChannelBinding,
}

/// Once the proof is made.
pub(crate) struct Proven {
    /// The client-final-message.
    pub(crate) message: String,
    server_signature: [u8; 32],
}

impl Scram {
    pub(crate) fn new(binding: ChannelBinding) -> Result<Self, Failure> {
        let mut nonce = [0; NONCE_BYTES];
        rand::rand_bytes(&mut nonce).map_err(broken)?;
        Ok(Self { nonce: STANDARD.encode(nonce), binding })
    }

    /// The client-first-message. The server takes the role's name from StartupMessage.
    pub(crate) fn message(&self) -> String {
        format!("{}n=,r={}", self.binding.header(), self.nonce)
    }

    /// Answers the server-first-message, `r=…,s=…,i=4096`. Thousands of hashes: not for a thread that others wait
    /// for.
    pub(crate) fn prove(self, password: &Secret, server_first: &[u8]) -> Result<Proven, Failure> {
        let refused = || Failure::Protocol("a SCRAM message that makes no sense".into());
        let server_first = std::str::from_utf8(server_first).map_err(|_| refused())?;
        let mut parts = server_first.split(',');
        let mut part = |name: &str| parts.next().and_then(|part| part.strip_prefix(name)).ok_or_else(refused);
        let (nonce, salt, rounds) = (part("r=")?, part("s=")?, part("i=")?);
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err(refused());
        }
        let salt = STANDARD.decode(salt).map_err(|_| refused())?;
        let rounds = match rounds.parse::<usize>() {
            Ok(rounds @ 1..=MAX_ROUNDS) => rounds,
            _ => return Err(Failure::Protocol("SCRAM with no or too many iterations".into())),
        };

        let mut salted = [0; 32];
        let prepared = prepare(password);
        pbkdf2_hmac(prepared.expose().as_bytes(), &salt, rounds, MessageDigest::sha256(), &mut salted)
            .map_err(broken)?;
        let client_key = hmac(&salted, b"Client Key")?;
        let server_key = hmac(&salted, b"Server Key")?;

        let binding = STANDARD.encode([self.binding.header().as_bytes(), self.binding.data()].concat());
        let without_proof = format!("c={binding},r={nonce}");
        let auth_message = format!("n=,r={},{server_first},{without_proof}", self.nonce);
        let signature = hmac(&sha256(&client_key), auth_message.as_bytes())?;
        let proof: Vec<u8> =
            client_key.iter().zip(signature).map(|(key, signature)| key ^ signature).collect();
        Ok(Proven {
            message: format!("{without_proof},p={}", STANDARD.encode(proof)),
            server_signature: hmac(&server_key, auth_message.as_bytes())?,
        })
    }
}

impl Proven {
    /// Whether the server knows the password's verifier, by its server-final-message, `v=…`.
    pub(crate) fn verify(&self, server_final: &[u8]) -> Result<(), Failure> {
        let signature = server_final.strip_prefix(b"v=").and_then(|text| STANDARD.decode(text).ok());
        match signature {
            Some(signature)
                if signature.len() == self.server_signature.len()
                    && memcmp::eq(&signature, &self.server_signature) =>
            {
                Ok(())
            }
            _ => Err(Failure::Authentication(AuthenticationRefusal::ServerUnproven)),
        }
    }
}

/// As PostgreSQL prepares a password: by SASLprep, or as it is where that refuses it.
fn prepare(password: &Secret) -> Secret {
    match stringprep::saslprep(password.expose()) {
        Ok(prepared) => Secret::new(prepared.into_owned()),
        Err(_) => password.clone(),
    }
}

fn hmac(key: &[u8], message: &[u8]) -> Result<[u8; 32], Failure> {
    let key = PKey::hmac(key).map_err(broken)?;
    let mut signer = Signer::new(MessageDigest::sha256(), &key).map_err(broken)?;
    let mut signature = [0; 32];
    signer.sign_oneshot(&mut signature, message).map_err(broken)?;
    Ok(signature)
}

fn broken(error: openssl::error::ErrorStack) -> Failure {
    Failure::Tls(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exchange of RFC 7677, section 3.
    #[test]
    fn the_exchange_of_the_standard() {
        let scram = Scram { nonce: "rOprNGfwEbeRWgbNEkqO".into(), binding: ChannelBinding::Unsupported };
        let first = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        // The standard's example names the user, which PostgreSQL leaves out: the nonces and the key are the same.
        let proven = scram.prove(&Secret::new("pencil".into()), first.as_bytes()).unwrap();
        assert!(proven.message.starts_with("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p="));
        assert!(proven.verify(b"v=AAAA").is_err());
    }

    #[test]
    fn messages_that_make_no_sense_are_refused() {
        for first in [
            "r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "r=abc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "r=abcd,s=?,i=4096",
            "r=abcd,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=0",
            "r=abcd,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1000001",
            "r=abcd,s=W22ZaJ0SNY7soEsUEjb6gQ==",
            "",
        ] {
            let scram = Scram { nonce: "abc".into(), binding: ChannelBinding::Unsupported };
            assert!(scram.prove(&Secret::new("pencil".into()), first.as_bytes()).is_err(), "{first}");
        }
    }
}
