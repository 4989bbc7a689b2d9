//! The handlers, in files that mirror the URLs.

pub(crate) mod accounts;
pub(crate) mod browse;
pub(crate) mod connections;
pub(crate) mod diff;
pub(crate) mod events;
pub(crate) mod export;
pub(crate) mod holds;
pub(crate) mod job_list;
pub(crate) mod jobs;
pub(crate) mod members;
pub(crate) mod models;
pub(crate) mod notices;
pub(crate) mod oidc;
pub(crate) mod operating;
pub(crate) mod paste;
pub(crate) mod profile;
pub(crate) mod relations;
pub(crate) mod report;
pub(crate) mod retention;
pub(crate) mod role;
pub(crate) mod role_privileges;
pub(crate) mod rows;
pub(crate) mod sample;
pub(crate) mod saved_views;
pub(crate) mod schedules;
pub(crate) mod source_statistics;
pub(crate) mod statements;
pub(crate) mod tables;
pub(crate) mod teams;
pub(crate) mod tokens;
pub(crate) mod users;
pub(crate) mod versions;
pub(crate) mod webhooks;

use mycorr_engine::Listed;
use serde::Serialize;
use utoipa::ToSchema;

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct List<T> {
    items: Vec<T>,
    /// Pass it as `after` to get the next part; null at the end.
    #[schema(required)]
    next: Option<String>,
}

impl<U> List<U> {
    /// A list that is never long.
    pub(crate) fn all<T: Into<U>>(items: Vec<T>) -> Self {
        Self { items: items.into_iter().map(Into::into).collect(), next: None }
    }
}

impl<T, U: From<T>> From<Listed<T>> for List<U> {
    fn from(listed: Listed<T>) -> Self {
        Self { items: listed.items.into_iter().map(U::from).collect(), next: listed.next }
    }
}
