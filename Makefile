# What people do with this project; `make` lists it. Each command is written here once: .ci/run calls these targets.

CARGO_TARGET_DIR ?= $(CURDIR)/target
export CARGO_TARGET_DIR
TRESTLE := $(CARGO_TARGET_DIR)/debug/trestle

.DEFAULT_GOAL := help
.PHONY: help portal run demo test isolation fuzz chaos bench schema lint format build format-check clippy dependencies-check schema-check

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

portal: ## Build the portal, where Node.js is 20.19 or newer and something of it has changed
	@scripts/build-portal

run: portal ## Run Trestle, all in one process, with its data in ./trestle-data
	cargo run --locked --bin trestle

demo: portal ## Run Trestle with a tenant, integrations and failures to look at
	cargo run --locked --bin trestle -- demo

test: ## Run every test; installs PostgreSQL, MariaDB, Redis, Node.js and Chromium where they are missing (TEST_DATABASE_URL, TEST_REDIS_URL name others)
	@scripts/install-test-servers
	@$(MAKE) --no-print-directory build
	cargo test --locked --workspace --no-fail-fast

isolation: build ## Ask each database QUERIES=100000 random questions and look for anything of another tenant
	TEST_ISOLATION_QUERIES=$(or $(QUERIES),100000) $(if $(SEED),TEST_ISOLATION_SEED=$(SEED)) \
	  cargo test --locked --workspace --test it -- isolation::property --nocapture --test-threads 1

fuzz: ## Fuzz what parses outsiders' bytes, SECONDS=60 each; WHAT=csv fuzzes one target
	scripts/fuzz --seconds $(or $(SECONDS),60) $(WHAT)

chaos: build ## Move a million records in RUNS=2000 runs through faults made for real, and count what arrived; a few minutes
	TEST_CHAOS_RUNS=$(or $(RUNS),2000) $(if $(SEED),TEST_CHAOS_SEED=$(SEED)) $(if $(FAULTS),TEST_CHAOS_FAULTS=$(FAULTS)) \
	  cargo test --locked --workspace --test it -- chaos --nocapture --test-threads 1

# Both in one build, so that what they share is built once.
bench: portal ## Measure, optimised; WHAT="sync --rows 100000" (or latency, startup, live, telemetry) measures a part
	cargo build --locked --release --bin trestle --bin bench
	$(CARGO_TARGET_DIR)/release/bench $(or $(WHAT),all)

schema: build ## Write schema.graphql and docs/connectors from the code
	$(TRESTLE) schema > schema.graphql.new
	mv schema.graphql.new schema.graphql
	rm -rf docs/connectors
	$(TRESTLE) connectors --directory docs/connectors

format: ## Format the code
	cargo fmt --all

lint: format-check dependencies-check clippy schema-check ## Check format, dependencies, lints, schema.graphql and docs/connectors

# Programs and tests together: one set of features, so that nothing is built twice.
build: portal ## Build everything, tests included
	cargo build --locked --workspace --all-targets

format-check: ## Check the format
	cargo fmt --all --check

clippy: ## Check the lints
	cargo clippy --locked --workspace --all-targets -- -D warnings

dependencies-check: ## Check licences, kept-out crates and sources (deny.toml)
	scripts/check-dependencies

schema-check: build ## Check that schema.graphql and docs/connectors are what the code says
	@$(TRESTLE) schema | diff -u schema.graphql - \
	  || { echo "schema.graphql is not what the code says: run make schema" >&2; exit 1; }
	@pages=$$(mktemp -d) && trap 'rm -rf "$$pages"' EXIT && $(TRESTLE) connectors --directory "$$pages" \
	  && diff -ruN docs/connectors "$$pages" \
	  || { echo "docs/connectors is not what the code says: run make schema" >&2; exit 1; }

.PHONY: test-servers portal-check
test-servers: ## Install what the tests start, where it is missing
	@scripts/install-test-servers

portal-check: ## Check the portal: types, lints, unit tests; `it portal` does with it what people do in a browser
	@cd portal && { [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund --loglevel=error; }
	@cd portal && npm run --silent check
