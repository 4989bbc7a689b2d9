//! An account's own name, password and sessions; what administrators do with accounts; the operator's way, from the
//! shell.

use crate::{
    Accounts,
    accounts::{random_text, sha256},
    passwords::Queue,
};
use chrono::{DateTime, TimeDelta, Utc};
use mycorr_domain::{Code, Email, PersonName, Problem, Result, Secret, SessionId, UserId};
use mycorr_meta::{Administrator, Event, Listed, SessionInfo, User, UserChange};
use std::net::IpAddr;

/// How long a link to a new password is good.
pub(crate) const PASSWORD_RESET: TimeDelta = TimeDelta::hours(24);

/// A link that is good once; its text is known this once.
pub struct NewLink {
    pub token: Secret,
    pub expires_at: DateTime<Utc>,
}

impl Accounts {
    /// Renames one's own account.
    ///
    /// # Errors
    /// `invalid`.
    pub async fn rename(&self, user: UserId, name: &str) -> Result<User> {
        self.meta.rename_user(user, &PersonName::parse("name", name)?).await
    }

    /// Replaces one's own password, and ends every session but `keep`. A wrong `current` counts as a failed sign-in.
    ///
    /// # Errors
    /// `invalid`, `too_many_requests`.
    pub async fn change_password(
        &self,
        user: &User,
        current: Secret,
        new: Secret,
        keep: Option<SessionId>,
        from: IpAddr,
    ) -> Result<()> {
        let email = Email::parse(&user.email)?;
        let known = self.check_password(&email, current, from).await?;
        if known.is_none_or(|known| known.id != user.id) {
            return Err(Problem::invalid("password.current", "This is not your password."));
        }
        let hash = self.passwords.hash(new, self.passwords.place(Queue::Known)?).await.map_err(named_new)?;
        self.meta.set_password(Some(user.id), user.id, &hash, keep).await
    }

    /// Where one is signed in, newest first.
    ///
    /// # Errors
    /// `invalid` for a cursor that is none; `storage_unavailable`.
    pub async fn sessions(
        &self,
        user: UserId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Listed<SessionInfo>> {
        self.meta.sessions(user, after, limit).await
    }

    /// All accounts, for an administrator, newest first.
    ///
    /// # Errors
    /// `forbidden`.
    pub async fn users(
        &self,
        by: UserId,
        search: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Listed<User>> {
        self.meta.users(&self.meta.administrator(by).await?, search, after, limit).await
    }

    /// Changes an account, as an administrator.
    ///
    /// # Errors
    /// `forbidden`, `not_found`; `conflict` for the last administrator.
    pub async fn change_user(&self, by: UserId, id: UserId, change: UserChange) -> Result<User> {
        self.meta.change_user(&self.meta.administrator(by).await?, id, change).await
    }

    /// What was done with accounts, connections and grants, for an administrator, newest first: all of it, or what one
    /// person did, told by id or e-mail address, or one kind of act.
    ///
    /// # Errors
    /// `forbidden`; `invalid` for nobody's address.
    pub async fn audit(
        &self,
        by: UserId,
        actor: Option<&str>,
        action: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Listed<Event>> {
        let by = self.meta.administrator(by).await?;
        let actor = match actor {
            None => None,
            Some(text) => Some(match text.parse() {
                Ok(id) => id,
                Err(_) => {
                    let found = self.meta.user_by_email(&Email::parse(text)?).await?;
                    let found = found.ok_or_else(|| Problem::invalid("actor", "Nobody has this address."))?;
                    found.0.id
                }
            }),
        };
        self.meta.audit(&by, actor, action, after, limit).await
    }

    /// Makes a link with which a person sets a new password, as an administrator. It is shown this once.
    ///
    /// # Errors
    /// `forbidden`, `not_found`; `conflict` for an account that is disabled.
    pub async fn create_password_reset(&self, by: UserId, id: UserId) -> Result<NewLink> {
        let by = self.meta.administrator(by).await?;
        let (token, expires_at) = (random_text()?, Utc::now() + PASSWORD_RESET);
        self.meta.create_password_reset(&by, id, sha256(&token), expires_at).await?;
        Ok(NewLink { token: Secret::new(token), expires_at })
    }

    /// Sets a new password by a link. Every session of the account ends.
    ///
    /// # Errors
    /// `not_found` for a link that is not good, `invalid`, `too_many_requests`.
    pub async fn use_password_reset(&self, token: &str, password: Secret, from: IpAddr) -> Result<()> {
        let not_good = || {
            Problem::new(
                Code::NotFound,
                "This link is not valid: it was used, it expired, or there is a newer one.",
            )
            .fix("Ask an administrator for a new one.")
        };
        let hash = sha256(token);
        let attempt = self.sign_in_limits.begin_link(&self.meta, from).await?;
        if !self.meta.has_password_reset(hash).await? {
            return Err(not_good());
        }
        attempt.refund(&self.meta).await?;
        let password = self.passwords.hash(password, self.passwords.place(Queue::Of(from))?).await?;
        if self.meta.use_password_reset(hash, &password).await? { Ok(()) } else { Err(not_good()) }
    }

    /// Sets the password of an account, and ends its sessions: the operator's way.
    ///
    /// # Errors
    /// `not_found`, `invalid`.
    pub async fn set_password_of(&self, email: &str, password: Secret) -> Result<()> {
        let user = self.known(email).await?;
        let hash = self.passwords.hash(password, self.passwords.place(Queue::Known)?).await?;
        self.meta.set_password(None, user.id, &hash, None).await
    }

    /// Disables or enables an account: the operator's way.
    ///
    /// # Errors
    /// `not_found`; `conflict` for the last administrator.
    pub async fn set_disabled_of(&self, email: &str, disabled: bool) -> Result<()> {
        let user = self.known(email).await?;
        let change = UserChange { disabled: Some(disabled), ..UserChange::default() };
        self.meta.change_user(&Administrator::operator(), user.id, change).await?;
        Ok(())
    }

    pub(crate) async fn known(&self, email: &str) -> Result<User> {
        let found = self.meta.user_by_email(&Email::parse(email)?).await?;
        found.map(|(user, _)| user).ok_or_else(|| {
            Problem::new(Code::NotFound, "There is no account with this e-mail address.")
                .fix("Make it with mycorr user create.")
        })
    }
}

/// A password that is refused is the new one.
fn named_new(mut problem: Problem) -> Problem {
    for field in &mut problem.fields {
        field.field = "password.new".into();
    }
    problem
}
