//! The stable codes of `problem+json`: what a program may branch on.

macro_rules! codes {
    ($($variant:ident = $text:literal, $title:literal;)+) => {
        /// Why something failed. The text is part of the HTTP contract and never changes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($variant),+ }

        impl Code {
            pub const ALL: &'static [Code] = &[$(Code::$variant),+];

            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $text),+ }
            }

            /// A few words for a heading; the same for every occurrence (RFC 9457, section 3.1.3).
            pub const fn title(self) -> &'static str {
                match self { $(Code::$variant => $title),+ }
            }

            pub fn parse(text: &str) -> Option<Code> {
                match text { $($text => Some(Code::$variant),)+ _ => None }
            }
        }
    };
}

codes! {
    // A connection or a read that failed.
    PrivateAddress = "private_address", "Private address";
    HostNotFound = "host_not_found", "Host not found";
    ConnectionRefused = "connection_refused", "Connection refused";
    ConnectionTimeout = "connection_timeout", "No answer in time";
    ConnectionLost = "connection_lost", "Connection lost";
    EncryptionUnsupported = "encryption_unsupported", "Server without encryption";
    CertificateUntrusted = "certificate_untrusted", "Certificate not trusted";
    CertificateExpired = "certificate_expired", "Certificate expired";
    CertificateNotYetValid = "certificate_not_yet_valid", "Certificate not yet valid";
    CertificateWrongHost = "certificate_wrong_host", "Certificate for another host";
    CaCertificateInvalid = "ca_certificate_invalid", "CA certificate not usable";
    AuthenticationFailed = "authentication_failed", "Sign-in refused by the database";
    AuthenticationUnsupported = "authentication_unsupported", "Authentication method not supported";
    DatabaseNotFound = "database_not_found", "Database not found";
    ConnectionRejected = "connection_rejected", "Rejected by the server's access rules";
    TooManyConnections = "too_many_connections", "Too many connections";
    SchemaPermissionDenied = "schema_permission_denied", "No permission for the schema";
    TablePermissionDenied = "table_permission_denied", "No permission for the table";
    ColumnPermissionDenied = "column_permission_denied", "No permission for a column";
    TableNotFound = "table_not_found", "Table not found";
    RowSecurityHidesRows = "row_security_hides_rows", "Row-level security hides rows";
    PoolerConflict = "pooler_conflict", "Connection pooler in the way";
    StatementTimeout = "statement_timeout", "Statement timeout";
    RecoveryConflict = "recovery_conflict", "Conflict with recovery";
    ServerShuttingDown = "server_shutting_down", "Server is shutting down";
    NotPostgresql = "not_postgresql", "Not a PostgreSQL server";
    ProtocolViolation = "protocol_violation", "Protocol violation";
    SecretUnreadable = "secret_unreadable", "Stored secret cannot be opened";
    StorageFull = "storage_full", "Storage full";
    StorageUnavailable = "storage_unavailable", "Storage not available";
    Cancelled = "cancelled", "Cancelled";
    NotSupportedServer = "not_supported_server", "Server not supported";
    PoolerHasNoServer = "pooler_has_no_server", "Connection pooler without a server";
    ForeignServerFailed = "foreign_server_failed", "A foreign server failed";
    ViewFailed = "view_failed", "The view itself fails";
    DamagedData = "damaged_data", "Damaged data";
    HotStandbyOff = "hot_standby_off", "Replica that takes no connections";
    PasswordExpired = "password_expired", "Password expired";
    QuotaExceeded = "quota_exceeded", "Quota used up";
    TooBusy = "too_busy", "Too busy";
    StorageConflict = "storage_conflict", "Table written by somebody else";
    // A read that the source refused for another reason.
    SourceError = "source_error", "The database reported an error";
    SourceChanged = "source_changed", "The source has changed";
    RowTooLarge = "row_too_large", "Row too large";
    WriteRefused = "write_refused", "The source tried to write";
    // A request.
    Invalid = "invalid", "Invalid input";
    ImmutableField = "immutable_field", "Field cannot be changed";
    NotFound = "not_found", "Not found";
    Forbidden = "forbidden", "Not allowed";
    NotSignedIn = "not_signed_in", "Not signed in";
    SignInFailed = "sign_in_failed", "Sign-in failed";
    ProviderUnavailable = "provider_unavailable", "Sign-in provider unavailable";
    SignUpClosed = "sign_up_closed", "Sign-up is closed";
    EmailTaken = "email_taken", "E-mail address taken";
    CrossOrigin = "cross_origin", "Request from another site";
    Conflict = "conflict", "Conflict";
    TooManyRequests = "too_many_requests", "Too many requests";
    PayloadTooLarge = "payload_too_large", "Request too large";
    MethodNotAllowed = "method_not_allowed", "Method not allowed";
    UnsupportedMediaType = "unsupported_media_type", "Unsupported media type";
    RangeNotSatisfiable = "range_not_satisfiable", "No such bytes";
    Internal = "internal", "Internal error";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_parses_back() {
        for code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), Some(*code));
        }
        assert_eq!(Code::parse("nonsense"), None);
    }
}
