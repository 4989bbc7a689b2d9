//! Accounts, sessions, tokens.

use crate::{
    SignUp,
    identities::disabled,
    passwords::{Passwords, Queue},
    sign_in_limits::SignInLimits,
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use mycorr_domain::{
    Code, Email, PersonName, Problem, ResourceName, Result, Secret, SessionId, TokenId, UserId,
};
use mycorr_meta::{Browser, Invite, Listed, Meta, NewToken as StoredToken, NewUser, Token, TokenScope, User};
use mycorr_oidc::Providers;
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
    pub proof: Proof,
}

/// What a caller showed.
#[derive(Clone, Copy, Debug)]
pub enum Proof {
    Session(SessionId),
    Token(TokenId, TokenScope),
}

/// A token; the text is known this once.
pub struct NewToken {
    pub id: TokenId,
    pub token: Secret,
}

/// People, and how they show who they are.
#[derive(Clone)]
pub struct Accounts {
    pub(crate) meta: Meta,
    pub(crate) passwords: Arc<Passwords>,
    /// Failed sign-ins, of accounts that exist and of those that don't alike.
    pub(crate) sign_in_limits: Arc<SignInLimits>,
    sign_up: SignUp,
    pub(crate) providers: Providers,
}

/// What an account is made of.
struct NewAccount<'a> {
    name: &'a str,
    email: &'a str,
    password: Secret,
    admin: bool,
}

impl Accounts {
    pub(crate) fn new(meta: Meta, sign_up: SignUp) -> Self {
        Self {
            meta,
            passwords: Arc::new(Passwords::new()),
            sign_in_limits: Arc::default(),
            sign_up,
            providers: Providers::default(),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.sign_up == SignUp::Open
    }

    /// # Errors
    /// `storage_unavailable`.
    pub async fn sign_up_state(&self) -> Result<SignUpState> {
        let first = self.meta.is_new().await?;
        Ok(SignUpState { first, open: first || self.sign_up == SignUp::Open })
    }

    /// Makes an account and signs it in. The first one is the administrator's.
    ///
    /// # Errors
    /// `sign_up_closed`, `email_taken`, `invalid`, `too_many_requests`; `storage_full`, `storage_unavailable`.
    pub async fn sign_up(
        &self,
        name: &str,
        email: &str,
        password: Secret,
        browser: impl Into<Browser>,
    ) -> Result<SignedIn> {
        let browser = browser.into();
        if !self.sign_up_state().await?.open {
            // Known before the costly hash; decided again, atomically, when the account is made.
            return Err(Problem::new(Code::SignUpClosed, "Nobody can sign up here without an invitation.")
                .fix("Ask the operator of this server for an account."));
        }
        let new = NewAccount { name, email, password, admin: false };
        let anyone = self.sign_up == SignUp::Open;
        let user = self.create_user(new, anyone, None, Queue::Of(browser.address)).await?;
        self.start_session(user, &browser).await
    }

    /// Makes an account by an invitation, and signs it in.
    ///
    /// # Errors
    /// `not_found` for a link that is not good, `invalid`, `too_many_requests`.
    pub async fn sign_up_invited(
        &self,
        name: &str,
        email: &str,
        password: Secret,
        invite: &str,
        browser: impl Into<Browser>,
    ) -> Result<SignedIn> {
        let browser = browser.into();
        self.invite(invite, browser.address).await?;
        let new = NewAccount { name, email, password, admin: false };
        let queue = Queue::Of(browser.address);
        let user = self.create_user(new, false, Some(sha256(invite)), queue).await?;
        self.start_session(user, &browser).await
    }

    /// The invitation that a link is for. Guessing one is slowed.
    ///
    /// # Errors
    /// `not_found`, `too_many_requests`.
    pub async fn invite(&self, token: &str, from: IpAddr) -> Result<Invite> {
        let attempt = self.sign_in_limits.begin_link(&self.meta, from).await?;
        let invite = self.meta.invite(sha256(token)).await?;
        attempt.refund(&self.meta).await?;
        Ok(invite)
    }

    /// Makes an account for who was asked to; the operator's way, whatever the setting for sign-up.
    ///
    /// # Errors
    /// `email_taken`, `invalid`; `storage_full`, `storage_unavailable`.
    pub async fn add_user(&self, name: &str, email: &str, password: Secret, admin: bool) -> Result<User> {
        self.create_user(NewAccount { name, email, password, admin }, true, None, Queue::Known).await
    }

    async fn create_user(
        &self,
        new: NewAccount<'_>,
        anyone: bool,
        invite: Option<[u8; 32]>,
        queue: Queue,
    ) -> Result<User> {
        let name = PersonName::parse("name", new.name)?;
        let email = Email::parse(new.email)?;
        let hash = self.passwords.hash(new.password, self.passwords.place(queue)?).await?;
        let new = NewUser { name: &name, email: &email, password_hash: &hash, admin: new.admin };
        self.meta.create_user(new, anyone, invite).await
    }

    /// Signs in. Takes as long, and says the same, whether the account is unknown or the password wrong.
    ///
    /// # Errors
    /// `sign_in_failed`, `forbidden` for an account that is disabled, `too_many_requests`; `storage_full`, `storage_unavailable`.
    pub async fn sign_in(
        &self,
        email: &str,
        password: Secret,
        browser: impl Into<Browser>,
    ) -> Result<SignedIn> {
        let browser = browser.into();
        let wrong = || {
            Problem::new(Code::SignInFailed, "The e-mail address or the password is wrong.")
                .fix("Check both. Capital letters matter in the password.")
        };
        let Ok(email) = Email::parse(email) else { return Err(wrong()) };
        let user = self.check_password(&email, password, browser.address).await?.ok_or_else(wrong)?;
        // Told only to who knows the password.
        if user.disabled {
            return Err(disabled());
        }
        self.start_session(user, &browser).await
    }

    /// Whose password this is; counted where it is nobody's.
    pub(crate) async fn check_password(
        &self,
        email: &Email,
        password: Secret,
        from: IpAddr,
    ) -> Result<Option<User>> {
        let origin = self.sign_in_limits.origin(&self.meta, email, from).await?;
        // An address that the account knows does not wait behind strangers.
        let place = self.passwords.place(if origin.known { Queue::Known } else { Queue::Of(from) })?;
        let attempt = self.sign_in_limits.begin(&self.meta, origin).await?;
        let (user, hash) = self.meta.user_by_email(email).await?.unzip();
        let fits = match self.passwords.verify(password, hash, place).await {
            Ok(fits) => fits,
            Err(problem) => {
                attempt.refund(&self.meta).await?;
                return Err(problem);
            }
        };
        if fits {
            attempt.succeed(&self.meta).await?;
        }
        Ok(user.filter(|_| fits))
    }

    pub(crate) async fn start_session(&self, user: User, browser: &Browser) -> Result<SignedIn> {
        let session = random_text()?;
        let expires_at = Utc::now() + SESSION;
        self.meta.create_session(user.id, sha256(&session), expires_at, browser).await?;
        Ok(SignedIn { user, session: Secret::new(session), expires_at })
    }

    /// Ends a session of `user`.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn end_session(&self, user: UserId, session: SessionId) -> Result<()> {
        self.meta.delete_session(user, session).await
    }

    /// Whose session this is, used from an address.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn by_session(&self, session: &str, from: Option<IpAddr>) -> Result<Option<Identity>> {
        let found = self.meta.session(sha256(session), from).await?;
        Ok(found.map(|session| Identity { user: session.user, proof: Proof::Session(session.id) }))
    }

    /// Whose token this is.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn by_token(&self, token: &str) -> Result<Option<Identity>> {
        if !token.starts_with(TOKEN_PREFIX) {
            return Ok(None);
        }
        let holder = self.meta.token_holder(sha256(token)).await?;
        Ok(holder.map(|holder| Identity { user: holder.user, proof: Proof::Token(holder.id, holder.scope) }))
    }

    /// Whether what a caller showed is good still.
    ///
    /// # Errors
    /// `storage_unavailable`.
    pub async fn stands(&self, proof: Proof) -> Result<bool> {
        match proof {
            Proof::Session(id) => self.meta.session_stands(id).await,
            Proof::Token(id, _) => self.meta.token_stands(id).await,
        }
    }

    /// Makes a token that may do what `scope` says of what its person may.
    ///
    /// # Errors
    /// `invalid`; `not_found` for a Model that is not the person's.
    pub async fn create_token(
        &self,
        user: UserId,
        name: &str,
        expires_at: Option<DateTime<Utc>>,
        scope: TokenScope,
    ) -> Result<NewToken> {
        let name = ResourceName::parse("name", name)?;
        if expires_at.is_some_and(|at| at <= Utc::now()) {
            return Err(Problem::invalid("expires_at", "This has to be in the future."));
        }
        if let Some(model) = scope.model {
            self.meta.access(user, model).await?;
        }
        let token = format!("{TOKEN_PREFIX}{}", random_text()?);
        let new = StoredToken { name: &name, hash: sha256(&token), expires_at, scope };
        let id = self.meta.create_token(user, new).await?;
        Ok(NewToken { id, token: Secret::new(token) })
    }

    /// A token for the account of an e-mail address: the operator's way.
    ///
    /// # Errors
    /// `not_found`, `invalid`; `storage_full`, `storage_unavailable`.
    pub async fn create_token_for(&self, email: &str, name: &str) -> Result<NewToken> {
        let user = self.known(email).await?;
        self.create_token(user.id, name, None, TokenScope::ALL).await
    }

    /// # Errors
    /// `invalid` for a cursor that is none; `storage_unavailable`.
    pub async fn tokens(&self, user: UserId, after: Option<&str>, limit: usize) -> Result<Listed<Token>> {
        self.meta.tokens(user, after, limit).await
    }

    /// # Errors
    /// `not_found`; `storage_full`, `storage_unavailable`.
    pub async fn delete_token(&self, user: UserId, id: TokenId) -> Result<()> {
        self.meta.delete_token(user, id).await
    }
}

/// 256 bits from the system's generator, for URLs and headers.
pub(crate) fn random_text() -> Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(Problem::bug)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// The text has 256 bits of chance: a fast hash is as good as a slow one.
pub(crate) fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}
