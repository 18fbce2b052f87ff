# Everything a newcomer, a developer and CI call. `make` alone lists it.

HTTP_FUNCTIONS  := segments assignment-rules sellers organization records monitor
OTHER_FUNCTIONS := assignment waiting capacity-reset check-invariants

# What lets functions take the development token and the movable clock; a packaged build refuses to compile with it.
comma    := ,
empty    :=
space    := $(empty) $(empty)
FEATURES := --features $(subst $(space),$(comma),$(strip $(HTTP_FUNCTIONS:=/local-identity) $(OTHER_FUNCTIONS:=/local-clock)))

# One build for everything local, so that no target makes another one stale.
LOCAL_BUILD := cargo build --workspace $(FEATURES)

TARGET       := $(or $(CARGO_TARGET_DIR),target)
TOOLS        := .tools/venv
CARGO_LAMBDA := $(TOOLS)/bin/cargo-lambda
# What holds the API against its document; the journeys start it.
SCHEMATHESIS := $(TOOLS)/bin/schemathesis

# By module: a copied folder still installs into itself.
PIP          := $(TOOLS)/bin/python3 -m pip install --quiet --disable-pip-version-check

ROLE ?= sales-manager
SUB  ?= $(ROLE)

STEPS ?= 1000000
SEED  ?= 1

ifdef PORT
export PORT
endif
ifdef DATA_DIR
export DATA_DIR
endif
ifdef AT
export AT
endif
ifdef PHASE
export PHASE
endif
ifdef QUICK
export QUICK
endif
ifdef PENDING_MINUTES
export PENDING_MINUTES
endif
# On AWS: the name of the function, or of the stack that has it among its outputs.
ifdef STACK_NAME
FUNCTION := $(shell aws cloudformation describe-stacks --stack-name "$(STACK_NAME)" --output text \
	--query "Stacks[0].Outputs[?OutputKey=='CheckInvariantsFunctionName'].OutputValue")
endif

.PHONY: help run stack token check-invariants engine binaries test soak replay bench build doc cargo

help:
	@echo "make run      the local stack with a demonstration organisation (PORT=8080, DATA_DIR=folder to keep data,"
	@echo "              AT=2016-10-01T00:00:00Z to start its clock there)"
	@echo "make stack    the local stack, empty"
	@echo "make token    a bearer token (ROLE=sales-manager SUB=susana)"
	@echo "make check-invariants  what must hold of everything stored, checked in the stack that runs (PORT=8080), or on AWS"
	@echo "              (STACK_NAME=baton or FUNCTION=name); fails when something is broken (PENDING_MINUTES=30)"
	@echo "make engine   DynamoDB with the tables alone, for cargo lambda watch"
	@echo "make test     format, lints and every test"
	@echo "make soak     a million steps through the model of an organisation (STEPS=1000000 SEED=1)"
	@echo "make replay   the public CRM data set through the stack (PHASE=A all at once, PHASE=B day by day)"
	@echo "make bench    what one decision costs, in microseconds (QUICK=1 for a rough look)"
	@echo "make build    the functions as packaged for AWS"
	@echo "make doc      the documentation of the code"

run: $(CARGO_LAMBDA) binaries
	@exec $(TARGET)/debug/local run

stack: $(CARGO_LAMBDA) binaries
	@exec $(TARGET)/debug/local stack

engine: $(CARGO_LAMBDA) binaries
	@exec $(TARGET)/debug/local engine

token: cargo
	@$(LOCAL_BUILD) --quiet
	@$(TARGET)/debug/local token --role "$(ROLE)" --sub "$(SUB)"

check-invariants: cargo
	@$(LOCAL_BUILD) --quiet
	@$(TARGET)/debug/local check-invariants $(if $(FUNCTION)$(STACK_NAME),--function "$(or $(FUNCTION),$(error the stack $(STACK_NAME) has no such function))")

binaries: cargo
	@$(LOCAL_BUILD)

test: cargo $(CARGO_LAMBDA) $(SCHEMATHESIS)
	cargo fmt --all --check
	cargo clippy --workspace --all-targets $(FEATURES) -- -D warnings
	$(LOCAL_BUILD)
	@mkdir -p $(TARGET)
	@{ cargo test --workspace --no-fail-fast $(FEATURES); echo $$? > $(TARGET)/test.status; } 2>&1 | tee $(TARGET)/test.log
	@if $(TARGET)/debug/coverage $(TARGET)/test.log; \
		then echo "test result: ok. 1 passed; 0 failed" >> $(TARGET)/test.log; \
		else echo "test result: FAILED. 0 passed; 1 failed" >> $(TARGET)/test.log; echo 1 > $(TARGET)/test.status; fi
	@awk -v status="$$(cat $(TARGET)/test.status)" ' \
		/^test result:/ { passed += $$4; failed += $$6 } \
		END { if (status != 0 && failed == 0) failed = 1; printf "%d passed, %d failed\n", passed, failed; exit status != 0 }' $(TARGET)/test.log

soak: cargo
	BATON_SOAK_STEPS=$(STEPS) BATON_SOAK_SEED=$(SEED) cargo test --package domain --profile soak --test organisation_model -- --nocapture

replay: binaries
	@exec $(TARGET)/debug/replay

bench: cargo
	@cargo bench --package domain --bench route

build: cargo $(CARGO_LAMBDA)
	PATH="$(CURDIR)/$(TOOLS)/bin:$$PATH" cargo lambda build --release --arm64 $(addprefix --package ,$(HTTP_FUNCTIONS) $(OTHER_FUNCTIONS))

doc: cargo
	cargo doc --workspace --no-deps

cargo:
	@command -v cargo >/dev/null 2>&1 || { echo "make: cargo is missing: install Rust from https://rustup.rs" >&2; exit 1; }

$(CARGO_LAMBDA): | $(TOOLS)
	@echo "Installing cargo-lambda into $(TOOLS)"
	@$(PIP) cargo-lambda==1.9.2 || { echo "make: cargo-lambda could not be installed from PyPI" >&2; exit 1; }

$(SCHEMATHESIS): | $(TOOLS)
	@echo "Installing schemathesis and openapi-spec-validator into $(TOOLS)"
	@$(PIP) schemathesis==4.32.5 openapi-spec-validator==0.9.0 || { echo "make: schemathesis could not be installed from PyPI" >&2; exit 1; }

$(TOOLS):
	@command -v python3 >/dev/null 2>&1 || { echo "make: python3 is missing: install Python 3 with its venv module" >&2; exit 1; }
	@python3 -c 'import venv, ensurepip' 2>/dev/null || { echo "make: python3 lacks its venv module: install it (python3-venv on Debian and Ubuntu)" >&2; exit 1; }
	@python3 -m venv $(TOOLS)
