//! A new read-only role, with a password that only its owner ever sees.

use crate::Connections;
use mycorr_domain::{Problem, Result, Secret};
use mycorr_pgread::sql;

/// What makes a role, and what tells an administrator about it.
pub struct NewRole {
    pub password: Secret,
    /// For the database's administrator to run. Holds the password's SCRAM-SHA-256 verifier, which signs nobody in.
    pub sql: String,
    /// The SQL with what an administrator wants to know, to be sent on.
    pub handout: String,
}

/// Letters and digits that are not taken for one another: nothing to quote in a shell or a URL.
const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
/// 139 bits of chance.
const LENGTH: usize = 24;

impl Connections {
    /// Makes a password up; stores nothing.
    ///
    /// # Errors
    /// `internal` where the system has no random numbers.
    pub fn new_role(&self, username: &str, database: &str, schemas: &[String]) -> Result<NewRole> {
        let password = Secret::new(password()?);
        let verifier = mycorr_pgread::scram_verifier(&password);
        let sql = sql::role_script(username, database, schemas, Some(&verifier));
        let handout = mycorr_pgread::handout(username, database, &sql);
        Ok(NewRole { password, sql, handout })
    }
}

fn password() -> Result<String> {
    let mut password = String::with_capacity(LENGTH);
    while password.len() < LENGTH {
        let mut bytes = [0; LENGTH];
        getrandom::fill(&mut bytes).map_err(Problem::bug)?;
        // Bytes beyond the last whole multiple would make some letters likelier.
        let fair = bytes.iter().filter(|&&byte| usize::from(byte) < 256 / LETTERS.len() * LETTERS.len());
        let letters = fair.map(|&byte| LETTERS[usize::from(byte) % LETTERS.len()] as char);
        password.extend(letters.take(LENGTH - password.len()));
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_and_never_twice_the_same() {
        let (one, two) = (password().unwrap(), password().unwrap());
        assert_eq!(one.len(), LENGTH);
        assert!(one.bytes().all(|byte| LETTERS.contains(&byte)));
        assert_ne!(one, two);
    }
}
