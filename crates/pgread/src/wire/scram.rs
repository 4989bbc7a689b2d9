//! The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), with passwords prepared as libpq prepares them.

use super::{
    failure::{AuthenticationRefusal, Failure},
    saslprep::saslprep,
};
use mycorr_domain::Secret;
use openssl::{
    base64::{decode_block, encode_block},
    error::ErrorStack,
    hash::MessageDigest,
    memcmp,
    pkcs5::pbkdf2_hmac,
    pkey::PKey,
    rand::rand_bytes,
    sha::sha256,
    sign::Signer,
};

pub(super) const SCRAM_SHA_256: &str = "SCRAM-SHA-256";
pub(super) const SCRAM_SHA_256_PLUS: &str = "SCRAM-SHA-256-PLUS";

/// The work is ours to do and the server's to ask for. PostgreSQL's default is 4,096 rounds.
const MAX_ROUNDS: u32 = 1_000_000;

/// The channel binding that the client announces (RFC 5802, section 6).
pub(super) enum ChannelBinding {
    /// There is nothing to bind to.
    Unsupported,
    /// The server did not offer it.
    Unrequested,
    /// The hash of the server's certificate (RFC 5929, section 4).
    TlsServerEndPoint(Vec<u8>),
}

impl ChannelBinding {
    fn header(&self) -> &'static str {
        match self {
            Self::Unsupported => "n,,",
            Self::Unrequested => "y,,",
            Self::TlsServerEndPoint(_) => "p=tls-server-end-point,,",
        }
    }

    fn encoded(&self) -> String {
        let mut input = self.header().as_bytes().to_vec();
        if let Self::TlsServerEndPoint(hash) = self {
            input.extend(hash);
        }
        encode_block(&input)
    }
}

pub(super) struct Scram {
    password: Secret,
    binding: ChannelBinding,
    nonce: String,
}

/// What the server has to answer at the end to prove that it knows the password's verifier.
pub(super) struct ServerSignature([u8; 32]);

impl Scram {
    pub(super) fn new(password: Secret, binding: ChannelBinding) -> Result<Self, Failure> {
        let mut nonce = [0; 18];
        rand_bytes(&mut nonce).map_err(ours)?;
        Ok(Self { password, binding, nonce: encode_block(&nonce) })
    }

    /// client-first-message. PostgreSQL takes the name from StartupMessage.
    pub(super) fn first_message(&self) -> String {
        format!("{}n=,r={}", self.binding.header(), self.nonce)
    }

    /// client-final-message. Computes thousands of hashes.
    pub(super) fn respond(&self, server_first: &[u8]) -> Result<(String, ServerSignature), Failure> {
        let broken = || Failure::Protocol("a SCRAM message that cannot be read".into());
        let server_first = std::str::from_utf8(server_first).map_err(|_| broken())?;
        let [nonce, salt, rounds]: [&str; 3] =
            server_first.split(',').collect::<Vec<_>>().try_into().map_err(|_| broken())?;
        let nonce = nonce.strip_prefix("r=").filter(|nonce| nonce.starts_with(&self.nonce));
        let nonce = nonce.ok_or_else(|| Failure::Protocol("SCRAM with another nonce".into()))?;
        let salt = salt.strip_prefix("s=").and_then(|salt| decode_block(salt).ok()).ok_or_else(broken)?;
        let rounds = rounds.strip_prefix("i=").and_then(|rounds| rounds.parse().ok()).unwrap_or(0);
        if !(1..=MAX_ROUNDS).contains(&rounds) {
            return Err(Failure::Protocol("SCRAM with no or too many iterations".into()));
        }
        let without_proof = format!("c={},r={nonce}", self.binding.encoded());
        let signed = format!("n=,r={},{server_first},{without_proof}", self.nonce);
        let keys = Keys::new(&self.password, &salt, rounds as usize).map_err(ours)?;
        let (proof, signature) = keys.sign(signed.as_bytes()).map_err(ours)?;
        Ok((format!("{without_proof},p={}", encode_block(&proof)), ServerSignature(signature)))
    }
}

impl ServerSignature {
    /// Whether server-final-message proves it.
    pub(super) fn verify(&self, server_final: &[u8]) -> Result<(), Failure> {
        let claimed = std::str::from_utf8(server_final).ok().and_then(|text| text.strip_prefix("v="));
        let claimed = claimed.and_then(|text| decode_block(text.split(',').next().unwrap_or(text)).ok());
        match claimed {
            Some(claimed) if claimed.len() == 32 && memcmp::eq(&claimed, &self.0) => Ok(()),
            _ => Err(Failure::Authentication(AuthenticationRefusal::ServerUnproven)),
        }
    }
}

struct Keys {
    client: [u8; 32],
    server: [u8; 32],
}

impl Keys {
    fn new(password: &Secret, salt: &[u8], rounds: usize) -> Result<Self, ErrorStack> {
        let mut salted = [0; 32];
        let prepared = saslprep(password.expose());
        pbkdf2_hmac(prepared.as_bytes(), salt, rounds, MessageDigest::sha256(), &mut salted)?;
        Ok(Self { client: hmac(&salted, b"Client Key")?, server: hmac(&salted, b"Server Key")? })
    }

    /// ClientProof and ServerSignature.
    fn sign(&self, message: &[u8]) -> Result<([u8; 32], [u8; 32]), ErrorStack> {
        let mut proof = hmac(&sha256(&self.client), message)?;
        for (byte, key) in proof.iter_mut().zip(self.client) {
            *byte ^= key;
        }
        Ok((proof, hmac(&self.server, message)?))
    }
}

fn hmac(key: &[u8], message: &[u8]) -> Result<[u8; 32], ErrorStack> {
    let key = PKey::hmac(key)?;
    let mut signed = [0; 32];
    Signer::new(MessageDigest::sha256(), &key)?.sign_oneshot(&mut signed, message)?;
    Ok(signed)
}

fn ours(error: ErrorStack) -> Failure {
    Failure::Tls(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677, section 3, whose client names its user; PostgreSQL's does not, so the keys are compared.
    #[test]
    fn keys_of_the_rfc() {
        let salt = decode_block("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let keys = Keys::new(&Secret::new("pencil".into()), &salt, 4096).unwrap();
        let nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let message = format!(
            "n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r={nonce}"
        );
        let (proof, signature) = keys.sign(message.as_bytes()).unwrap();
        assert_eq!(encode_block(&proof), "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
        let last = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
        ServerSignature(signature).verify(last).unwrap();
        assert!(ServerSignature(proof).verify(last).is_err());
    }

    #[test]
    fn messages_that_break_the_rules() {
        let scram = Scram::new(Secret::new("x".into()), ChannelBinding::Unrequested).unwrap();
        let mine = scram.nonce.clone();
        for bad in [
            "r=other,s=AAAA,i=4096".to_owned(),
            format!("r={mine}x,s=AAAA"),
            format!("r={mine}x,s=!,i=4096"),
            format!("r={mine}x,s=AAAA,i=0"),
            format!("r={mine}x,s=AAAA,i=1000001"),
            format!("r={mine}x,s=AAAA,i=1,x=1"),
        ] {
            assert!(scram.respond(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(scram.respond(format!("r={mine}x,s=AAAA,i=1").as_bytes()).is_ok());
    }
}
