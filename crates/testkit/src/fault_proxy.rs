//! Somebody on the way who meddles with what a server says.

use crate::cluster::Cluster;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    task::JoinHandle,
};

/// What happens in place of the message that is meddled with, and of all that would come after it.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Nothing, and the connection stays open.
    Silence,
    /// So many bytes of it, and the connection is closed.
    Cut(usize),
    /// This, and then silence.
    Say(Vec<u8>),
    /// This, over and over.
    SayForever(Vec<u8>),
}

/// Passes unencrypted connections on to a cluster, until a message comes from there that has this tag and holds
/// these bytes.
pub struct FaultProxy {
    port: u16,
    awake: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl FaultProxy {
    pub async fn start(cluster: &Cluster, tag: u8, holds: &[u8], fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let awake = Arc::new(AtomicBool::new(true));
        let (to, holds, known) = (cluster.port(), holds.to_vec(), awake.clone());
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let way = FaultPath { tag, holds: holds.clone(), fault: fault.clone(), awake: known.clone() };
                tokio::spawn(way.pass(client, to));
            }
        });
        Self { port, awake, task }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether it meddles, or just passes on.
    pub fn be_awake(&self, awake: bool) {
        self.awake.store(awake, SeqCst);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct FaultPath {
    tag: u8,
    holds: Vec<u8>,
    fault: Fault,
    awake: Arc<AtomicBool>,
}

impl FaultPath {
    /// Until the client goes, or both have.
    #[allow(clippy::disallowed_methods, reason = "a test's own server on this machine")]
    async fn pass(self, client: TcpStream, to: u16) {
        let Ok(server) = TcpStream::connect(("127.0.0.1", to)).await else { return };
        let (mut heard, mut told) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        tokio::select! {
            _ = tokio::io::copy(&mut heard, &mut to_server) => {}
            _ = self.answers(&mut from_server, &mut told) => {}
        }
    }

    async fn answers(&self, from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf) -> io::Result<()> {
        let mut bytes = Vec::new();
        loop {
            while let Some(length) = whole(&bytes) {
                let message: Vec<u8> = bytes.drain(..length).collect();
                let meant = message[0] == self.tag && contains(&message, &self.holds);
                if meant && self.awake.load(SeqCst) {
                    return self.meddle(&message, to).await;
                }
                to.write_all(&message).await?;
            }
            if from.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        }
    }

    async fn meddle(&self, message: &[u8], to: &mut OwnedWriteHalf) -> io::Result<()> {
        match &self.fault {
            Fault::Cut(bytes) => return to.write_all(&message[..*bytes]).await,
            Fault::Silence => {}
            Fault::Say(words) => to.write_all(words).await?,
            Fault::SayForever(words) => loop {
                to.write_all(words).await?;
            },
        }
        std::future::pending().await
    }
}

/// The length of the first message, if all of it is there: tag, length, body.
fn whole(bytes: &[u8]) -> Option<usize> {
    let length = u32::from_be_bytes(*bytes.get(1..)?.first_chunk()?) as usize + 1;
    (bytes.len() >= length).then_some(length)
}

fn contains(message: &[u8], bytes: &[u8]) -> bool {
    bytes.is_empty() || message.windows(bytes.len()).any(|window| window == bytes)
}
