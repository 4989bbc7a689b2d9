//! Classes of SQLSTATEs (manual, appendix A).

/// A class in words that follow "the database reported an error that Mycorr has no words for".
pub(super) fn class(sqlstate: &str) -> &'static str {
    match sqlstate.get(..2).unwrap_or_default() {
        "08" => "a connection of the server's own failed",
        "0A" => "it does not support something that this needs",
        "0Z" | "20" | "21" | "22" => "a value could not be computed",
        "23" | "27" | "44" => "a value broke a rule of the table or type",
        "25" | "2D" | "3B" | "40" => "the state of the transaction does not allow it",
        "28" => "the sign-in was refused",
        "2B" | "2F" | "38" | "39" | "P0" => "a function failed",
        "3D" | "3F" | "42" => "a name or a right is missing, or the statement was not understood",
        "53" => "it has not enough memory, disk or connections",
        "54" => "a limit of PostgreSQL was reached",
        "55" => "something is not in the state that this needs",
        "57" => "an operator stepped in",
        "58" => "the system beneath it failed",
        "F0" => "a mistake in its configuration",
        "HV" => "a foreign server failed",
        "XX" => "an internal error of the server",
        _ => "an error of a kind of its own",
    }
}

/// An SQLSTATE is five letters and digits; a hostile server may send anything.
pub(super) fn plain(sqlstate: &str) -> &str {
    let valid = sqlstate.len() == 5 && sqlstate.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if valid { sqlstate } else { "unknown" }
}

/// undefined_table, _schema, _function, _object, _column; ambiguous_function
pub(super) fn is_unknown_name(sqlstate: &str) -> bool {
    matches!(sqlstate, "42P01" | "3F000" | "42883" | "42704" | "42703" | "42725")
}

/// A value could not be computed, broke a rule, or a function failed.
pub(super) fn is_of_a_value(sqlstate: &str) -> bool {
    !matches!(sqlstate, "22021" | "22P05")
        && (matches!(
            sqlstate.get(..2),
            Some("20" | "21" | "22" | "23" | "2F" | "38" | "39" | "44" | "54" | "P0")
        ) || sqlstate == "55000")
}
