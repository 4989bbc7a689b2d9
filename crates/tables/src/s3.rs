//! Tables in a bucket of S3, or of a server that speaks like it.

use crate::problem::storage;
use mycorr_domain::{Code, Problem, Result};
use object_store::{
    Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, RetryConfig,
    aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut},
    path::Path,
    prefix::PrefixStore,
};
use std::{sync::Arc, time::Duration};
use url::Url;
use uuid::Uuid;

/// A request is tried so often, and for so long in all, before a person reads that it failed.
const MAX_RETRIES: usize = 5;
const RETRY_TIMEOUT: Duration = Duration::from_secs(60);

/// Opens `s3://bucket/prefix` with the settings of `variables`, which are named like those of AWS (`AWS_REGION`,
/// `AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID` …); what is no such name is passed over.
pub(crate) fn open(
    url: &Url,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Arc<dyn ObjectStore>> {
    let bucket = url.host_str().filter(|bucket| !bucket.is_empty()).ok_or_else(|| {
        Problem::invalid("storage_url", "The URL names no bucket.").fix("Write it like s3://bucket/prefix.")
    })?;
    let mut builder = AmazonS3Builder::new();
    for (name, value) in variables {
        if name.starts_with("AWS_")
            && let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>()
        {
            builder = builder.with_config(key, value);
        }
    }
    // Who names an endpoint without TLS wants it.
    let endpoint = builder.get_config_value(&AmazonS3ConfigKey::Endpoint);
    if endpoint.is_some_and(|endpoint| endpoint.starts_with("http://")) {
        builder = builder.with_allow_http(true);
    }
    let retry = RetryConfig { max_retries: MAX_RETRIES, retry_timeout: RETRY_TIMEOUT, ..Default::default() };
    let store = builder
        .with_bucket_name(bucket)
        // Of two commits from one base, one wins. It is the library's default, and what all stands on.
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_retry(retry)
        .build()
        .map_err(storage)?;
    Ok(Arc::new(PrefixStore::new(store, Path::from_url_path(url.path()).map_err(storage)?)))
}

/// Whether the server keeps what is there when a write asks it to. One that does not would let two writers commit the
/// same version, and the loser's rows would be gone.
pub(crate) async fn probe(store: &dyn ObjectStore) -> Result<()> {
    let path = Path::from(format!(".probe-{}", Uuid::new_v4()));
    let create = || store.put_opts(&path, "mycorr".into(), PutOptions::from(PutMode::Create));
    create().await.map_err(storage)?;
    let second = create().await;
    store.delete(&path).await.map_err(storage)?;
    match second {
        Err(Error::AlreadyExists { .. }) => Ok(()),
        Err(error) => Err(storage(error)),
        Ok(_) => Err(Problem::new(
            Code::StorageUnavailable,
            "The S3 server of MYCORR_STORAGE_URL does not know conditional writes (If-None-Match), without which two \
             writers could overwrite each other's versions.",
        )
        .fix("Use a server that does, such as Amazon S3, MinIO, Ceph or Cloudflare R2, or a newer version of this one.")),
    }
}
