//! `/teams` and `/invites`.

use super::{
    List,
    members::{MemberKind, describe},
    models::Access,
    users::Link,
};
use crate::{
    App,
    authentication::Caller,
    client_address::ClientAddress,
    extract::{Body, Paging, Path, Query},
    problem::ApiError,
};
use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use chrono::{DateTime, Utc};
use mycorr_domain::{InviteId, ModelId, Secret, TeamId, UserId};
use mycorr_engine::{self as engine, NewInvite};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TeamRole {
    Member,
    /// Manages the team.
    Admin,
}

impl From<engine::TeamRole> for TeamRole {
    fn from(role: engine::TeamRole) -> Self {
        match role {
            engine::TeamRole::Member => Self::Member,
            engine::TeamRole::Admin => Self::Admin,
        }
    }
}

impl From<TeamRole> for engine::TeamRole {
    fn from(role: TeamRole) -> Self {
        match role {
            TeamRole::Member => Self::Member,
            TeamRole::Admin => Self::Admin,
        }
    }
}

/// People who are shared with together.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Team {
    id: Uuid,
    name: String,
    /// The caller's.
    role: TeamRole,
    /// How many people belong to it.
    members: u64,
    created_at: DateTime<Utc>,
}

impl From<engine::Team> for Team {
    fn from(team: engine::Team) -> Self {
        let engine::Team { id, name, role, members, created_at } = team;
        Self { id: *id.as_uuid(), name, role: role.into(), members, created_at }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TeamForm {
    #[schema(max_length = 100)]
    name: String,
}

/// Who belongs to a team, or was invited to it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TeamMember {
    /// Of the account, or of the invitation.
    id: Uuid,
    kind: MemberKind,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    role: TeamRole,
    /// Of who was just invited: to be handed on. It is shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    invite: Option<Link>,
}

impl From<engine::TeamMember> for TeamMember {
    fn from(member: engine::TeamMember) -> Self {
        let (id, kind, name, email) = describe(member.who);
        Self { id, kind, name, email, role: member.role.into(), invite: None }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutTeamMember {
    /// An account's; another address is invited.
    #[schema(format = Email)]
    email: String,
    role: TeamRole,
}

/// Makes a team; the caller is its admin.
#[utoipa::path(post, path = "/teams", tag = "teams", request_body = TeamForm,
    responses((status = CREATED, body = Team)))]
pub(crate) async fn create_team(
    State(app): State<App>,
    caller: Caller,
    Body(form): Body<TeamForm>,
) -> Result<(StatusCode, Json<Team>), ApiError> {
    let team = app.engine.teams.create(caller.id(), &form.name).await?;
    Ok((StatusCode::CREATED, Json(team.into())))
}

/// The teams that the caller belongs to, newest first.
#[utoipa::path(get, path = "/teams", tag = "teams", params(Paging),
    responses((status = OK, body = List<Team>)))]
pub(crate) async fn list_teams(
    State(app): State<App>,
    caller: Caller,
    Query(paging): Query<Paging>,
) -> Result<Json<List<Team>>, ApiError> {
    Ok(Json(app.engine.teams.list(caller.id(), paging.after(), paging.limit()?).await?.into()))
}

/// A team.
#[utoipa::path(get, path = "/teams/{id}", tag = "teams", params(("id" = Uuid, Path)),
    responses((status = OK, body = Team)))]
pub(crate) async fn get_team(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TeamId>,
) -> Result<Json<Team>, ApiError> {
    Ok(Json(app.engine.teams.get(caller.id(), id).await?.into()))
}

/// Renames a team. For its admins.
#[utoipa::path(patch, path = "/teams/{id}", tag = "teams", params(("id" = Uuid, Path)),
    request_body = TeamForm, responses((status = OK, body = Team)))]
pub(crate) async fn update_team(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TeamId>,
    Body(form): Body<TeamForm>,
) -> Result<Json<Team>, ApiError> {
    Ok(Json(app.engine.teams.rename(caller.id(), id, &form.name).await?.into()))
}

/// Deletes a team: what was shared with it is shared with nobody. For its admins.
#[utoipa::path(delete, path = "/teams/{id}", tag = "teams", params(("id" = Uuid, Path)),
    responses((status = NO_CONTENT)))]
pub(crate) async fn delete_team(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TeamId>,
) -> Result<StatusCode, ApiError> {
    app.engine.teams.delete(caller.id(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who belongs to a team, and who was invited to it.
#[utoipa::path(get, path = "/teams/{id}/members", tag = "teams", params(("id" = Uuid, Path)),
    responses((status = OK, body = List<TeamMember>)))]
pub(crate) async fn list_team_members(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<TeamId>,
) -> Result<Json<List<TeamMember>>, ApiError> {
    Ok(Json(List::all(app.engine.teams.members(caller.id(), id).await?)))
}

/// Takes somebody into a team, or changes their role. For its admins; the last one stays.
#[utoipa::path(put, path = "/teams/{id}/members", tag = "teams", params(("id" = Uuid, Path)),
    request_body = PutTeamMember, responses((status = OK, body = TeamMember)))]
pub(crate) async fn put_team_member(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Path(id): Path<TeamId>,
    Body(form): Body<PutTeamMember>,
) -> Result<Json<TeamMember>, ApiError> {
    let shared = app.engine.teams.put_member(caller.id(), id, &form.email, form.role.into()).await?;
    super::members::mail_invited(&app, caller.id(), &shared.member.who, shared.invite.as_ref()).await;
    let invite = shared.invite.map(|link| Link::new(&app, &headers, "invite", &link));
    Ok(Json(TeamMember { invite, ..TeamMember::from(shared.member) }))
}

/// Takes a person out of a team. For its admins, and for a person who leaves; the last admin can't.
#[utoipa::path(delete, path = "/teams/{id}/members/{user_id}", tag = "teams",
    params(("id" = Uuid, Path), ("user_id" = Uuid, Path)), responses((status = NO_CONTENT)))]
pub(crate) async fn delete_team_member(
    State(app): State<App>,
    caller: Caller,
    Path((id, user)): Path<(TeamId, UserId)>,
) -> Result<StatusCode, ApiError> {
    app.engine.teams.delete_member(caller.id(), id, user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An invitation that was not taken yet.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Invite {
    id: Uuid,
    email: String,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl From<engine::Invite> for Invite {
    fn from(invite: engine::Invite) -> Self {
        let engine::Invite { id, email, created_at, expires_at } = invite;
        Self { id: *id.as_uuid(), email, created_at, expires_at }
    }
}

/// A new invitation; its link is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NewInvitation {
    id: Uuid,
    email: String,
    url: String,
    expires_at: DateTime<Utc>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvitedModel {
    /// One that the caller owns.
    model_id: Uuid,
    access: Access,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvitedTeam {
    /// One whose admin the caller is.
    team_id: Uuid,
    role: TeamRole,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateInvite {
    #[schema(format = Email)]
    email: String,
    #[serde(default)]
    models: Vec<InvitedModel>,
    #[serde(default)]
    teams: Vec<InvitedTeam>,
}

/// Invites somebody who has no account. The link is good once and for seven days.
#[utoipa::path(post, path = "/invites", tag = "accounts", request_body = CreateInvite,
    responses((status = CREATED, body = NewInvitation)))]
pub(crate) async fn create_invite(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Body(form): Body<CreateInvite>,
) -> Result<(StatusCode, Json<NewInvitation>), ApiError> {
    let models = form.models.into_iter();
    let teams = form.teams.into_iter();
    let new = NewInvite {
        email: form.email,
        models: models.map(|with| (ModelId::from_uuid(with.model_id), with.access.into())).collect(),
        teams: teams.map(|with| (TeamId::from_uuid(with.team_id), with.role.into())).collect(),
    };
    let (invite, link) = app.engine.accounts.create_invite(caller.id(), new).await?;
    super::members::mail_invite(&app, caller.id(), &invite.email, &link).await;
    let url = app.settings.link(&headers, "invite", link.token.expose());
    let invite =
        NewInvitation { id: *invite.id.as_uuid(), email: invite.email, url, expires_at: link.expires_at };
    Ok((StatusCode::CREATED, Json(invite)))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcceptInvite {
    /// The last part of an invitation's link.
    #[schema(value_type = String)]
    invite: Secret,
}

/// Takes what an invitation carries for the caller's account, whose address it has to be for.
#[utoipa::path(post, path = "/invites/accept", tag = "accounts", request_body = AcceptInvite,
    responses((status = NO_CONTENT)))]
pub(crate) async fn accept_invite(
    State(app): State<App>,
    caller: Caller,
    Extension(from): Extension<ClientAddress>,
    Body(form): Body<AcceptInvite>,
) -> Result<StatusCode, ApiError> {
    app.engine.accounts.accept_invite(caller.id(), form.invite.expose(), from.0).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The caller's invitations that were not taken yet, newest first; everybody's for an administrator.
#[utoipa::path(get, path = "/invites", tag = "accounts", params(Paging),
    responses((status = OK, body = List<Invite>)))]
pub(crate) async fn list_invites(
    State(app): State<App>,
    caller: Caller,
    Query(paging): Query<Paging>,
) -> Result<Json<List<Invite>>, ApiError> {
    Ok(Json(app.engine.accounts.invites(caller.id(), paging.after(), paging.limit()?).await?.into()))
}

/// Takes an invitation back, with all that it carries.
#[utoipa::path(delete, path = "/invites/{id}", tag = "accounts", params(("id" = Uuid, Path)),
    responses((status = NO_CONTENT)))]
pub(crate) async fn delete_invite(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<InviteId>,
) -> Result<StatusCode, ApiError> {
    app.engine.accounts.delete_invite(caller.id(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}
