//! In place of queries over several nodes where this binary is built without them.

use crate::{Failure, settings::Place};
use clap::Args;
use mycorr_meta::Meta;
use mycorr_tables::DeltaStore;
use uuid::Uuid;

#[derive(Args)]
pub(crate) struct NodeQueries {
    #[arg(long, env = "MYCORR_CLUSTER_LISTEN", hide = true)]
    cluster_listen: Option<String>,
}

/// Nothing listens.
#[allow(dead_code, reason = "it is never made, and named where it would be")]
pub(crate) struct Listening;

/// There are none.
pub(crate) enum Nodes {}

impl NodeQueries {
    pub(crate) async fn listen(&self, _: &Place) -> Result<Option<Listening>, Failure> {
        match &self.cluster_listen {
            Some(_) => Err("MYCORR_CLUSTER_LISTEN is set, and this binary was built without queries over several nodes: \
                            build it with --features sql"
                .into()),
            None => Ok(None),
        }
    }
}

impl Listening {
    pub(crate) fn address(&self) -> String {
        String::new()
    }

    pub(crate) async fn start(
        self,
        _: Uuid,
        _: &Place,
        _: &Meta,
        _: &DeltaStore,
    ) -> Result<Option<Nodes>, Failure> {
        Ok(None)
    }
}
