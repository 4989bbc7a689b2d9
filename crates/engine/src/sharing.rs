//! Sharing: who may see a Model or a table, teams, and invitations for who has no account yet.

use crate::{
    Accounts, Models, NewLink, Tables,
    accounts::{random_text, sha256},
};
use chrono::{TimeDelta, Utc};
use mycorr_domain::{
    Email, InviteId, MemberId, ModelId, Problem, ResourceName, Result, Secret, TableId, TeamId, UserId,
};
use mycorr_meta::{
    Access, Charge, Invite, InviteLink, InviteWith, Listed, Member, Meta, NewMember, Own, Rate, Team,
    TeamMember, TeamRole,
};
use std::time::Duration;

/// How long an invitation is good.
const INVITE: TimeDelta = TimeDelta::days(7);
/// Invitations of one person: 50 at once, then one in 10 minutes.
const INVITES: Rate = Rate { burst: 50, interval: Duration::from_secs(600) };

/// Whom to share with.
pub enum ShareWith {
    /// An account's address, or one that is to be invited.
    Email(String),
    Team(TeamId),
}

/// A member, with the link to hand on if somebody was invited for it.
pub struct Shared<M> {
    pub member: M,
    pub invite: Option<NewLink>,
}

/// What an invitation is to bring.
pub struct NewInvite {
    pub email: String,
    pub models: Vec<(ModelId, Access)>,
    pub teams: Vec<(TeamId, TeamRole)>,
}

/// A link that may be needed, and is paid for until it is known not to be.
struct Inviting {
    token: String,
    link: InviteLink,
    charge: String,
}

impl Inviting {
    /// # Errors
    /// `too_many_requests`.
    async fn begin(meta: &Meta, by: UserId) -> Result<Self> {
        let charge = format!("invite-person:{by}");
        if let Charge::Refused(wait) = meta.charge(&charge, INVITES).await? {
            return Err(Problem::too_many_requests("You have invited many people in a short time.", wait));
        }
        let token = random_text()?;
        let link = InviteLink { hash: sha256(&token), expires_at: Utc::now() + INVITE };
        Ok(Self { token, link, charge })
    }

    async fn end(self, meta: &Meta, invited: bool) -> Result<Option<NewLink>> {
        if !invited {
            meta.refund(&self.charge, INVITES).await?;
            return Ok(None);
        }
        Ok(Some(NewLink { token: Secret::new(self.token), expires_at: self.link.expires_at }))
    }
}

impl Accounts {
    /// Invites somebody, to Models that the caller owns and teams whose admin they are. The link is shown this once.
    ///
    /// # Errors
    /// `invalid`, `email_taken`, `too_many_requests`; `not_found` and `forbidden` for what the caller can't share.
    pub async fn create_invite(&self, by: UserId, new: NewInvite) -> Result<(Invite, NewLink)> {
        let email = Email::parse(&new.email)?;
        let mut with = Vec::new();
        for (id, access) in new.models {
            with.push(InviteWith::Model(self.meta.grant(by, id).await?, shareable(access)?));
        }
        for (id, role) in new.teams {
            with.push(InviteWith::Team(self.meta.grant(by, id).await?, role));
        }
        let inviting = Inviting::begin(&self.meta, by).await?;
        let invite = self.meta.create_invite(by, &email, inviting.link, &with).await;
        let link = inviting.end(&self.meta, invite.is_ok()).await?;
        Ok((invite?, link.ok_or_else(|| Problem::bug("an invitation without a link"))?))
    }

    /// The caller's invitations that were not taken yet, newest first; everybody's for an administrator.
    pub async fn invites(&self, user: UserId, after: Option<&str>, limit: usize) -> Result<Listed<Invite>> {
        self.meta.invites(user, after, limit).await
    }

    /// # Errors
    /// `not_found`.
    pub async fn delete_invite(&self, user: UserId, id: InviteId) -> Result<()> {
        self.meta.delete_invite(user, id).await
    }
}

impl Models {
    /// Who may see a Model, the owner first.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn members(&self, user: UserId, id: ModelId) -> Result<Vec<Member>> {
        self.meta.members(&self.meta.grant(user, id).await?).await
    }

    /// Shares a Model, or changes what a member may do. Who has no account is invited.
    ///
    /// # Errors
    /// `not_found`, `forbidden`, `invalid`, `too_many_requests`.
    pub async fn put_member(
        &self,
        by: UserId,
        id: ModelId,
        with: ShareWith,
        access: Access,
    ) -> Result<Shared<Member>> {
        let access = shareable(access)?;
        let grant = self.meta.grant(by, id).await?;
        share(&self.meta, by, with, async |member| self.meta.put_member(&grant, member, access).await).await
    }

    /// Takes a member's access away, or leaves.
    ///
    /// # Errors
    /// `not_found`, `forbidden`.
    pub async fn delete_member(&self, by: UserId, id: ModelId, member: MemberId) -> Result<()> {
        self.meta.delete_member(&self.meta.grant(by, id).await?, member).await
    }

    /// Hands a Model over to another account; who owned it stays as a collaborator.
    ///
    /// # Errors
    /// `not_found`, `forbidden`; `invalid` for an address without an account.
    pub async fn transfer_model(&self, by: UserId, id: ModelId, to: &str) -> Result<()> {
        let to = Email::parse(to)?;
        self.meta.transfer_model(&self.meta.grant(by, id).await?, &to).await
    }
}

impl Tables {
    /// Who may see a table besides those who may see its Model.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn members(&self, user: UserId, id: TableId) -> Result<Vec<Member>> {
        // Who sees the table alone sees no one else.
        let model = self.meta.table(user, id).await?.0.model;
        self.meta.access(user, model).await.map_err(|_| Problem::not_found("table"))?;
        self.meta.table_members(&self.meta.grant(user, id).await?).await
    }

    /// Shows a table alone to somebody.
    ///
    /// # Errors
    /// `not_found`, `forbidden`, `invalid`, `too_many_requests`.
    pub async fn put_member(&self, by: UserId, id: TableId, with: ShareWith) -> Result<Shared<Member>> {
        let grant = self.meta.grant::<Own, _>(by, id).await?;
        share(&self.meta, by, with, async |member| self.meta.put_table_member(&grant, member).await).await
    }

    /// # Errors
    /// `not_found`, `forbidden`.
    pub async fn delete_member(&self, by: UserId, id: TableId, member: MemberId) -> Result<()> {
        self.meta.delete_table_member(&self.meta.grant(by, id).await?, member).await
    }
}

/// People who are shared with together.
#[derive(Clone)]
pub struct Teams {
    meta: Meta,
}

impl Teams {
    pub(crate) fn new(meta: Meta) -> Self {
        Self { meta }
    }

    /// Makes a team whose admin the caller is.
    ///
    /// # Errors
    /// `invalid`.
    pub async fn create(&self, user: UserId, name: &str) -> Result<Team> {
        self.meta.create_team(user, &ResourceName::parse("name", name)?).await
    }

    /// The teams that the caller belongs to, newest first.
    pub async fn list(&self, user: UserId, after: Option<&str>, limit: usize) -> Result<Listed<Team>> {
        self.meta.teams(user, after, limit).await
    }

    /// # Errors
    /// `not_found`.
    pub async fn get(&self, user: UserId, id: TeamId) -> Result<Team> {
        self.meta.team(&self.meta.grant(user, id).await?).await
    }

    /// # Errors
    /// `not_found`, `forbidden`, `invalid`.
    pub async fn rename(&self, user: UserId, id: TeamId, name: &str) -> Result<Team> {
        let name = ResourceName::parse("name", name)?;
        self.meta.rename_team(&self.meta.grant(user, id).await?, &name).await?;
        self.get(user, id).await
    }

    /// # Errors
    /// `not_found`, `forbidden`.
    pub async fn delete(&self, user: UserId, id: TeamId) -> Result<()> {
        self.meta.delete_team(&self.meta.grant(user, id).await?).await
    }

    /// Who belongs to a team, and who was invited to it.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn members(&self, user: UserId, id: TeamId) -> Result<Vec<TeamMember>> {
        self.meta.team_members(&self.meta.grant(user, id).await?).await
    }

    /// Takes somebody into a team, or changes their role. Who has no account is invited.
    ///
    /// # Errors
    /// `not_found`, `forbidden`, `invalid`, `too_many_requests`; `conflict` for the last admin.
    pub async fn put_member(
        &self,
        by: UserId,
        id: TeamId,
        email: &str,
        role: TeamRole,
    ) -> Result<Shared<TeamMember>> {
        let email = Email::parse(email)?;
        let grant = self.meta.grant(by, id).await?;
        let inviting = Inviting::begin(&self.meta, by).await?;
        let put = self.meta.put_team_member(&grant, &email, role, inviting.link).await;
        let invited = put.as_ref().is_ok_and(|(_, invited)| *invited);
        let invite = inviting.end(&self.meta, invited).await?;
        Ok(Shared { member: put?.0, invite })
    }

    /// Takes a person out of a team, or leaves.
    ///
    /// # Errors
    /// `not_found`, `forbidden`; `conflict` for the last admin.
    pub async fn delete_member(&self, by: UserId, id: TeamId, user: UserId) -> Result<()> {
        self.meta.delete_team_member(&self.meta.grant(by, id).await?, user).await
    }
}

async fn share(
    meta: &Meta,
    by: UserId,
    with: ShareWith,
    put: impl AsyncFnOnce(NewMember<'_>) -> Result<(Member, bool)>,
) -> Result<Shared<Member>> {
    let email = match with {
        ShareWith::Team(id) => {
            return Ok(Shared { member: put(NewMember::Team(id)).await?.0, invite: None });
        }
        ShareWith::Email(email) => Email::parse(&email)?,
    };
    let inviting = Inviting::begin(meta, by).await?;
    let put = put(NewMember::Email(&email, inviting.link)).await;
    let invited = put.as_ref().is_ok_and(|(_, invited)| *invited);
    let invite = inviting.end(meta, invited).await?;
    Ok(Shared { member: put?.0, invite })
}

/// A Model has one owner.
fn shareable(access: Access) -> Result<Access> {
    match access {
        Access::Owner => {
            Err(Problem::invalid("access", "A Model has one owner. To hand it over, use its transfer."))
        }
        Access::Collaborator | Access::Viewer => Ok(access),
    }
}
