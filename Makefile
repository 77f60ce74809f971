# Keymeter's commands. `make` alone lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test build format lint bench bench-scale fuzz sanitize failover chaos compose-test setup secrets clean

# What `make run` passes on: where the private database lives, and the port to serve on.
DATA_DIR ?= .keymeter
PORT ?= 8080

# More for `swift test`, for example: make test TEST_FLAGS='--filter Conformance'
TEST_FLAGS ?=
# How many tests run at once. Many of them start servers and clusters; all at once they would only wait for each other.
TEST_WIDTH ?= 8

# What `make sanitize` runs the tests under.
SANITIZERS ?= thread address

SWIFT_FILES := Package.swift Sources Tests Plugins
# A target may import only what it declares; see Package.swift for the other rules that the compiler keeps.
STRICT := --explicit-target-dependency-import-check error

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# exec, so that nothing stands between Ctrl-C and the server.
run: build ## Set up what is missing, build, and serve with a private database (DATA_DIR=.keymeter PORT=8080)
	@exec .build/release/keymeter dev --data-dir '$(DATA_DIR)' --port '$(PORT)'

# The whole-stack tests start the keymeter executable that was built with them.
test: ## Set up what is missing, build, and run every test (TEST_FLAGS='--filter NAME' for some)
	@scripts/setup test
	swift build --build-tests $(STRICT)
	SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=$(TEST_WIDTH) swift test --skip-build $(STRICT) $(TEST_FLAGS)

build: ## Set up what is missing and build the release executable, .build/release/keymeter
	@scripts/setup run
	swift build --configuration release --product keymeter $(STRICT)

format: ## Format the Swift sources in place
	swift format format --in-place --parallel --recursive $(SWIFT_FILES)

lint: ## Check the format of the Swift sources, the shell scripts, the Dockerfile, the compose file and the alerts
	@scripts/setup lint
	swift format lint --strict --parallel --recursive $(SWIFT_FILES)
	scripts/shell-scripts | xargs -0 shellcheck
	.build-tools/bin/hadolint Dockerfile
	.build-tools/bin/docker-compose --file docker-compose.yml config --quiet
	PATH=".build-tools/bin:$$PATH" promtool check rules deploy/prometheus/alerts.yml
	PATH=".build-tools/bin:$$PATH" promtool test rules deploy/prometheus/alerts.test.yml
	python3 -c 'import sys, tomllib; tomllib.load(open(sys.argv[1], "rb"))' deploy/traefik/keymeter.toml

# exec, so that nothing stands between Ctrl-C and the run.
bench: build ## Measure Keymeter beside its peers, and write Benchmarks/RESULTS.md (BENCH_QUICK=1: two minutes, no file)
	@scripts/setup bench
	@exec Benchmarks/run

# exec, so that nothing stands between Ctrl-C and the run.
bench-scale: build ## Measure Keymeter with 10,000,000 keys (36 GB of disk), and write Benchmarks/SCALE.md (BENCH_QUICK=1: a small try, no file)
	@scripts/setup bench
	@exec Benchmarks/run scale

# exec, so that nothing stands between Ctrl-C and the run.
fuzz: build ## Make hostile requests, and every operation's right and wrong ones (FUZZ_SEED=7 for the same again)
	@scripts/setup test fuzz
	swift build --build-tests $(STRICT)
	@exec Tests/Fuzz/run

# exec, so that nothing stands between Ctrl-C and the run.
failover: build ## Kill a replicated PostgreSQL under load, and account for every answer (FAILOVER_ONLY=direct for one part)
	@scripts/setup failover
	@exec Tests/Failover/run

# exec, so that nothing stands between Ctrl-C and the run.
chaos: build ## Kill, freeze, fill and cut what is under Keymeter, and account for every answer (CHAOS_SEED=7 for the same again)
	@scripts/setup chaos
	@exec Tests/Chaos/run

# One after the other: each builds everything anew, in a folder of its own.
sanitize: ## Run the tests that need no database under Thread and Address Sanitizer (SANITIZERS=thread for one)
	@scripts/setup run
	@for sanitizer in $(SANITIZERS); do Tests/Sanitizers/run "$$sanitizer"; done

# exec, so that nothing stands between Ctrl-C and the run.
compose-test: ## Build the image and try docker-compose.yml on a real Docker engine (COMPOSE_ENGINE=own for one of its own)
	@scripts/setup compose
	@exec Tests/Compose/run

setup: ## Install everything that the other commands need
	@scripts/setup run test lint

secrets: ## Make the secrets that docker-compose.yml mounts, once (secrets/)
	@scripts/make-secrets

clean: ## Remove what was built; never the development database
	rm -rf .build .build-tools .build-thread .build-address .build-compose
	@[[ ! -d '$(DATA_DIR)' ]] || echo "Kept: the development database. To delete it and its keys: rm -rf '$(DATA_DIR)'"
