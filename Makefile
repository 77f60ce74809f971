# Keymeter's commands. Run `make` to list them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test build schema format lint bench bench-scale fuzz sanitize failover chaos compose-test setup secrets clean

# Options of `make run`: the directory of the private database, and the port to serve on.
DATA_DIR ?= .keymeter
PORT ?= 8080

# Extra flags for `swift test`, for example: make test TEST_FLAGS='--filter Conformance'
TEST_FLAGS ?=
# How many tests run in parallel. Many start servers and database clusters, so more would only slow each other down.
TEST_WIDTH ?= 8

# The sanitizers of `make sanitize`.
SANITIZERS ?= thread address

SWIFT_FILES := Package.swift Sources Tests Plugins
# A target may import only its declared dependencies. Package.swift has the other rules that the compiler enforces.
STRICT := --explicit-target-dependency-import-check error
# With a cached build plan, SwiftPM would not notice a file that was added to sql/ or deleted from it.
BUILD := $(STRICT) --disable-build-manifest-caching

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# A debug build, whose modules `make test` needs too: a first release build would compile everything twice.
# exec, so that Ctrl-C reaches the server directly.
run: ## Install missing tools, build, and serve with a private database (DATA_DIR=.keymeter PORT=8080)
	@scripts/setup run
	swift build --product keymeter $(BUILD)
	@exec .build/debug/keymeter dev --data-dir '$(DATA_DIR)' --port '$(PORT)'

# The whole-stack tests start the keymeter executable from the same build.
test: ## Install missing tools, build, and run all tests (TEST_FLAGS='--filter NAME' for some)
	@scripts/setup test
	swift build --build-tests $(BUILD)
	SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=$(TEST_WIDTH) swift test --skip-build $(STRICT) $(TEST_FLAGS)

build: ## Install missing tools and build the release executable, .build/release/keymeter
	@scripts/setup run
	swift build --configuration release --product keymeter $(BUILD)

schema: ## Write sql/schema.sql, which a test compares with what the migrations create
	@scripts/setup test
	swift build --build-tests $(BUILD)
	KEYMETER_WRITE_SCHEMA=1 swift test --skip-build $(STRICT) --filter SchemaDocumentTests

format: ## Format the Swift sources in place
	swift format format --in-place --parallel --recursive $(SWIFT_FILES)

lint: ## Check the format of the Swift sources, the shell scripts, the Dockerfile, the compose file, the alerts and the language
	@scripts/setup lint
	swift format lint --strict --parallel --recursive $(SWIFT_FILES)
	scripts/shell-scripts | xargs -0 shellcheck
	.build-tools/bin/hadolint Dockerfile
	.build-tools/bin/docker-compose --file docker-compose.yml config --quiet
	PATH=".build-tools/bin:$$PATH" promtool check rules deploy/prometheus/alerts.yml
	PATH=".build-tools/bin:$$PATH" promtool test rules deploy/prometheus/alerts.test.yml
	python3 -c 'import sys, tomllib; tomllib.load(open(sys.argv[1], "rb"))' deploy/traefik/keymeter.toml
	scripts/lint-language

# exec, so that Ctrl-C reaches the run directly.
bench: build ## Benchmark Keymeter against its peers, and write Benchmarks/RESULTS.md (BENCH_QUICK=1: two minutes, no file)
	@scripts/setup bench
	@exec Benchmarks/run

# exec, so that Ctrl-C reaches the run directly.
bench-scale: build ## Benchmark Keymeter with 10,000,000 keys (36 GB of disk), and write Benchmarks/SCALE.md (BENCH_QUICK=1: a short run, no file)
	@scripts/setup bench
	@exec Benchmarks/run scale

# exec, so that Ctrl-C reaches the run directly.
fuzz: build ## Send hostile requests, and valid and invalid ones for every operation (FUZZ_SEED=7 repeats a run)
	@scripts/setup test fuzz
	swift build --build-tests $(BUILD)
	@exec Tests/Fuzz/run

# exec, so that Ctrl-C reaches the run directly.
failover: build ## Kill a replicated PostgreSQL under load, and account for every response (FAILOVER_ONLY=direct for one part)
	@scripts/setup failover
	@exec Tests/Failover/run

# exec, so that Ctrl-C reaches the run directly.
chaos: build ## Inject faults into nodes, PostgreSQL, disk and network under load, and account for every response (CHAOS_SEED=7 repeats a run)
	@scripts/setup chaos
	@exec Tests/Chaos/run

# One after the other: each rebuilds everything in a separate folder.
sanitize: ## Run the tests that need no database under Thread and Address Sanitizer (SANITIZERS=thread for one)
	@scripts/setup run
	@for sanitizer in $(SANITIZERS); do Tests/Sanitizers/run "$$sanitizer"; done

# exec, so that Ctrl-C reaches the run directly.
compose-test: ## Build the image and test docker-compose.yml on a real Docker engine (COMPOSE_ENGINE=own starts a private one)
	@scripts/setup compose
	@exec Tests/Compose/run

setup: ## Install everything needed for run, test and lint
	@scripts/setup run test lint

secrets: ## Create the secrets that docker-compose.yml mounts (secrets/); existing ones are kept
	@scripts/make-secrets

clean: ## Remove build output, but never the development database
	rm -rf .build .build-tools .build-thread .build-address .build-compose
	@[[ ! -d '$(DATA_DIR)' ]] || echo "Kept the development database. To delete it and its keys: rm -rf '$(DATA_DIR)'"
