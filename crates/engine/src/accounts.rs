//! Accounts, sessions, tokens.

use crate::{
    SignUp,
    passwords::{Passwords, Queue},
    sign_in_limits::SignInLimits,
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use mycorr_domain::{
    Code, Email, PersonName, Problem, ResourceName, Result, Secret, SessionId, TokenId, UserId,
};
use mycorr_meta::{Listed, Meta, NewUser, Token, User};
use sha2::{Digest, Sha256};
use std::{net::IpAddr, sync::Arc};

/// How long a browser stays signed in.
const SESSION: TimeDelta = TimeDelta::days(30);
/// What a token begins with, so that secret scanners know it.
const TOKEN_PREFIX: &str = "myc_";

/// Whether an account can be made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignUpState {
    /// There is no account yet.
    pub first: bool,
    /// Anyone may sign up.
    pub open: bool,
}

/// A person who just signed in, and what their browser is to keep.
pub struct SignedIn {
    pub user: User,
    pub session: Secret,
    pub expires_at: DateTime<Utc>,
}

/// Who is asking, and how they showed it.
#[derive(Clone, Debug)]
pub struct Identity {
    pub user: User,
    /// `None` for a bearer token.
    pub session: Option<SessionId>,
}

/// A token; the text is known this once.
pub struct NewToken {
    pub id: TokenId,
    pub token: Secret,
}

/// People, and how they show who they are.
#[derive(Clone)]
pub struct Accounts {
    meta: Meta,
    passwords: Arc<Passwords>,
    /// Failed sign-ins, of accounts that exist and of those that don't alike.
    sign_in_limits: Arc<SignInLimits>,
    sign_up: SignUp,
}

impl Accounts {
    pub(crate) fn new(meta: Meta, sign_up: SignUp) -> Self {
        Self { meta, passwords: Arc::new(Passwords::new()), sign_in_limits: Arc::default(), sign_up }
    }

    pub async fn sign_up_state(&self) -> Result<SignUpState> {
        let first = self.meta.is_new().await?;
        Ok(SignUpState { first, open: first || self.sign_up == SignUp::Open })
    }

    /// Makes an account and signs it in. The first one is the administrator's.
    pub async fn sign_up(&self, name: &str, email: &str, password: Secret, from: IpAddr) -> Result<SignedIn> {
        if !self.sign_up_state().await?.open {
            // Known before the costly hash; decided again, atomically, when the account is made.
            return Err(Problem::new(Code::SignUpClosed, "Nobody can sign up here without an invitation.")
                .fix("Ask the operator of this server for an account."));
        }
        let user = self
            .create_user(name, email, password, false, self.sign_up == SignUp::Open, Queue::Of(from))
            .await?;
        self.start_session(user).await
    }

    /// Makes an account for who was asked to; the operator's way, whatever the setting for sign-up.
    pub async fn add_user(&self, name: &str, email: &str, password: Secret, admin: bool) -> Result<User> {
        self.create_user(name, email, password, admin, true, Queue::Known).await
    }

    async fn create_user(
        &self,
        name: &str,
        email: &str,
        password: Secret,
        admin: bool,
        anyone: bool,
        queue: Queue,
    ) -> Result<User> {
        let name = PersonName::parse("name", name)?;
        let email = Email::parse(email)?;
        let hash = self.passwords.hash(password, self.passwords.place(queue)?).await?;
        let new = NewUser { name: &name, email: &email, password_hash: &hash, admin };
        self.meta.create_user(new, anyone).await
    }

    /// Signs in. Takes as long, and says the same, whether the account is unknown or the password wrong.
    pub async fn sign_in(&self, email: &str, password: Secret, from: IpAddr) -> Result<SignedIn> {
        let wrong = || {
            Problem::new(Code::SignInFailed, "The e-mail address or the password is wrong.")
                .fix("Check both. Capital letters matter in the password.")
        };
        let Ok(email) = Email::parse(email) else { return Err(wrong()) };
        let origin = self.sign_in_limits.origin(&self.meta, &email, from).await?;
        // An address that the account knows does not wait behind strangers.
        let place = self.passwords.place(if origin.known { Queue::Known } else { Queue::Of(from) })?;
        let attempt = self.sign_in_limits.begin(&self.meta, origin).await?;
        let (user, hash) = self.meta.user_by_email(&email).await?.unzip();
        let fits = match self.passwords.verify(password, hash, place).await {
            Ok(fits) => fits,
            Err(problem) => {
                attempt.refund(&self.meta).await?;
                return Err(problem);
            }
        };
        match user {
            Some(user) if fits => {
                attempt.succeed(&self.meta).await?;
                self.start_session(user).await
            }
            _ => Err(wrong()),
        }
    }

    async fn start_session(&self, user: User) -> Result<SignedIn> {
        let session = random_text()?;
        let expires_at = Utc::now() + SESSION;
        self.meta.create_session(user.id, sha256(&session), expires_at).await?;
        Ok(SignedIn { user, session: Secret::new(session), expires_at })
    }

    pub async fn sign_out(&self, session: SessionId) -> Result<()> {
        self.meta.delete_session(session).await
    }

    /// Whose session this is.
    pub async fn by_session(&self, session: &str) -> Result<Option<Identity>> {
        let found = self.meta.session(sha256(session)).await?;
        Ok(found.map(|session| Identity { user: session.user, session: Some(session.id) }))
    }

    /// Whose token this is.
    pub async fn by_token(&self, token: &str) -> Result<Option<Identity>> {
        if !token.starts_with(TOKEN_PREFIX) {
            return Ok(None);
        }
        let user = self.meta.user_by_token(sha256(token)).await?;
        Ok(user.map(|user| Identity { user, session: None }))
    }

    pub async fn create_token(
        &self,
        user: UserId,
        name: &str,
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<NewToken> {
        let name = ResourceName::parse("name", name)?;
        if expires_at.is_some_and(|at| at <= Utc::now()) {
            return Err(Problem::invalid("expires_at", "This has to be in the future."));
        }
        let token = format!("{TOKEN_PREFIX}{}", random_text()?);
        let id = self.meta.create_token(user, &name, sha256(&token), expires_at).await?;
        Ok(NewToken { id, token: Secret::new(token) })
    }

    /// A token for the account of an e-mail address: the operator's way.
    pub async fn create_token_for(&self, email: &str, name: &str) -> Result<NewToken> {
        let email = Email::parse(email)?;
        let (user, _) = self.meta.user_by_email(&email).await?.ok_or_else(|| {
            Problem::new(Code::NotFound, "There is no account with this e-mail address.")
                .fix("Make it with mycorr user create.")
        })?;
        self.create_token(user.id, name, None).await
    }

    pub async fn tokens(&self, user: UserId, after: Option<&str>, limit: usize) -> Result<Listed<Token>> {
        self.meta.tokens(user, after, limit).await
    }

    pub async fn delete_token(&self, user: UserId, id: TokenId) -> Result<()> {
        self.meta.delete_token(user, id).await
    }
}

/// 256 bits from the system's generator, for URLs and headers.
fn random_text() -> Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(Problem::bug)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// The text has 256 bits of chance: a fast hash is as good as a slow one.
fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}
