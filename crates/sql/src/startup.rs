//! How a connection begins: its settings, its token.

use crate::{
    failure::{Failure, SqlState},
    handlers::Handlers,
    session::Session,
    settings,
};
use async_trait::async_trait;
use futures::{Sink, SinkExt};
use pgwire::{
    api::{
        ClientInfo, METADATA_DATABASE, METADATA_USER, PidSecretKeyGenerator,
        auth::{
            ServerParameterProvider, StartupHandler, finish_authentication, protocol_negotiation,
            save_startup_parameters_to_metadata,
        },
    },
    error::{PgWireError, PgWireResult},
    messages::{PgWireBackendMessage, PgWireFrontendMessage, startup::Authentication},
};
use std::{collections::HashMap, fmt::Debug};

struct Reported;

impl ServerParameterProvider for Reported {
    fn server_parameters<C: ClientInfo>(&self, client: &C) -> Option<HashMap<String, String>> {
        let mut all: HashMap<_, _> = settings::REPORTED
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        for (name, from) in
            [("session_authorization", METADATA_USER), ("application_name", "application_name")]
        {
            all.insert(name.to_owned(), client.metadata().get(from).cloned().unwrap_or_default());
        }
        Some(all)
    }
}

#[async_trait]
impl StartupHandler for Handlers {
    async fn on_startup<C>(&self, client: &mut C, message: PgWireFrontendMessage) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        match message {
            PgWireFrontendMessage::Startup(ref startup) => {
                if self.shared.needs_tls && !client.is_secure() {
                    let message = "connections have to be encrypted here";
                    let failure = Failure::new(SqlState::InvalidAuthorization, message)
                        .hint("Set sslmode=require or better.");
                    return Err(failure.fatal().into());
                }
                protocol_negotiation(client, startup).await?;
                save_startup_parameters_to_metadata(client, startup);
                for (name, value) in &startup.parameters {
                    settings::start_with(name, value).map_err(Failure::fatal)?;
                }
                client.set_state(pgwire::api::PgWireConnectionState::AuthenticationInProgress);
                client.send(PgWireBackendMessage::Authentication(Authentication::CleartextPassword)).await?;
            }
            PgWireFrontendMessage::PasswordMessageFamily(password) => {
                let password = password.into_password()?;
                let of = |name: &str| client.metadata().get(name).cloned().unwrap_or_default();
                let user = of(METADATA_USER);
                let database = Some(of(METADATA_DATABASE))
                    .filter(|name| !name.is_empty())
                    .unwrap_or_else(|| user.clone());
                let (process, secret) = self.pids.generate(client);
                client.set_pid_and_secret_key(process, secret.clone());
                let opened = Session::open(
                    self.shared.clone(),
                    &user,
                    &database,
                    &password.password,
                    (process, secret),
                )
                .await?;
                self.shared.admit(&opened)?;
                client.session_extensions().insert(opened);
                finish_authentication(client, &Reported).await?;
            }
            _ => {}
        }
        Ok(())
    }
}
