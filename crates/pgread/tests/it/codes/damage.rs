//! Data that cannot be read any more, on a server of its own, which is not to be trusted afterwards.

use super::{Table, reading::fails};
use mycorr_domain::Code;
use mycorr_testkit::{Cluster, Database, Options};
use std::{fs, path::PathBuf};

pub(super) async fn rows(table: &mut Table) {
    let cluster = Cluster::start(&Options { settings: &[("autovacuum", "off")], ..Options::default() });
    let database = Database::create(&cluster);
    database.sql(
        "CREATE TABLE public.page AS SELECT n, repeat('x', 100) AS t FROM generate_series(1, 1000) n; \
         CREATE TABLE public.missing AS SELECT n FROM generate_series(1, 1000) n; \
         CREATE TABLE public.length AS SELECT n, 'zz' || lpad(n::text, 5, '0') || repeat('abcdefgh', 25) AS t FROM generate_series(1, 20) n; \
         CREATE TABLE public.chunk (t text); ALTER TABLE public.chunk ALTER t SET STORAGE EXTERNAL; \
         INSERT INTO public.chunk VALUES (repeat('x', 100000)); \
         CREATE TABLE public.status AS SELECT 1 AS n; CREATE VIEW public.above AS SELECT * FROM public.length; CHECKPOINT",
    );
    let file = |relation: &str| {
        cluster.data_file(&database.sql(&format!("SELECT pg_relation_filepath({relation})")))
    };
    let (page, missing) = (file("'public.page'"), file("'public.missing'"));
    let (length, status) = (file("'public.length'"), file("'public.status'"));
    let chunk = file("(SELECT reltoastrelid::regclass FROM pg_class WHERE oid = 'public.chunk'::regclass)");
    cluster.stop("fast");
    let change = |path: &PathBuf, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = fs::read(path).unwrap();
        change(&mut bytes);
        fs::write(path, bytes).unwrap();
    };
    change(&page, &|bytes| bytes[..64].fill(0x5a));
    fs::remove_file(missing).unwrap();
    // The four bytes before the value are its length.
    change(&length, &|bytes| {
        let at = bytes.windows(7).position(|window| window == b"zz00007").unwrap();
        bytes[at - 4..at].fill(0);
    });
    // A page of zeros is an empty one.
    change(&chunk, &|bytes| bytes.fill(0));
    // The transaction that wrote the row: one of long ago, whose fate is in a file that was never there.
    change(&status, &|bytes| {
        let row = (u32::from_le_bytes(bytes[24..28].try_into().unwrap()) & 0x7fff) as usize;
        bytes[row..row + 4].copy_from_slice(&4_294_967_000_u32.to_le_bytes());
        bytes[row + 21] &= !0x03;
    });
    cluster.start_again();
    for (name, sqlstate) in [
        ("page", "XX001"),
        ("missing", "58P01"),
        ("length", "XX000"),
        ("above", "XX000"),
        ("chunk", "XX00"),
        ("status", "58P01"),
    ] {
        let problem = fails(&database, name).await;
        table.row(name, &problem, Code::DamagedData, &["damaged", sqlstate, &format!("public.{name}")]);
    }
}
