# Everything there is to do here. Each script says at its top what it does.
.PHONY: build demo test bench bench-micro api statements

# The first build takes some minutes: DataFusion and Delta Lake come as source.
build:
	@scripts/setup
	@bash -c '. scripts/env && cargo build --locked -p mycorr-cli'

# Plays the main job against a throw-away PostgreSQL and serves until Ctrl-C; DEMO=once ends after the job,
# DEMO=cluster has three nodes, PostgreSQL and an S3 server, and kills one of the nodes.
demo: build
	@demo/run $(DEMO)

# Everything that proves it, from nothing.
test:
	@scripts/test

# The figures of docs/benchmarks.md, made again; ROUNDS=5, SF=1, ONLY="lineitem mixed pages bounds catalogue".
bench:
	@bench/run

# What decoding and encoding cost for each family of types, compared with the run before.
bench-micro:
	@bash -c '. scripts/env && cargo bench --locked -p mycorr-pgread -p mycorr-tables --bench decode --bench encode'

# The OpenAPI snapshot and the page's types, after a change to the HTTP API.
api:
	@scripts/api

# docs/statements.md from the source, after a change to what is sent.
statements:
	@bash -c '. scripts/env && UPDATE_SNAPSHOTS=1 cargo test --locked -q -p mycorr-pgread --test it documented'
