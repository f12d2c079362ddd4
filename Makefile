# The commands of this project; `make` lists them. They need Go and Node, and fetch everything else themselves.
# Written for GNU make 3.81, which macOS brings.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Generators and linters have modules of their own, so that theirs do not raise the versions of ours. The first use of
# each builds it, which takes minutes; from then on it comes from Go's cache.
tool     := go tool -modfile=tools/go.mod
golangci := go tool -modfile=tools/lint/go.mod golangci-lint
testenv  := go run ./test/devstack/testenv --
npm      := npm --loglevel=error

export REDOCLY_TELEMETRY := off

.PHONY: help
help: ## List these commands
	@awk -F ':.*## ' '/^[a-z0-9\/-]+:.*## / { printf "  %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

## Running

.PHONY: run bin/mugshot bin/mugshot-dev migrate credits reset
bin/mugshot bin/mugshot-dev: ## Build the program; mugshot-dev is the one of `make run`
	@echo 'Building $(@F); the first time takes a minute or two …'
	@go build -v -o $@ ./cmd/$(@F)

run: bin/mugshot-dev ## Start everything on this machine: Postgres, Redis, storage, mail, API and worker
	@exec bin/mugshot-dev

migrate: bin/mugshot ## Bring the database of DATABASE_URL up to date
	@bin/mugshot migrate up

credits: bin/mugshot ## Give credits to an account: make credits EMAIL=ada@example.com AMOUNT=10
	@test -n '$(EMAIL)' && test -n '$(AMOUNT)' || { echo 'usage: make credits EMAIL=ada@example.com AMOUNT=10' >&2; exit 2; }
	@bin/mugshot credits grant --email '$(EMAIL)' --amount '$(AMOUNT)'

reset: ## Forget what `make run` has stored
	rm -rf .dev

## Testing

.PHONY: test test-race test-migrations test-plans test-programs chaos test-ts e2e-ts test-web test-browser bench bench-growth bench-profiles bench-statements bench-programs bench-go
test: test-programs ## Run the Go tests; Postgres and Redis are provided
	$(testenv) go test -tags '$(programs)' ./...

test-race: test-programs ## Run them with the race detector, which needs a C compiler
	$(testenv) go test -race -timeout 30m -tags '$(programs)' ./...

test-migrations: test-programs ## Run the migrations up, down and up again
	$(testenv) go test -tags '$(programs)' ./migrations/... ./internal/platform/migrate/...

test-plans: ## Plan every query, and turn the pages of every list of an account with a million rows; takes ten minutes
	PLANS=full $(testenv) go test -count 1 -v -timeout 30m ./test/plans/

chaos: test-programs ## Kill, cut and empty everything under 500 jobs, and check the ledger; SEED=… repeats a run
	CHAOS=long SEED='$(SEED)' go test -count 1 -v -timeout 10m -tags '$(programs)' ./test/chaos/...

# The build tags of the tests whose subject is a program that we do not bring: the redis-server that is killed and
# restarted, where the embedded one would forget everything, the psql that apply_migrations.sh runs, and the pgbouncer
# that stands for Supabase's poolers. Their files are named *_redis_server_test.go, *_psql_test.go and
# *_pgbouncer_test.go.
tag = $(if $(shell command -v $(1) 2>/dev/null),$(subst -,_,$(1)))
programs = $(call tag,redis-server),$(call tag,psql),$(call tag,pgbouncer)

test-programs:
	@command -v redis-server >/dev/null || echo 'redis-server is not on the PATH: the tests of Redis restarts and kills are left out.' \
	  'Install it: apt-get install redis-server, or brew install redis' >&2
	@command -v psql >/dev/null || echo 'psql is not on the PATH: the tests of migrations/apply_migrations.sh are left out.' \
	  'Install it: apt-get install postgresql-client, or brew install libpq' >&2
	@command -v pgbouncer >/dev/null || echo 'pgbouncer is not on the PATH: the tests through a pooler in transaction mode are left out.' \
	  'Install it: apt-get install pgbouncer, or brew install pgbouncer' >&2

test-ts: gen/ts/node_modules/.package-lock.json test/ts/node_modules/.package-lock.json ## Check and test the TypeScript client
	cd gen/ts && $(npm) test
	cd gen/ts && $(npm) run build
	cd test/ts && $(npm) run check

e2e-ts: bin/mugshot bin/mugshot-dev test-ts tools/node_modules/.package-lock.json ## Do the main job through the TypeScript client and Prism, which validates it
	cd test/ts && $(npm) test

test-web: test-ts test/web/node_modules/.package-lock.json ## Build a React app with Vite from the packed TypeScript client
	@rm -f test/web/*.tgz
	cd gen/ts && $(npm) pack --ignore-scripts --silent --pack-destination ../../test/web
	cd test/web && $(npm) install --no-save --prefer-offline ./*.tgz
	cd test/web && $(npm) run build

test-browser: bin/mugshot bin/mugshot-dev test-web test/browser/node_modules/.package-lock.json ## Sign in, try to forge calls, use the React app, in a real Chromium
	cd test/browser && $(npm) test

.PHONY: test-live
test-live: ## Ask the real vendors whose keys are in the environment, for some cents; the others are left out, and without any key it fails
	$(testenv) go test -count 1 -v -timeout 20m -tags live ./test/live/

bench: bench-programs ## Measure us beside the bare minimum and the old stack, in 10 to 15 minutes; ONLY=W2,W3 ROUNDS=1 SECONDS=3 for a part
	bin/bench/bench -only '$(ONLY)' -rounds $(or $(ROUNDS),3) -seconds $(or $(SECONDS),4) -out '$(if $(ONLY),,docs/bench)'
	$(if $(ONLY),,cd tools/plot && go run . ../../docs/bench)

bench-growth: bench-programs ## Measure how we grow: ONLY=connections,streams,jobs,workers for a part; about 6 minutes
	bin/bench/bench -growth -only '$(ONLY)' -seconds $(or $(SECONDS),4) -out '$(if $(ONLY),,docs/bench)'
	$(if $(ONLY),,cd tools/plot && go run . ../../docs/bench)

bench-profiles: bench-programs ## Take CPU, allocation and blocking profiles of our server under each workload; ONLY=W2,W3 for a part
	bin/bench/bench -profiles bin/bench/profiles -only '$(ONLY)' -seconds $(or $(SECONDS),6) -out '$(if $(ONLY),,docs/bench)'

bench-statements: ## Measure what the statements of a job cost Postgres; SQL='drop index …' changes the schema first, COUNT=6 repeats it
	STATEMENTS_SQL='$(subst ','\'',$(SQL))' go test -run '^$$' -bench Statements -benchtime 2048x -count $(or $(COUNT),1) -timeout 30m ./test/bench/statements

bench-programs:
	@mkdir -p bin/bench
	@go build -o bin/bench/ ./test/bench/... ./cmd/mugshot

bench-go: ## Run the Go benchmarks; what matters most comes first, in words
	$(testenv) go test -bench 'Pickup|Idle' -benchtime 5s -run '^$$' ./internal/platform/queue
	$(testenv) go test -bench Streams -benchtime 1x -run '^$$' ./test/load
	$(testenv) go test -bench . -run '^$$' ./internal/...

.PHONY: check
check: verify lint security/offline breaking test-race e2e-ts test-browser ## Everything that a change must pass

.PHONY: tools
tools: ## Build the generators and linters, so that their first use need not
	@$(tool) oapi-codegen -version
	@$(tool) sqlc version
	@$(golangci) version

## Generating

.PHONY: generate generate/go-server generate/go-client generate/sql generate/ts generate/postman
generate: generate/go-server generate/go-client generate/sql generate/ts generate/postman ## Write everything in gen/ anew

generate/go-server: ## … the HTTP types and stubs, from api/openapi.yaml
	$(tool) oapi-codegen -config oapi-codegen.yaml api/openapi.yaml

generate/go-client: ## … the Go client, from api/openapi.yaml
	$(tool) oapi-codegen -config api/client.oapi-codegen.yaml api/openapi.yaml

generate/sql: ## … the queries, from sql/ and migrations/
	$(tool) sqlc generate
	@for file in gen/db/*.sql.go; do test -f "sql/$$(basename "$$file" .go)" || rm "$$file"; done

generate/ts: gen/ts/node_modules/.package-lock.json ## … the TypeScript client, from api/openapi.yaml
	cd gen/ts && $(npm) run generate

generate/postman: tools/node_modules/.package-lock.json ## … the Postman collection, from api/openapi.yaml
	node tools/postman/collection.mjs

.PHONY: verify verify/go-server verify/go-client verify/sql verify/ts verify/postman verify/committed
verify: verify/go-server verify/go-client verify/sql verify/ts verify/postman verify/committed ## Check that gen/ is what generate makes, and in git

# Compares with a copy instead of the last commit, so that it tells the truth beside other changes too.
define verified
	@mkdir -p $(1); before=$$(mktemp -d); trap 'rm -rf "$$before"' EXIT; cp -R $(1) "$$before/gen"; \
	$(MAKE) generate/$(notdir $@) && \
	if ! diff -ru "$$before/gen" $(1) >"$$before/diff"; then head -n 30 "$$before/diff"; \
	  echo '$(1) was not what `make generate/$(notdir $@)` makes of its sources. Now it is: look, and commit it.' >&2; exit 1; fi
endef

verify/go-server: ## … gen/api
	$(call verified,gen/api)

verify/go-client: ## … gen/client
	$(call verified,gen/client)

verify/sql: ## … gen/db
	$(call verified,gen/db)

verify/ts: ## … gen/ts/src/gen
	$(call verified,gen/ts/src/gen)

verify/postman: ## … gen/postman
	$(call verified,gen/postman)

verify/committed: ## … that git knows every file of gen/
	@new="$$(git ls-files --others --exclude-standard -- gen 2>/dev/null)"; test -z "$$new" || \
	  { echo 'Not in git yet:' >&2; echo "$$new" >&2; exit 1; }

## Linting

.PHONY: lint lint/go lint/spec lint/sql lint/sh lint/deploy fmt
lint: lint/go lint/spec lint/sql lint/sh lint/deploy ## Hold code, spec, queries, scripts and deployment to their rules

lint/go: ## … .golangci.yaml
	$(golangci) run

lint/spec: tools/node_modules/.package-lock.json ## … redocly.yaml
	tools/node_modules/.bin/redocly lint --format=codeframe api/openapi.yaml

lint/sql: ## … the rules in sqlc.yaml
	$(tool) sqlc vet

lint/sh: ## … the grammar of bash
	@git ls-files --cached --others --exclude-standard -- '*.sh' .ci/run | while read -r script; do bash -n "$$script" || exit 1; done

lint/deploy: ## … Docker, Compose, Kubernetes, systemd and Prometheus, each by its own
	@cd tools/deploy && go test -count 1 . && go run . ../.. # counted, since Go knows no file outside of a module to have changed

fmt: ## Format the Go code
	$(golangci) fmt

## What a release needs

.PHONY: breaking security
breaking: ## Compare the spec with that of the last release and of main (or BASE), and fail on what breaks clients unannounced
	@tools/breaking.sh

security: security/offline ## Look for known holes in what we depend on; asks vuln.go.dev and the npm registry
	go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./...
	cd gen/ts && $(npm) audit
	cd tools && $(npm) audit

.PHONY: security/offline
security/offline: ## … what needs no network: modules as go.sum has them, no package of npm that runs scripts or names where it comes from; `lint` has gosec's rules
	go mod verify
	cd tools && go mod verify
	@for lock in $$(git ls-files '*package-lock.json'); do \
		grep -qx 'ignore-scripts=true' "$$(dirname $$lock)/.npmrc" || { echo "$$lock: its .npmrc lacks ignore-scripts=true" >&2; exit 1; }; \
		! grep -nE '"resolved": "[a-z]+:' $$lock || exit 1; \
	done

%/node_modules/.package-lock.json: %/package-lock.json
	cd $* && $(npm) ci
	@touch $@
