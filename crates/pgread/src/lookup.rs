//! Look-ups in the catalogue. What an administrator has taken away from PUBLIC is left out of a look-up where it can
//! do without, and named with the GRANT that gives it back.

use crate::{
    client::{Client, Failed},
    explain::{ErrorContext, explain_look, to_problem},
    in_flight::WithStop,
    reader::Reader,
    sql::{self, Template},
    wire::{Failure, ServerError, pipeline::Row},
};
use mycorr_domain::{Code, Problem, Result};
use serde::{Deserialize, Serialize};

/// A part of the catalogue that the server keeps from the role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeniedLookup {
    /// E.g. `pg_catalog.pg_roles`.
    pub object: String,
    pub grant: String,
}

/// What a server refused, by the name that an [`Alternative`] goes by, and the words of its message.
pub(crate) struct Refused {
    pub(crate) object: &'static str,
    words: Vec<String>,
}

impl Client {
    /// Runs a template and returns its few rows.
    ///
    /// # Errors
    /// `table_permission_denied`, with the GRANT, for a part of the catalogue without which there is no answer; else as
    /// every read.
    pub(crate) async fn query(
        &mut self,
        template: Template,
        parameters: &[&str],
        asked: &ErrorContext<'_>,
    ) -> Result<Vec<Row>> {
        loop {
            let text = sql::render(template.text, |object| self.refused.iter().any(|r| r.object == object));
            let Failed { failure, stop } = match self.attempt(template.name, &text, parameters).await {
                Ok(rows) => return Ok(rows),
                Err(failed) => failed,
            };
            let version = &self.server().version;
            let Failure::Server(error) = &failure else {
                return Err(to_problem(&failure, asked).with_stop(stop));
            };
            if error.sqlstate != "42501" {
                return Err(explain_look(&failure, asked, &text, version));
            }
            let words = words(error);
            match dispensable(&text, &words) {
                Some(object) => self.refused.push(Refused { object, words }),
                None => {
                    let lookups = self.grants(&words, &text).await;
                    return Err(match lookups.is_empty() {
                        true => to_problem(&failure, asked),
                        false => denied(&lookups, self.target.endpoint.role()).internal(&failure),
                    });
                }
            }
        }
    }

    /// The rows of a template that nothing depends on; `None` if there is no answer. What is refused is named with the
    /// others.
    pub(crate) async fn query_or_do_without(
        &mut self,
        template: Template,
        parameters: &[&str],
    ) -> Option<Vec<Row>> {
        match self.attempt(template.name, template.text, parameters).await {
            Ok(rows) => Some(rows),
            Err(Failed { failure: Failure::Server(error), .. }) if error.sqlstate == "42501" => {
                self.refused.push(Refused { object: template.name, words: words(&error) });
                None
            }
            Err(_) => None,
        }
    }

    /// Asks for nothing in every way in which browsing, importing and syncing look things up, so that what is refused
    /// to the role shows.
    ///
    /// # Errors
    /// As every read.
    pub async fn try_lookups(&mut self) -> Result<()> {
        let endpoint = self.target.endpoint.clone();
        let asked = ErrorContext::login(&endpoint);
        // With a text to look for, or the server would plan without what it takes to look for one.
        self.query(sql::SEARCH, &["x", "", "", "0"], &asked).await?;
        self.query(sql::DESCRIBE, &["", ""], &asked).await?;
        Ok(())
    }

    /// What this connection had to do without so far.
    pub(crate) async fn denied_lookups(&mut self) -> Vec<DeniedLookup> {
        let refused = std::mem::take(&mut self.refused);
        let mut denied: Vec<DeniedLookup> = Vec::new();
        for Refused { words, .. } in &refused {
            for lookup in self.grants(words, "").await {
                if !denied.contains(&lookup) {
                    denied.push(lookup);
                }
            }
        }
        self.refused = refused;
        denied
    }

    /// What of PostgreSQL's own is meant by the words of a message that refuses something, and is refused. Those of
    /// `text`, a statement that needs it, count most.
    async fn grants(&mut self, words: &[String], text: &str) -> Vec<DeniedLookup> {
        let role = sql::identifier(self.target.endpoint.role());
        let lookup = |object: String, right: &str| DeniedLookup {
            grant: format!("GRANT {right} {object} TO {role};"),
            object,
        };
        let relations: Vec<_> = words.iter().filter_map(|word| relation(word)).collect();
        if let [relation] = relations.as_slice() {
            return vec![lookup(relation.clone(), "SELECT ON")];
        }
        if let Some(schema) =
            words.iter().find(|word| matches!(&***word, "pg_catalog" | "information_schema"))
        {
            return vec![lookup(schema.clone(), "USAGE ON SCHEMA")];
        }
        let functions = self.attempt(sql::DENIED.name, sql::DENIED.text, &[&words.join(" ")]).await;
        let functions: Vec<String> = match functions {
            Ok(rows) => rows.iter().filter_map(|row| Reader::new(row).text().ok()).collect(),
            // Every statement needs these, and so does this one.
            Err(_) => {
                let called = |word: &&String| {
                    let call = format!("{word}(");
                    text.contains(&call) || sql::SETTINGS.text.contains(&call)
                };
                words.iter().filter(called).map(|word| settings_signature(word)).collect()
            }
        };
        functions
            .into_iter()
            .map(|function| lookup(format!("pg_catalog.{function}"), "EXECUTE ON FUNCTION"))
            .collect()
    }
}

/// The words that could be a name. Of the text, names are what stays in every language.
fn words(error: &ServerError) -> Vec<String> {
    let words = error.message.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| !word.is_empty()).take(100).map(str::to_owned).collect()
}

/// Which of the things that a statement names, and can do without, the server refuses.
fn dispensable(text: &str, words: &[String]) -> Option<&'static str> {
    let there = || sql::ALTERNATIVES.iter().filter(|alternative| text.contains(alternative.part));
    let named = there()
        .flat_map(|alternative| alternative.objects)
        .find(|object| words.iter().any(|word| word == **object));
    // Of a view, what it calls itself may be refused.
    let inside = || there().flat_map(|alternative| alternative.objects).find(|object| **object == "tables");
    named.or_else(inside).copied()
}

/// A table or view of the catalogue that a statement reads.
fn relation(word: &str) -> Option<String> {
    let read = |name: &str| {
        let name = format!("{name} ");
        sql::TEMPLATES.iter().any(|template| template.text.contains(&name))
    };
    ["pg_catalog", "information_schema"]
        .into_iter()
        .map(|schema| format!("{schema}.{word}"))
        .find(|name| read(name))
}

/// A function of the settings as a GRANT names it, with every signature that is called; one that has only one needs none.
fn settings_signature(name: &str) -> String {
    match name {
        "current_setting" => "current_setting(text), pg_catalog.current_setting(text, boolean)".to_owned(),
        "extract" => "extract(text, interval)".to_owned(),
        _ => name.to_owned(),
    }
}

fn denied(lookups: &[DeniedLookup], role: &str) -> Problem {
    let objects: Vec<&str> = lookups.iter().map(|lookup| lookup.object.as_str()).collect();
    let grants: Vec<&str> = lookups.iter().map(|lookup| lookup.grant.as_str()).collect();
    Problem::new(
        Code::TablePermissionDenied,
        format!(
            "permission denied for {}: PostgreSQL lets every role use it, and here {role} may not. Mycorr needs it to find tables.",
            objects.join(", ")
        ),
    )
    .fix(grants.join("\n"))
}
