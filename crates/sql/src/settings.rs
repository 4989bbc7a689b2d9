//! Settings of a session that clients ask for or set. Values are printed in one way; a client may say that it expects
//! that way, and no other.

use crate::failure::{Failure, SqlState};

/// What is told at the start and by `SHOW`.
pub(crate) const REPORTED: &[(&str, &str)] = &[
    ("server_version", concat!("16.6 (Mycorr ", env!("CARGO_PKG_VERSION"), ")")),
    ("server_encoding", "UTF8"),
    ("client_encoding", "UTF8"),
    ("integer_datetimes", "on"),
    ("in_hot_standby", "off"),
    ("is_superuser", "off"),
    ("default_transaction_read_only", "on"),
    ("DateStyle", "ISO, MDY"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("standard_conforming_strings", "on"),
    ("search_path", "public"),
];

const SHOWN: &[(&str, &str)] = &[
    ("bytea_output", "hex"),
    ("extra_float_digits", "1"),
    ("lc_collate", "C"),
    ("lc_ctype", "C.UTF-8"),
    ("lc_monetary", "C"),
    ("max_identifier_length", "63"),
    ("max_index_keys", "32"),
    ("server_version_num", "160006"),
    ("transaction_isolation", "repeatable read"),
    ("transaction isolation level", "repeatable read"),
    ("default_transaction_isolation", "repeatable read"),
    ("transaction_read_only", "on"),
    ("statement_timeout", "0"),
    ("xmloption", "content"),
    ("backslash_quote", "safe_encoding"),
    ("application_name", ""),
];

/// `SHOW name`.
pub(crate) fn show(name: &str) -> Result<&'static str, Failure> {
    let found = REPORTED.iter().chain(SHOWN).find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| *value).ok_or_else(|| {
        Failure::new(SqlState::UndefinedObject, format!("unrecognized configuration parameter {name:?}"))
    })
}

/// What a client begins with. A time zone is passed over: times are sent with their offset, and the one that counts is
/// reported. What is not known has no effect on answers.
pub(crate) fn start_with(name: &str, value: &str) -> Result<(), Failure> {
    let value = value.trim_matches('\'');
    match name.to_ascii_lowercase().as_str() {
        name @ ("client_encoding" | "datestyle" | "intervalstyle") => set(name, value),
        _ => Ok(()),
    }
}

/// `SET name = value`: whether answers are as the client wants them.
pub(crate) fn set(name: &str, value: &str) -> Result<(), Failure> {
    let name = name.to_ascii_lowercase();
    let is = |known: &[&str]| known.iter().any(|known| known.eq_ignore_ascii_case(value));
    let fits = match name.as_str() {
        "client_encoding" | "names" => is(&["utf8", "utf-8", "unicode", "default"]),
        "timezone" | "time zone" => is(&["utc", "etc/utc", "gmt", "z", "default"]),
        "datestyle" => value
            .to_ascii_lowercase()
            .split(',')
            .next()
            .is_some_and(|style| matches!(style.trim(), "iso" | "default" | "mdy" | "ymd" | "dmy")),
        "intervalstyle" => is(&["postgres", "default"]),
        "bytea_output" => is(&["hex", "default"]),
        "standard_conforming_strings" => is(&["on", "true", "default"]),
        "default_transaction_read_only" | "transaction_read_only" => is(&["on", "true", "default"]),
        // Of no effect on what is answered.
        "extra_float_digits"
        | "application_name"
        | "search_path"
        | "statement_timeout"
        | "lock_timeout"
        | "idle_in_transaction_session_timeout"
        | "client_min_messages"
        | "jit"
        | "row_security"
        | "synchronize_seqscans"
        | "default_transaction_isolation"
        | "tcp_keepalives_idle" => true,
        _ => {
            let message = format!("unrecognized configuration parameter {name:?}");
            return Err(Failure::new(SqlState::UndefinedObject, message));
        }
    };
    if fits {
        return Ok(());
    }
    Err(Failure::unsupported(format!("{name} can't be {value:?} here"))
        .hint("Values are printed with TimeZone UTC, DateStyle ISO, IntervalStyle postgres and in UTF-8, as they came."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_may_want_what_is_done_and_no_other() {
        for (name, value) in [
            ("DateStyle", "ISO, DMY"),
            ("client_encoding", "UTF8"),
            ("timezone", "UTC"),
            ("extra_float_digits", "3"),
        ] {
            assert!(set(name, value).is_ok(), "{name}");
        }
        for (name, value) in
            [("TimeZone", "Europe/Berlin"), ("client_encoding", "LATIN1"), ("datestyle", "German")]
        {
            assert_eq!(set(name, value).unwrap_err().state, SqlState::FeatureNotSupported, "{name}");
        }
        assert_eq!(set("work_mem", "1GB").unwrap_err().state, SqlState::UndefinedObject);
        assert_eq!(show("timezone").unwrap(), "UTC");
    }
}
