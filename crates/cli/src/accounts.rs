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
    let User::Create(form) = command;
    let mut password = String::new();
    io::stdin().read_to_string(&mut password)?;
    // The line's end is of the shell's making.
    let typed = password.strip_suffix('\n').map(|text| text.strip_suffix('\r').unwrap_or(text));
    let password = Secret::new(typed.map(str::to_owned).unwrap_or(password));
    let engine = place.open_idle().await?;
    let user = engine.accounts.add_user(&form.name, &form.email, password, form.admin).await.map_err(told)?;
    say(user.id)?;
    Ok(())
}

pub(crate) async fn token(place: &Place, command: Token) -> Result<(), Failure> {
    let Token::Create(form) = command;
    let engine = place.open_idle().await?;
    let new = engine.accounts.create_token_for(&form.email, &form.name).await.map_err(told)?;
    say(new.token.expose())?;
    Ok(())
}
