//! A table whose rows move while it is read.

use mycorr_testkit::{Database, Server};
use std::process::{Child, Command, Stdio};

pub(crate) const ACCOUNTS: i64 = 20_000;
pub(crate) const AMOUNT: i64 = 1000;

/// Writers that move amounts between accounts, in transactions of one statement, until it is dropped.
pub(crate) struct Writers(Child);

impl Writers {
    pub(crate) fn start(database: &Database<'_>) -> Self {
        database.sql(&format!(
            "CREATE TABLE public.accounts AS SELECT {AMOUNT}::bigint AS amount, n AS id, repeat('x', 50) AS pad \
               FROM generate_series(1, {ACCOUNTS}) n; \
             ALTER TABLE public.accounts ADD PRIMARY KEY (id); ANALYZE public.accounts"
        ));
        let folder = database.cluster.socket_folder();
        let script = folder.join(format!("{}.sql", database.name));
        let text = format!(
            "\\set a random(1, {ACCOUNTS})\n\\set b random(1, {ACCOUNTS})\n\\set d random(1, 100)\n\
             UPDATE public.accounts SET amount = amount + CASE WHEN id = :a THEN -(:d::bigint) ELSE :d::bigint END \
             WHERE id IN (:a, :b) AND :a <> :b;\n"
        );
        std::fs::write(&script, text).unwrap();
        let mut command = Command::new(Server::distribution_program("pgbench"));
        command.args(["-n", "-M", "prepared", "-c", "2", "-T", "3600", "-U", "postgres", "-h"]).arg(folder);
        command.args(["-p", &database.cluster.port().to_string(), "-f"]).arg(script).arg(&database.name);
        command.env("PGOPTIONS", "-c log_statement=none").stdout(Stdio::null()).stderr(Stdio::piped());
        let mut writers = Self(command.spawn().unwrap());
        let moved = "SELECT count(*) > 100 FROM public.accounts WHERE amount <> 1000";
        while database.sql(moved) != "t" {
            if writers.0.try_wait().unwrap().is_some() {
                panic!("{}", std::io::read_to_string(writers.0.stderr.take().unwrap()).unwrap());
            }
        }
        writers
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
