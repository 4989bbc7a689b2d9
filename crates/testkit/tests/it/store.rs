mycorr_testkit::store_suite!(async { (mycorr_testkit::MemoryStore::default(), ()) });
