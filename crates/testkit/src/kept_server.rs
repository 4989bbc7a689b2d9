//! A server that ends with who keeps it, however that ends.

use std::process::{Child, Command, Stdio};

pub(crate) struct KeptServer(Child);

impl KeptServer {
    /// Runs a program with nothing to read and nobody to listen to what it says.
    pub(crate) fn start(program: &Command) -> Self {
        // The shell reads to the end of a pipe whose other end only this process holds.
        let script = "\"$0\" \"$@\" & server=$!; cat >/dev/null; kill $server";
        let mut shell = Command::new("sh");
        shell.args(["-c", script]).arg(program.get_program()).args(program.get_args());
        shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(shell.spawn().unwrap())
    }
}

impl Drop for KeptServer {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
