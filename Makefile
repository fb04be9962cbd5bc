# The verbs of this project. `make` alone lists them.

CONFIG ?= config.example.yaml
CARGO  ?= cargo
N      ?= 10000
SEED   ?= 1
SEEDS  ?= 20
FUZZ   := target/fuzz-judge

.PHONY: help demo run check test simulate fuzz-judge fuzz-judge-bugs acceptance gallery bench soak fuzz fmt deb musl sbom tools

help: ## list the verbs
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | awk -F '\t' '{ printf "make %-11s %s\n", $$1, $$2 }'

demo: tools ## a daemon on a built-in lab of good and faulty servers: no root, no network, no settings
	$(CARGO) run --locked -- demo

run: tools ## the daemon on your own inventory: make run CONFIG=FILE
	$(CARGO) run --locked -- run --config $(CONFIG)

check: tools ## what has to be clean: format, lints, documentation
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --no-deps

test: tools ## every test that needs nothing but this directory, a compiler and the openssl command
	$(CARGO) test --locked

simulate: tools ## years of 1,000 endpoints in virtual time, told of by certvigil and two straw men: make simulate SEEDS=20
	$(CARGO) run --locked --release --example simulate -- $(SEEDS)

fuzz-judge: tools ## the judge beside the real OpenSSL, on random chains: make fuzz-judge N=10000 SEED=1 (libssl-dev)
	@.ci/need /usr/include/openssl/x509.h:libssl-dev
	@mkdir -p $(FUZZ)
	$(CC) -O1 -Wall -Wextra -Werror -o $(FUZZ)/oracle tests/differential/oracle.c -lcrypto
	$(CARGO) run --locked --example fuzz-judge -- --oracle $(FUZZ)/oracle --folder $(FUZZ) --cases $(N) --seed $(SEED)

fuzz-judge-bugs: tools ## whether fuzz-judge finds the bugs in tests/differential/bugs (10 minutes)
	@.ci/need /usr/include/openssl/x509.h:libssl-dev patch:patch git:git
	@mkdir -p $(FUZZ)
	$(CC) -O1 -Wall -Wextra -Werror -o $(FUZZ)/oracle tests/differential/oracle.c -lcrypto
	@CARGO=$(CARGO) tests/differential/bugs/run $(FUZZ)/oracle $(FUZZ)

acceptance: tools ## the binary against real servers, in network namespaces of its own; as root (ONLY='nginx systemd' chooses)
	$(CARGO) build --locked
	tests/acceptance/run $(ONLY)

gallery: tools ## the pictures of docs/gallery, made anew of the demo, as root (chromium, npm, prometheus)
	$(CARGO) build --locked
	tests/gallery/run

bench: tools ## what a visit, 10,000 endpoints, a scrape, an event and the judge cost here: benches/RESULTS.md (nginx, 4 minutes)
	@.ci/need nginx:nginx-light taskset:util-linux
	$(CARGO) bench --locked --features jemalloc

soak: tools ## what the daemon holds of 100,000 endpoints, over many visits: make soak VISITS=1000000 ENDPOINTS=100000 (an hour)
	$(CARGO) bench --locked --features jemalloc --bench bench -- soak $(or $(VISITS),1000000) $(or $(ENDPOINTS),100000)

fuzz: tools ## any octets through every door, SECONDS of it each (TARGET=judge chooses); docs/fuzzing.md
	SECONDS_EACH=$(or $(SECONDS),60) fuzz/run $(TARGET)

fmt: ## put the source into form
	$(CARGO) fmt

# What is installed elsewhere is built so that anybody can build the same octets again: docs/install.md.
deb musl: export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null)
deb musl: export RUSTFLAGS += --remap-path-prefix=$(HOME)/.cargo=/cargo --remap-path-prefix=$(CURDIR)=/certvigil

deb: tools ## a Debian package, in target/debian (cargo-deb)
	@.ci/need cargo-deb:cargo-deb
	$(CARGO) build --locked --release --features jemalloc
	packaging/prepare target/release/certvigil
	$(CARGO) deb --locked --no-build

musl: tools ## one static binary for any Linux, in target/x86_64-unknown-linux-musl/release (musl-tools)
	@.ci/need musl-gcc:musl-tools
	rustup target add x86_64-unknown-linux-musl
	$(CARGO) build --locked --release --features jemalloc --target x86_64-unknown-linux-musl

sbom: tools ## what the binary is made of, as CycloneDX: target/packaging/certvigil.cdx.json
	@mkdir -p target/packaging
	packaging/sbom >target/packaging/certvigil.cdx.json
	@echo target/packaging/certvigil.cdx.json

tools:
	@.ci/need cargo:rustup cc:gcc /usr/include/stdio.h:libc6-dev openssl:openssl
