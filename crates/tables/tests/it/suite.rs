//! What every store does.

use mycorr_tables::DeltaStore;

mycorr_testkit::store_suite!(async {
    let folder = tempfile::tempdir().unwrap();
    (DeltaStore::open(folder.path().to_str().unwrap()).unwrap(), folder)
});
