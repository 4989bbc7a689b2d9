//! What a sealed secret is bound to.

/// Parts of any bytes, in order: for example the connection's id, the field, host, port, database and user.
/// It is authenticated with the ciphertext (AES-GCM's associated data) and not stored with it, so that a
/// ciphertext opens only where all parts are the same. No two different lists of parts are the same context.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context(Vec<u8>);

impl Context {
    pub fn new() -> Self {
        Self::default()
    }

    /// Each part stands behind its length, so that nothing can move from one part to the next.
    #[must_use]
    pub fn part(mut self, part: impl AsRef<[u8]>) -> Self {
        let part = part.as_ref();
        self.0.extend((part.len() as u64).to_be_bytes());
        self.0.extend(part);
        self
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}
