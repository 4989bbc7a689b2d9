//! Which failures pass by themselves.

use crate::Code;

impl Code {
    /// Whether the same read may succeed later although nobody changed anything: the network, a server that restarts,
    /// too many connections, a conflict with recovery, storage that is full or away. Everything else stays as it is
    /// until somebody acts, and is not retried.
    pub const fn is_transient(self) -> bool {
        matches!(
            self,
            Self::HostNotFound
                | Self::ConnectionRefused
                | Self::ConnectionTimeout
                | Self::ConnectionLost
                | Self::TooManyConnections
                | Self::RecoveryConflict
                | Self::ServerShuttingDown
                | Self::PoolerHasNoServer
                | Self::StorageFull
                | Self::StorageUnavailable
                | Self::StorageConflict
                | Self::TooBusy
                | Self::TooManyRequests
        )
    }
}
