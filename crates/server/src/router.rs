//! All routes on one page.

use crate::{
    App,
    compression::compression,
    extract::MAX_BODY_BYTES,
    middleware::wrap,
    openapi::{Doc, finish},
    page::page,
    query_parameters::{KnownParameters, refuse_unknown},
    routes::{
        accounts, browse, connections, diff, events, export, holds, job_list, jobs, members, models, notices,
        oidc, operating, paste, profile, relations, retention, role, role_privileges, rows, sample,
        saved_views, schedules, statements, tables, teams, tokens, users, versions, webhooks,
    },
};
use axum::{Router, extract::DefaultBodyLimit, http::header, middleware::from_fn_with_state, routing::get};
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Everything, with what is around it.
pub(crate) fn router(app: App) -> Router {
    let (api, document) = api();
    let known = KnownParameters::of(&document);
    let document: &'static str = crate::openapi().leak();
    api.route(
        "/api/openapi.json",
        get(async move || ([(header::CONTENT_TYPE, "application/json")], document)),
    )
    .fallback(page)
    .layer(from_fn_with_state(known, refuse_unknown))
    .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
    .layer(from_fn_with_state(app.clone(), wrap))
    .layer(compression())
    .with_state(app)
}

/// The handlers with their paths, and the document that describes them.
pub(crate) fn api() -> (Router<App>, utoipa::openapi::OpenApi) {
    let v1 = OpenApiRouter::new()
        .routes(routes!(accounts::get_sign_up, accounts::sign_up))
        .routes(routes!(accounts::sign_in))
        .routes(routes!(accounts::sign_out))
        .routes(routes!(accounts::get_me, accounts::update_me))
        .routes(routes!(accounts::list_sessions))
        .routes(routes!(accounts::end_session))
        .routes(routes!(oidc::list_providers))
        .routes(routes!(oidc::begin_oidc))
        .routes(routes!(oidc::finish_oidc))
        .routes(routes!(oidc::sign_out_oidc))
        .routes(routes!(oidc::list_identities, oidc::add_identity))
        .routes(routes!(oidc::delete_identity))
        .routes(routes!(users::list_users))
        .routes(routes!(users::update_user))
        .routes(routes!(users::create_password_reset))
        .routes(routes!(users::request_password_reset))
        .routes(routes!(users::reset_password))
        .routes(routes!(tokens::create_token, tokens::list_tokens))
        .routes(routes!(tokens::delete_token))
        .routes(routes!(connections::create_connection, connections::list_connections))
        .routes(routes!(connections::test_new_connection))
        .routes(routes!(paste::parse_connection))
        .routes(routes!(sample::get_sample, sample::connect_sample))
        .routes(routes!(role::get_role_script, role::create_role_script))
        .routes(routes!(
            connections::get_connection,
            connections::update_connection,
            connections::delete_connection
        ))
        .routes(routes!(connections::test_connection))
        .routes(routes!(connections::transfer_connection))
        .routes(routes!(connections::accept_connection))
        .routes(routes!(connections::list_dependents))
        .routes(routes!(role_privileges::get_passport, role_privileges::check_passport))
        .routes(routes!(browse::list_schemas))
        .routes(routes!(browse::list_source_tables))
        .routes(routes!(browse::search_source_tables))
        .routes(routes!(browse::describe_named_table))
        .routes(routes!(browse::preview_named_table))
        .routes(routes!(browse::describe_source_table))
        .routes(routes!(browse::preview_source_table))
        .routes(routes!(statements::list_statements))
        .routes(routes!(models::create_model, models::list_models))
        .routes(routes!(models::get_model, models::update_model, models::delete_model))
        .routes(routes!(members::list_members, members::put_member))
        .routes(routes!(members::delete_member))
        .routes(routes!(members::transfer_model))
        .routes(routes!(events::list_activity))
        .routes(routes!(events::list_audit))
        .routes(routes!(members::list_table_members, members::put_table_member))
        .routes(routes!(members::delete_table_member))
        .routes(routes!(teams::create_team, teams::list_teams))
        .routes(routes!(teams::get_team, teams::update_team, teams::delete_team))
        .routes(routes!(teams::list_team_members, teams::put_team_member))
        .routes(routes!(teams::delete_team_member))
        .routes(routes!(teams::create_invite, teams::list_invites))
        .routes(routes!(teams::accept_invite))
        .routes(routes!(teams::delete_invite))
        .routes(routes!(webhooks::get_webhook, webhooks::set_webhook, webhooks::delete_webhook))
        .routes(routes!(webhooks::redeliver))
        .routes(routes!(notices::list_notices))
        .routes(routes!(notices::read_notices))
        .routes(routes!(notices::read_notice))
        .routes(routes!(models::list_tables))
        .routes(routes!(relations::list_relations))
        .routes(routes!(models::list_jobs))
        .routes(routes!(models::create_import))
        .routes(routes!(job_list::list_visible_jobs))
        .routes(routes!(job_list::all_job_events))
        .routes(routes!(jobs::get_job))
        .routes(routes!(jobs::job_events))
        .routes(routes!(jobs::cancel_job))
        .routes(routes!(tables::list_shown_tables))
        .routes(routes!(tables::get_table, tables::update_table, tables::delete_table))
        .routes(routes!(tables::sync_table))
        .routes(routes!(tables::verify_table))
        .routes(routes!(tables::set_source))
        .routes(routes!(schedules::get_schedule, schedules::set_schedule, schedules::delete_schedule))
        .routes(routes!(profile::get_profile))
        .routes(routes!(rows::list_rows))
        .routes(routes!(rows::get_cell))
        .routes(routes!(retention::delete_version))
        .routes(routes!(retention::get_freed_space))
        .routes(routes!(holds::get_sync_policy, holds::set_sync_policy))
        .routes(routes!(holds::get_held))
        .routes(routes!(holds::accept_held))
        .routes(routes!(holds::discard_held))
        .routes(routes!(retention::set_checkpoint, retention::delete_checkpoint))
        .routes(routes!(saved_views::list_views, saved_views::save_view))
        .routes(routes!(saved_views::delete_view))
        .routes(routes!(export::export_table))
        .routes(routes!(diff::get_diff))
        .routes(routes!(diff::list_diff_rows))
        .routes(routes!(versions::list_versions))
        .routes(routes!(versions::restore_version));
    let (router, mut document) = OpenApiRouter::with_openapi(Doc::openapi())
        .nest("/api/v1", v1)
        .routes(routes!(operating::healthz))
        .routes(routes!(operating::readyz))
        .routes(routes!(operating::metrics))
        .split_for_parts();
    finish(&mut document);
    (router, document)
}
