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

# What looks at infra/template.yaml, and what deploys it. checkov asks for other versions of what they share.
CFN_LINT     := $(TOOLS)/bin/cfn-lint
SAM          := $(TOOLS)/bin/sam
CHECKOV      := .tools/checkov/bin/checkov
# The emulator of AWS that the template is deployed into, with what drives it.
MINISTACK    := .tools/ministack/bin/ministack
# Which rights functions used while the tests ran; held against the policies.
RIGHTS       := $(abspath $(TARGET))/rights.txt

# By module: a copied folder still installs into itself.
PIP          := $(TOOLS)/bin/python3 -m pip install --quiet --disable-pip-version-check

# A section of infra/samconfig.toml, and the processor that it says.
STAGE ?= dev
hash       := \#
STAGE_ARCH = $(shell sed -nE '/^\[$(STAGE)\.deploy\./,/^\[/s/^[^$(hash)]*Architecture=(arm64|x86_64).*/\1/p' infra/samconfig.toml)
ARCH  ?= $(STAGE_ARCH)

export SAM_CLI_TELEMETRY := 0

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
check-invariants: FUNCTION ?= $(shell aws cloudformation describe-stacks --stack-name "$(STACK_NAME)" --output text \
	--query "Stacks[0].Outputs[?OutputKey=='CheckInvariantsFunctionName'].OutputValue")
endif

.PHONY: help run stack token check-invariants engine binaries test test-infra test-policies lint-infra cold-start cost soak replay bench build deploy stage doc cargo

help:
	@echo "make run      the local stack with a demonstration organisation (PORT=8080, DATA_DIR=folder to keep data,"
	@echo "              AT=2016-10-01T00:00:00Z to start its clock there)"
	@echo "make stack    the local stack, empty"
	@echo "make token    a bearer token (ROLE=sales-manager SUB=susana)"
	@echo "make check-invariants  what must hold of everything stored, checked in the stack that runs (PORT=8080), or on AWS"
	@echo "              (STACK_NAME=baton or FUNCTION=name); fails when something is broken (PENDING_MINUTES=30)"
	@echo "make engine   DynamoDB with the tables alone, for cargo lambda watch"
	@echo "make test     format, lints and every test"
	@echo "make lint-infra, which is a part of it: the template for AWS, by cfn-lint, sam and checkov"
	@echo "make test-infra, another part: the template deployed into an emulator of AWS, with tokens and permissions enforced"
	@echo "make test-policies  the policies against the rights that functions use while the journeys run (ten minutes)"
	@echo "make cold-start  what the start of each function costs, and the first run of assignment"
	@echo "make cost     what a million leads a month cost on AWS, from measured requests (UPDATE_DOCS=1 makes docs/cost.md)"
	@echo "make soak     a million steps through the model of an organisation (STEPS=1000000 SEED=1)"
	@echo "make replay   the public CRM data set through the stack (PHASE=A all at once, PHASE=B day by day)"
	@echo "make bench    what one decision costs, in microseconds (QUICK=1 for a rough look)"
	@echo "make build    the functions as packaged for AWS (ARCH=arm64 or x86_64)"
	@echo "make deploy   build, then deploy a stage into your AWS account (STAGE=dev or production, STACK_NAME=another-name)"
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

test: cargo $(CARGO_LAMBDA) $(SCHEMATHESIS) $(MINISTACK) lint-infra
	cargo fmt --all --check
	cargo clippy --workspace --all-targets $(FEATURES) -- -D warnings
	$(LOCAL_BUILD)
	@mkdir -p $(TARGET)
	@{ cargo test --workspace --no-fail-fast $(FEATURES); echo $$? > $(TARGET)/test.status; \
		$(MAKE) --no-print-directory test-infra || echo 1 > $(TARGET)/test.status; } 2>&1 | tee $(TARGET)/test.log
	@if $(TARGET)/debug/coverage $(TARGET)/test.log; \
		then echo "test result: ok. 1 passed; 0 failed" >> $(TARGET)/test.log; \
		else echo "test result: FAILED. 0 passed; 1 failed" >> $(TARGET)/test.log; echo 1 > $(TARGET)/test.status; fi
	@awk -v status="$$(cat $(TARGET)/test.status)" ' \
		/^test result:/ { passed += $$4; failed += $$6 } \
		END { if (status != 0 && failed == 0) failed = 1; printf "%d passed, %d failed\n", passed, failed; exit status != 0 }' $(TARGET)/test.log

test-infra: cargo $(MINISTACK)
	cargo build --quiet --profile light $(addprefix --package ,$(HTTP_FUNCTIONS) $(OTHER_FUNCTIONS))
	BATON_BINARIES="$(abspath $(TARGET)/light)" $(dir $(MINISTACK))python3 -B -m pytest -q --no-header --tb=short -p no:cacheprovider tests/infra

test-policies: cargo $(CARGO_LAMBDA) $(MINISTACK) binaries
	@rm -f $(RIGHTS)
	BATON_RIGHTS="$(RIGHTS)" cargo test --workspace $(FEATURES) --test journeys --test examples
	cargo build --quiet --profile light $(addprefix --package ,$(HTTP_FUNCTIONS) $(OTHER_FUNCTIONS))
	BATON_RIGHTS="$(RIGHTS)" BATON_BINARIES="$(abspath $(TARGET)/light)" \
		$(dir $(MINISTACK))python3 -B -m pytest -q --no-header --tb=short -p no:cacheprovider tests/infra/test_policies.py

lint-infra: $(CFN_LINT) $(SAM) $(CHECKOV)
	$(CFN_LINT) infra/template.yaml
	$(SAM) validate --lint --region us-east-1 --template infra/template.yaml
	cd infra && ../$(CHECKOV) --config-file checkov.yaml

cold-start: binaries
	cargo build --release --package bare $(addprefix --package ,$(HTTP_FUNCTIONS) $(OTHER_FUNCTIONS))
	@BATON_MEASURED="$(abspath $(TARGET)/release)" $(TARGET)/debug/cold-start

cost: binaries
	@$(TARGET)/debug/cost

soak: cargo
	BATON_SOAK_STEPS=$(STEPS) BATON_SOAK_SEED=$(SEED) cargo test --package domain --profile soak --test organisation_model -- --nocapture

replay: binaries
	@exec $(TARGET)/debug/replay

bench: cargo
	@cargo bench --package domain --bench route

build: cargo $(CARGO_LAMBDA)
	@test "$(ARCH)" = arm64 || test "$(ARCH)" = x86_64 || { echo "make: ARCH is arm64 or x86_64" >&2; exit 1; }
	PATH="$(CURDIR)/$(TOOLS)/bin:$$PATH" cargo lambda build --release --$(subst _,-,$(ARCH)) --lambda-dir target/lambda \
		$(addprefix --package ,$(HTTP_FUNCTIONS) $(OTHER_FUNCTIONS))

deploy: stage build $(SAM)
	cd infra && ../$(SAM) deploy --config-env $(STAGE) $(if $(STACK_NAME),--stack-name $(STACK_NAME) --s3-prefix $(STACK_NAME))

# Before the long build.
stage:
	@grep -q '^\[$(STAGE)\.deploy\.' infra/samconfig.toml || { echo "make: infra/samconfig.toml has no stage $(STAGE)" >&2; exit 1; }
	@test "$(ARCH)" = "$(STAGE_ARCH)" || { echo "make: the stage $(STAGE) runs on $(STAGE_ARCH): change Architecture in infra/samconfig.toml" >&2; exit 1; }
	@test $$(printf %s "$(STACK_NAME)" | wc -c) -le 49 || { echo "make: the name of a stack has 49 characters at most" >&2; exit 1; }

doc: cargo
	cargo doc --workspace --no-deps

cargo:
	@command -v cargo >/dev/null 2>&1 || { echo "make: cargo is missing: install Rust from https://rustup.rs" >&2; exit 1; }

$(CARGO_LAMBDA): | $(TOOLS)
	@echo "Installing cargo-lambda and zig, which links for AWS, into $(TOOLS)"
	@$(PIP) cargo-lambda==1.9.2 ziglang==0.17.1 || { echo "make: cargo-lambda could not be installed from PyPI" >&2; exit 1; }

$(SCHEMATHESIS): | $(TOOLS)
	@echo "Installing schemathesis and openapi-spec-validator into $(TOOLS)"
	@$(PIP) schemathesis==4.32.5 openapi-spec-validator==0.9.0 || { echo "make: schemathesis could not be installed from PyPI" >&2; exit 1; }

$(CFN_LINT): | $(TOOLS)
	@echo "Installing cfn-lint into $(TOOLS)"
	@$(PIP) cfn-lint==1.58.0 || { echo "make: cfn-lint could not be installed from PyPI" >&2; exit 1; }

$(SAM): | $(TOOLS)
	@echo "Installing the AWS SAM command line into $(TOOLS)"
	@$(PIP) aws-sam-cli==1.170.0 || { echo "make: aws-sam-cli could not be installed from PyPI" >&2; exit 1; }

$(CHECKOV): | $(TOOLS)
	@echo "Installing checkov into .tools/checkov"
	@python3 -m venv .tools/checkov
	@.tools/checkov/bin/python3 -m pip install --quiet --disable-pip-version-check checkov==3.3.30 \
		|| { echo "make: checkov could not be installed from PyPI" >&2; exit 1; }

$(MINISTACK): | $(TOOLS)
	@echo "Installing ministack and pytest into .tools/ministack"
	@python3 -m venv .tools/ministack
	@.tools/ministack/bin/python3 -m pip install --quiet --disable-pip-version-check ministack==1.5.33 \
		aws-sam-translator==1.115.0 boto3==1.43.106 cfn-lint==1.58.0 cryptography==50.0.2 pytest==9.2.0 requests==2.34.2 \
		|| { echo "make: ministack could not be installed from PyPI" >&2; exit 1; }

$(TOOLS):
	@command -v python3 >/dev/null 2>&1 || { echo "make: python3 is missing: install Python 3 with its venv module" >&2; exit 1; }
	@python3 -c 'import venv, ensurepip' 2>/dev/null || { echo "make: python3 lacks its venv module: install it (python3-venv on Debian and Ubuntu)" >&2; exit 1; }
	@python3 -m venv $(TOOLS)
