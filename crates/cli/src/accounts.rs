//! `mycorr user` and `mycorr token`: against the same data whether the server runs or not.

use crate::{
    Failure, say,
    settings::{Place, told},
};
use clap::{Args, Subcommand};
use mycorr_domain::Secret;
use std::io::{self, Read};

#[derive(Subcommand)]
pub(crate) enum User {
    /// Make an account. The first one is an administrator's.
    Create(CreateUser),
    /// Set the password of an account, and end its sessions.
    SetPassword(SetPassword),
    /// Disable an account: its sessions end, its tokens are refused. The last administrator can't be disabled.
    Disable(Whose),
    /// Enable an account again.
    Enable(Whose),
}

#[derive(Args)]
pub(crate) struct SetPassword {
    #[arg(long)]
    email: String,
    /// Read the password from standard input, so that it stands in no list of processes.
    #[arg(long, required = true)]
    password_stdin: bool,
}

#[derive(Args)]
pub(crate) struct Whose {
    #[arg(long)]
    email: String,
}

#[derive(Args)]
pub(crate) struct CreateUser {
    #[arg(long)]
    email: String,
    #[arg(long)]
    name: String,
    /// Read the password from standard input, so that it stands in no list of processes.
    #[arg(long, required = true)]
    password_stdin: bool,
    /// Make it an administrator.
    #[arg(long)]
    admin: bool,
}

#[derive(Subcommand)]
pub(crate) enum Token {
    /// Make a token and print it. It is shown this once.
    Create(CreateToken),
}

#[derive(Args)]
pub(crate) struct CreateToken {
    /// Whose token it is.
    #[arg(long)]
    email: String,
    /// What it is for.
    #[arg(long)]
    name: String,
}

pub(crate) async fn user(place: &Place, command: User) -> Result<(), Failure> {
    match command {
        User::Create(form) => {
            let password = password()?;
            let accounts = place.open_idle().await?.accounts;
            let user =
                accounts.add_user(&form.name, &form.email, password, form.admin).await.map_err(told)?;
            say(user.id)?;
        }
        User::SetPassword(form) => {
            let password = password()?;
            let accounts = place.open_idle().await?.accounts;
            accounts.set_password_of(&form.email, password).await.map_err(told)?;
        }
        User::Disable(whose) => set_disabled(place, whose, true).await?,
        User::Enable(whose) => set_disabled(place, whose, false).await?,
    }
    Ok(())
}

async fn set_disabled(place: &Place, whose: Whose, disabled: bool) -> Result<(), Failure> {
    place.open_idle().await?.accounts.set_disabled_of(&whose.email, disabled).await.map_err(told)
}

/// From standard input.
fn password() -> io::Result<Secret> {
    let mut password = String::new();
    io::stdin().read_to_string(&mut password)?;
    // The line's end is of the shell's making.
    let typed = password.strip_suffix('\n').map(|text| text.strip_suffix('\r').unwrap_or(text));
    Ok(Secret::new(typed.map(str::to_owned).unwrap_or(password)))
}

pub(crate) async fn token(place: &Place, command: Token) -> Result<(), Failure> {
    let Token::Create(form) = command;
    let engine = place.open_idle().await?;
    let new = engine.accounts.create_token_for(&form.email, &form.name).await.map_err(told)?;
    say(new.token.expose())?;
    Ok(())
}
