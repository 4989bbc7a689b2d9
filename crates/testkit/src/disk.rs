//! A disk that is full when a test wants it to be.

use std::{
    env,
    fs::{self, File},
    io::{ErrorKind, Write},
    path::Path,
    process::Command,
};

/// Whether a test goes on without what this machine lacks. Where `MYCORR_REQUIRE_ALL=1` is set, as CI does, it
/// fails instead: a test that passes in silence proves nothing.
pub fn skip(test: &str, lacks: &str) {
    assert!(env::var_os("MYCORR_REQUIRE_ALL").is_none_or(|all| all != "1"), "{test} needs {lacks}");
    let _ = writeln!(std::io::stderr(), "SKIPPED: {test} needs {lacks}");
}

/// A file system of its own in memory, gone with this.
pub struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// Mounts one of `size`, as `mount` writes it; `None` where this user may not.
    pub fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(folder.path())
            .status()
            .is_ok_and(|status| status.success());
        if !mounted {
            let thread = std::thread::current();
            skip(thread.name().unwrap_or("a test"), "the right to mount a small file system (root)");
            return None;
        }
        Some(Self(folder))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes all the room that is left.
    pub fn fill(&self) {
        let mut ballast = File::options().create(true).append(true).open(self.ballast()).unwrap();
        let mut piece = vec![0_u8; 1 << 20];
        while !piece.is_empty() {
            match ballast.write(&piece) {
                Ok(written) if written > 0 => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                _ => piece.truncate(piece.len() / 2),
            }
        }
    }

    /// Lets nothing be written any more, or again.
    pub fn read_only(&self, read_only: bool) {
        let options = if read_only { "remount,ro" } else { "remount,rw" };
        let mounted = Command::new("mount").args(["-o", options]).arg(self.path()).status().unwrap();
        assert!(mounted.success());
    }

    /// Gives it back.
    pub fn free(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    fn ballast(&self) -> std::path::PathBuf {
        self.path().join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}
