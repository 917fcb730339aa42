# Everything is one command on a fresh clone: `make run`, `make test`. `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

SETUP := node_modules/.package-lock.json
DESCRIPTORS := generated/descriptors.binpb

.PHONY: help run build test test-long bench lint format typecheck generate check-generated clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

$(SETUP): package.json package-lock.json
	npm ci
	@touch $@

run: build ## Set everything up and serve with the defaults
	node dist/cli.js serve

build: $(SETUP) ## Compile src/ and generated/ to dist/
	tsc -b
	@chmod +x dist/cli.js

test: build lint typecheck check-generated ## Set everything up and run every suite (under 10 minutes)
	vitest run

test-long: build ## The same at length: millions of mutations, many kill rounds, Node 24
	SESSIOND_TEST_LONG=1 vitest run

bench: build ## Measure Create beside a bare echo; table on screen, JSON in bench/results/
	node bench/run.js

lint: $(SETUP) ## Format, lint, import directions, contracts
	biome check .
	buf lint
	buf breaking --against proto/released.binpb

format: $(SETUP) ## Format and fix what can be fixed
	biome check --write .

typecheck: $(SETUP) ## Check the types of sources, tests and benches
	tsc -b
	tsc -p test

generate: $(SETUP) ## Write generated/ from proto/
	buf generate
	buf build --as-file-descriptor-set --exclude-source-info -o $(DESCRIPTORS)

check-generated: generate ## Fail where generated/ is not what proto/ gives
	@git diff --exit-code --stat -- generated && test -z "$$(git ls-files --others --exclude-standard generated)" \
	  || { echo 'generated/ has drifted from proto/: run make generate and commit it'; exit 1; }

clean: ## Remove what was built
	rm -rf dist node_modules .cache
