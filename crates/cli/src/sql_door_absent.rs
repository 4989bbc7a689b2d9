//! In place of the SQL door where this binary is built without it.

use crate::{Failure, query_nodes::Nodes};
use clap::Args;
use mycorr_engine::Engine;
use mycorr_server::MoreMetrics;
use mycorr_tables::DeltaStore;

#[derive(Args)]
pub(crate) struct SqlSettings {
    #[arg(long, env = "MYCORR_SQL_LISTEN", hide = true)]
    sql_listen: Option<String>,
}

pub(crate) struct Running;

impl SqlSettings {
    pub(crate) async fn open(
        &self,
        _: &Engine,
        _: &DeltaStore,
        _: Option<&Nodes>,
    ) -> Result<Running, Failure> {
        match &self.sql_listen {
            Some(_) => Err(
                "MYCORR_SQL_LISTEN is set, and this binary was built without the SQL door: build it with \
                            --features sql"
                    .into(),
            ),
            None => Ok(Running),
        }
    }
}

impl Running {
    pub(crate) fn metrics(&self) -> Option<MoreMetrics> {
        None
    }

    pub(crate) async fn close(self) {}
}
