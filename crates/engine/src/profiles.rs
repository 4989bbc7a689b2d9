//! What the columns of a version hold.

use crate::{Tables, rows::snapshot};
use mycorr_domain::{Code, Problem, Profile, Result, TableId, UserId};
use mycorr_meta::{Version, VersionName};

impl Tables {
    /// The profile of a version, the newest if none is named.
    ///
    /// # Errors
    /// `not_found`, also where the version was made before profiles were kept; `storage_unavailable`.
    pub async fn profile(
        &self,
        user: UserId,
        table: TableId,
        version: Option<i64>,
    ) -> Result<(Version, Profile)> {
        let version = self.readable(user, table, version.map(VersionName::Number)).await?;
        let profile = self.store.profile(&snapshot(&version)).await?;
        let profile = profile.ok_or_else(|| {
            Problem::new(Code::NotFound, "This version was made before profiles were kept.")
                .fix("Sync the table: the next version has one.")
        })?;
        Ok((version, profile))
    }
}
