//! When a socket's reader is woken.

use nix::{
    libc, setsockopt_impl,
    sys::socket::{setsockopt, sockopt::SetUsize},
};
use std::{io, os::fd::AsFd};

/// `SO_RCVLOWAT`, socket(7).
#[derive(Clone, Copy)]
struct LowWater;

setsockopt_impl!(LowWater, libc::SOL_SOCKET, libc::SO_RCVLOWAT, usize, SetUsize);

/// Lets whoever waits for `socket` sleep until so many bytes are there, or no more will come. The kernel makes
/// room for them, and looks at once whether they are there already.
///
/// For a stream that comes as fast as it can: whenever its reader is woken, the sender pays as well.
pub fn wake_at(socket: &impl AsFd, bytes: usize) -> io::Result<()> {
    Ok(setsockopt(socket, LowWater, &bytes)?)
}
