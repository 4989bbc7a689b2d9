//! `/models/{id}/members`, `/models/{id}/transfer` and `/tables/{id}/members`.

use super::{
    List,
    models::{Access, Model},
    users::Link,
};
use crate::{
    App,
    authentication::Caller,
    extract::{Body, Path},
    problem::ApiError,
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use mycorr_domain::{MemberId, ModelId, Problem, TableId, TeamId, UserId};
use mycorr_engine::{self as engine, NewLink, ShareWith, Shared, Who};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// What a member is: an account, a team, or an address that was invited.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MemberKind {
    User,
    Team,
    Invite,
}

/// Who may see a Model or a table.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Member {
    /// Of the membership; where there is none, as for the owner and for who belongs to a team only, that of the account.
    id: Uuid,
    kind: MemberKind,
    /// An invitation has its address here.
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    /// Of several grants the highest.
    access: Access,
    /// The team through which a person has this access.
    #[serde(skip_serializing_if = "Option::is_none")]
    via: Option<String>,
    /// Of a team: what it is called when something is shared with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    team_id: Option<Uuid>,
    /// Of who was just invited: to be handed on. It is shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    invite: Option<Link>,
}

/// What stands for somebody in a list of members.
pub(crate) fn describe(who: Who) -> (Uuid, MemberKind, String, Option<String>) {
    match who {
        Who::User(user) => (*user.id.as_uuid(), MemberKind::User, user.name, Some(user.email)),
        Who::Team(id, name) => (*id.as_uuid(), MemberKind::Team, name, None),
        Who::Invite(id, email) => (*id.as_uuid(), MemberKind::Invite, email.clone(), Some(email)),
    }
}

impl From<engine::Member> for Member {
    fn from(member: engine::Member) -> Self {
        let (whose, kind, name, email) = describe(member.who);
        let id = member.id.map_or(whose, |id| *id.as_uuid());
        let team_id = matches!(kind, MemberKind::Team).then_some(whose);
        Self { id, kind, name, email, access: member.access.into(), via: member.via, team_id, invite: None }
    }
}

impl Member {
    async fn shared(app: &App, by: UserId, headers: &HeaderMap, shared: Shared<engine::Member>) -> Self {
        mail_invited(app, by, &shared.member.who, shared.invite.as_ref()).await;
        let invite = shared.invite.map(|link| Link::new(app, headers, "invite", &link));
        Self { invite, ..Self::from(shared.member) }
    }
}

/// Mails the link of an invitation where mail is set up. It is shown all the same, so a failure is for the log.
pub(crate) async fn mail_invite(app: &App, by: UserId, email: &str, link: &NewLink) {
    if let Err(problem) = app.engine.notices.mail_invite(by, email, &link.token).await {
        tracing::error!(cause = problem.internal, "an invitation could not be put into the outbox");
    }
}

/// The same where somebody was just invited by sharing.
pub(crate) async fn mail_invited(app: &App, by: UserId, who: &Who, link: Option<&NewLink>) {
    if let (Who::Invite(_, email), Some(link)) = (who, link) {
        mail_invite(app, by, email, link).await;
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutMember {
    /// An account's; another address is invited. Either this or `team_id`.
    #[schema(format = Email)]
    email: Option<String>,
    /// A team of the caller's.
    team_id: Option<Uuid>,
    access: Access,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutTableMember {
    /// An account's; another address is invited. Either this or `team_id`.
    #[schema(format = Email)]
    email: Option<String>,
    /// A team of the caller's.
    team_id: Option<Uuid>,
    /// A table alone can only be looked at.
    access: Option<Access>,
}

fn share_with(email: Option<String>, team_id: Option<Uuid>) -> Result<ShareWith, Problem> {
    match (email, team_id) {
        (Some(email), None) => Ok(ShareWith::Email(email)),
        (None, Some(id)) => Ok(ShareWith::Team(TeamId::from_uuid(id))),
        _ => Err(Problem::invalid("email", "Either `email` or `team_id` has to be there.")),
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Transfer {
    /// An account's.
    #[schema(format = Email)]
    pub(crate) email: String,
}

/// Who may see a Model: its owner first, then people, teams and invitations. Of several grants the highest counts.
#[utoipa::path(get, path = "/models/{id}/members", tag = "models", params(("id" = Uuid, Path)),
    responses((status = OK, body = List<Member>)))]
pub(crate) async fn list_members(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ModelId>,
) -> Result<Json<List<Member>>, ApiError> {
    Ok(Json(List::all(app.engine.models.members(caller.id(), id).await?)))
}

/// Shares a Model with somebody or with a team, or changes what they may do. For its owner.
#[utoipa::path(put, path = "/models/{id}/members", tag = "models", params(("id" = Uuid, Path)),
    request_body = PutMember, responses((status = OK, body = Member)))]
pub(crate) async fn put_member(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Path(id): Path<ModelId>,
    Body(form): Body<PutMember>,
) -> Result<Json<Member>, ApiError> {
    let with = share_with(form.email, form.team_id)?;
    let shared = app.engine.models.put_member(caller.id(), id, with, form.access.into()).await?;
    Ok(Json(Member::shared(&app, caller.id(), &headers, shared).await))
}

/// Takes a member's access away. For the owner of the Model, and for a person who leaves.
#[utoipa::path(delete, path = "/models/{id}/members/{member_id}", tag = "models",
    params(("id" = Uuid, Path), ("member_id" = Uuid, Path)), responses((status = NO_CONTENT)))]
pub(crate) async fn delete_member(
    State(app): State<App>,
    caller: Caller,
    Path((id, member)): Path<(ModelId, MemberId)>,
) -> Result<StatusCode, ApiError> {
    app.engine.models.delete_member(caller.id(), id, member).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Hands a Model over to another account. Who owned it stays as a collaborator.
#[utoipa::path(post, path = "/models/{id}/transfer", tag = "models", params(("id" = Uuid, Path)),
    request_body = Transfer, responses((status = OK, body = Model)))]
pub(crate) async fn transfer_model(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ModelId>,
    Body(form): Body<Transfer>,
) -> Result<Json<Model>, ApiError> {
    app.engine.models.transfer_model(caller.id(), id, &form.email).await?;
    Ok(Json(app.engine.models.model(caller.id(), id).await?.into()))
}

/// Who may see a table besides those who may see its Model.
#[utoipa::path(get, path = "/tables/{id}/members", tag = "tables", params(("id" = Uuid, Path)),
    responses((status = OK, body = List<Member>)))]
pub(crate) async fn list_table_members(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TableId>,
) -> Result<Json<List<Member>>, ApiError> {
    Ok(Json(List::all(app.engine.tables.members(caller.id(), id).await?)))
}

/// Shows a table alone to somebody or to a team. For the owner of its Model.
#[utoipa::path(put, path = "/tables/{id}/members", tag = "tables", params(("id" = Uuid, Path)),
    request_body = PutTableMember, responses((status = OK, body = Member)))]
pub(crate) async fn put_table_member(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Path(id): Path<TableId>,
    Body(form): Body<PutTableMember>,
) -> Result<Json<Member>, ApiError> {
    if !matches!(form.access, None | Some(Access::Viewer)) {
        return Err(Problem::invalid("access", "A table alone can only be looked at: viewer.").into());
    }
    let with = share_with(form.email, form.team_id)?;
    let shared = app.engine.tables.put_member(caller.id(), id, with).await?;
    Ok(Json(Member::shared(&app, caller.id(), &headers, shared).await))
}

/// Shows a table to a member no longer.
#[utoipa::path(delete, path = "/tables/{id}/members/{member_id}", tag = "tables",
    params(("id" = Uuid, Path), ("member_id" = Uuid, Path)), responses((status = NO_CONTENT)))]
pub(crate) async fn delete_table_member(
    State(app): State<App>,
    caller: Caller,
    Path((id, member)): Path<(TableId, MemberId)>,
) -> Result<StatusCode, ApiError> {
    app.engine.tables.delete_member(caller.id(), id, member).await?;
    Ok(StatusCode::NO_CONTENT)
}
