//! A server that says anything at all, from its first byte to its last: signing in, the catalogue, rows. The first
//! byte of the input says where the conversation begins.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mycorr_fuzz as _;
use mycorr_pgread::bench_api::{Part, converse};
use std::{
    cell::RefCell,
    io::Write,
    net::{Shutdown, TcpStream},
    os::{fd::OwnedFd, unix::net::UnixStream},
};
use tokio::runtime::{Builder, Runtime};

thread_local! {
    static RUNTIME: RefCell<Runtime> = RefCell::new(Builder::new_current_thread().enable_all().build().unwrap());
}

fuzz_target!(|data: &[u8]| {
    let Some((&part, said)) = data.split_first() else { return };
    let part = match part % 4 {
        0 => Part::Login,
        1 => Part::Catalogue,
        2 => Part::Describe,
        _ => Part::Rows,
    };
    // A stream socket is one, and a pair of these takes no port. All that the server says is there at once, and then
    // the end: no wait is longer than that.
    let (ours, mut server) = UnixStream::pair().unwrap();
    server.set_nonblocking(true).unwrap();
    let _ = server.write_all(said);
    server.shutdown(Shutdown::Write).unwrap();
    let ours = TcpStream::from(OwnedFd::from(ours));
    ours.set_nonblocking(true).unwrap();
    RUNTIME.with_borrow(|runtime| {
        runtime.block_on(async { converse(tokio::net::TcpStream::from_std(ours).unwrap(), part).await });
    });
});
