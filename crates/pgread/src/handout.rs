//! What a database's administrator is handed: the role's SQL, what it is for, and how to check it.

use crate::sql::identifier;
use mycorr_domain::Secret;

/// The password as PostgreSQL stores it (`SCRAM-SHA-256$…`, RFC 5803): who has it can make the role, and cannot
/// sign in as it.
pub fn scram_verifier(password: &Secret) -> String {
    postgres_protocol::password::scram_sha_256(password.expose().as_bytes())
}

/// Plain text to be sent on. A paragraph is one line, for whoever shows it to wrap. `sql` makes the role `username` in `database`.
pub fn handout(username: &str, database: &str, sql: &str) -> String {
    let (role, name) = (identifier(username), identifier(database));
    format!(
        "A read-only role for Mycorr\n\
         ===========================\n\n\
         Mycorr copies tables of {database} for somebody in your house. It sends SELECT and nothing else: no BEGIN, SET, \
         COPY or named statement. Every read is one implicit, read-only transaction with a statement and a lock timeout; \
         catalogues are read for estimates, and nothing is ever counted. The owner of the connection can show you every \
         statement that was ever sent (Settings, Connections, Statements).\n\n\
         1. Run this in the database {database}\n\n\
         As a role that may create roles and owns the tables.\n\n\
         {sql}\n\
         The password is not in it: what stands there is its SCRAM-SHA-256 verifier, with which nobody can sign in. The \
         server has to be PostgreSQL 10 or newer and let the role in over TLS (pg_hba.conf):\n\n\
         hostssl {name} {role} <Mycorr's address>/32 scram-sha-256\n\n\
         2. Check it\n\n\
         This has to say five times f:\n\n\
         SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls FROM pg_roles WHERE rolname = {literal};\n\n\
         And this nothing but SELECT:\n\n\
         SELECT table_schema, table_name, privilege_type FROM information_schema.role_table_grants WHERE grantee = {literal};\n\n\
         Mycorr looks at both too, when the connection is tested and at every sync, and shows what is too much with the \
         REVOKE for it.\n\n\
         3. Take it back\n\n\
         At once, and for good:\n\n\
         ALTER ROLE {role} NOLOGIN;\n\
         DROP OWNED BY {role}; DROP ROLE {role};\n",
        literal = crate::sql::literal(username),
    )
}
