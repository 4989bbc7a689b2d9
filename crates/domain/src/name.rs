//! Names that people give, parsed at the door.

use crate::problem::{Problem, Result};

/// Text without control characters and without the invisible marks that reorder or hide text, trimmed,
/// of 1 to `longest` characters.
pub(crate) fn human_text(field: &'static str, text: &str, longest: usize) -> Result<String> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Problem::invalid(field, "This can't be empty."));
    }
    if text.chars().count() > longest {
        return Err(Problem::invalid(field, format!("At most {longest} characters.")));
    }
    let invisible = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                | '\u{3164}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0001}')
    };
    // U+200D joins emoji into one picture; it hides nothing by itself.
    if text.chars().any(|c| invisible(c) && c != '\u{200d}') {
        return Err(Problem::invalid(field, "Control characters and invisible marks are not allowed here."));
    }
    Ok(text.to_owned())
}

macro_rules! human {
    ($($(#[$doc:meta])* $name:ident, $longest:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            pub fn parse(field: &'static str, text: &str) -> Result<Self> {
                human_text(field, text, $longest).map(Self)
            }
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    )+};
}

human! {
    /// What a person is called.
    PersonName, 100;
    /// What a Model or a token is called.
    ResourceName, 100;
}

/// What an imported table is called. As wide as PostgreSQL's identifiers, because that is where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableName(String);

impl TableName {
    /// In characters.
    pub const MAX_CHARS: usize = 128;

    pub fn parse(text: &str) -> Result<Self> {
        match text.chars().count() {
            0 => Err(Problem::invalid("name", "This can't be empty.")),
            1..=Self::MAX_CHARS if !text.contains('\0') => Ok(Self(text.to_owned())),
            _ => Err(Problem::invalid("name", "At most 128 characters, none of them NUL.")),
        }
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An e-mail address, lower-cased. Checked for its shape only: whether it exists shows when mail is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    pub fn parse(text: &str) -> Result<Self> {
        let text = human_text("email", text, 254)?.to_lowercase();
        let valid = text.split_once('@').is_some_and(|(local, host)| {
            !local.is_empty()
                && local.len() <= 64
                && !host.contains('@')
                && host
                    .split('.')
                    .all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'))
        }) && !text.chars().any(char::is_whitespace);
        if valid { Ok(Self(text)) } else { Err(Problem::invalid("email", "This is no e-mail address.")) }
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_visible() {
        assert_eq!(PersonName::parse("name", "  Ada 👩‍🔬 ").unwrap().as_str(), "Ada 👩‍🔬");
        for bad in
            ["", "   ", "a\0b", "a\u{202e}b", "a\u{2066}b", "a\u{61c}b", "\u{3164}", "a\nb", &"x".repeat(101)]
        {
            assert!(PersonName::parse("name", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn emails() {
        assert_eq!(Email::parse("Ada@Example.ORG").unwrap().as_str(), "ada@example.org");
        for bad in ["", "ada", "@x", "a@", "a@b@c", "a b@c", "a@-b", "a@b..c"] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
    }
}
