# Everything there is to do here. Each script says at its top what it does.
.PHONY: demo test bench setup api

demo: setup            ## plays the main job against a throw-away PostgreSQL, then serves; DEMO=once ends after it
	@demo/run $(DEMO)

test:                  ## everything that proves it, from nothing
	@scripts/test

bench:                 ## the figures of docs/benchmarks.md, made again; ROUNDS=5
	@bench/run

setup:
	@scripts/setup

api: setup             ## the OpenAPI snapshot and the page's types, after a change to the HTTP API
	@scripts/api
