# `make demo` and `make test` do their own set-up. `make help` lists everything.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
CODE := service export bench demo k8s tests

# What the demo trains on. Empty: a log that it generates.
DATA ?=
GROUP ?=
BASE_MODEL ?=
SEED ?=
# Anything: fail when the model misses a quality target on the generated log.
STRICT ?=

# What `make triton` serves, and where.
BUNDLE ?= build/demo/bundle
PORT ?= 8001

.PHONY: help demo test test-quick lint format proto proto-check alerts alerts-check observe drill setup lock \
  clean bench-serving bench-gateway bench-overload bench-redis bench-telemetry bench-triton soak triton-setup \
  triton test-triton telemetry-docs bench-selftest image-locks image-lint k8s-render k8s-check rehearse \
  bench-peers peers-setup

help: ## Show this list
	@echo "ctr-serve: serve BERT click-through models over gRPC"
	@echo
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'
	@echo
	@echo "  make demo DATA=log.csv [GROUP=column] [BASE_MODEL=dir] [SEED=n]   the same on your own log"
	@echo "  commands after the set-up, each with --help: $(BIN)/ctr-{train,export,service,client,bench,alerts,k8s,monitor}"

demo: $(INSTALLED) ## Log -> fine-tuned BERT -> gated bundle -> gateway -> 500 searches over gRPC
	@$(BIN)/python -m ctr_demo $(if $(DATA),--data '$(DATA)') $(if $(GROUP),--group '$(GROUP)') \
	  $(if $(BASE_MODEL),--base-model '$(BASE_MODEL)') $(if $(SEED),--seed '$(SEED)') \
	  $(if $(STRICT),--strict)

test: $(INSTALLED) ## All tests
	@$(BIN)/pytest

test-quick: $(INSTALLED) ## Tests that load no real weights
	@$(BIN)/pytest -m "not weights"

triton-setup: ## A real tritonserver for a CPU, under .tools
	@tools/setup_triton.sh $(PYTHON)

triton: $(INSTALLED) triton-setup ## Start it on the demo's bundle (PORT=8001), for ctr-service serve --triton
	@tools/start_triton.sh '$(BUNDLE)' '$(PORT)'

test-triton: $(INSTALLED) triton-setup ## The tests that need a real Triton
	@$(BIN)/pytest -m triton

lint: $(INSTALLED) proto-check alerts-check image-lint ## ruff, mypy strict, import contracts, proto lint, generated files
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports
	$(BIN)/buf lint
	$(BIN)/python -m ctr_service.telemetry.document docs/telemetry.md --check

format: $(INSTALLED) ## Format the code
	@$(BIN)/ruff format $(CODE)
	@$(BIN)/ruff check --fix --silent $(CODE) || true

proto: $(INSTALLED) ## Generate code from proto/ctr/v1, beside its source
	@PATH="$(CURDIR)/$(BIN):$$PATH" tools/generate_proto.sh proto

proto-check: $(INSTALLED) ## Fail when generated code differs from its source
	@PATH="$(CURDIR)/$(BIN):$$PATH" tools/check_proto.sh

telemetry-docs: $(INSTALLED) ## Generate docs/telemetry.md from the catalogue of telemetry
	@$(BIN)/python -m ctr_service.telemetry.document docs/telemetry.md

alerts: $(INSTALLED) ## Rules, their tests, dashboards, routes and bounds from k8s/alerts/slo.yaml
	@$(BIN)/ctr-alerts generate
	@$(BIN)/ctr-k8s generate

alerts-check: $(INSTALLED) ## Fail when those differ from it, or an alert lacks a runbook or a test
	@$(BIN)/ctr-alerts check

k8s-render: $(INSTALLED) ## Every combination of the manifests, into build/k8s
	@$(BIN)/ctr-k8s render

k8s-check: $(INSTALLED) ## The same, held against Kubernetes' schemas and the must-haves
	@$(BIN)/ctr-k8s check

observe: $(INSTALLED) ## Prometheus, Alertmanager, the monitor's page and a gateway with traffic (BUNDLE=...)
	@$(BIN)/python -m ctr_observe --bundle '$(BUNDLE)'

drill: $(INSTALLED) ## Real faults under real alerting: each must page, be explained and resolve
	@$(BIN)/pytest -m drill

rehearse: $(INSTALLED) ## Every rollout by kubectl, under load, with the manifests, Envoy and real gateways
	@CTR_REHEARSE=full BUNDLE='$(abspath $(BUNDLE))' $(BIN)/pytest -m rehearsal -s

setup: $(INSTALLED) ## Make the virtual environment

$(INSTALLED): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "setting up $(VENV) (about two minutes, once) ..." >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

bench-selftest: $(INSTALLED) ## Prove the load harness on scripted servers, beside other harnesses (9 minutes)
	@tools/setup_perf_analyzer.sh $(BIN)/python || echo "perf_analyzer is not to be had here; its check is left out" >&2
	@$(BIN)/ctr-bench selftest

bench-serving: $(INSTALLED) ## Goodput at the SLO against the raw bound (15 to 40 minutes)
	@$(BIN)/ctr-bench serving

bench-gateway: $(INSTALLED) ## What the gateway itself costs, against a bare echo
	@$(BIN)/ctr-bench gateway

bench-overload: $(INSTALLED) ## Goodput, refusals and memory at up to 3 times capacity
	@$(BIN)/ctr-bench overload

bench-redis: $(INSTALLED) ## p99 with a Redis that is healthy, dead and slow, against none
	@$(BIN)/ctr-bench redis

bench-telemetry: $(INSTALLED) ## The gateway with full telemetry against without, interleaved
	@$(BIN)/ctr-bench telemetry

bench-triton: $(INSTALLED) triton-setup ## Gateway and Triton against Triton's own dynamic batcher
	@$(BIN)/ctr-bench triton

peers-setup: ## The servers that bench-peers measures, each in an environment under .tools/peers
	@tools/setup_peers.sh $(PYTHON)

bench-peers: $(INSTALLED) peers-setup ## The gateway against Triton, mosec, LitServe, MLServer and others (20 to 90 minutes)
	@$(BIN)/ctr-bench peers --bundle '$(BUNDLE)'

soak: $(INSTALLED) ## 30 minutes at 70 % load: no error, flat memory, flat p99
	@$(BIN)/ctr-bench soak

lock: $(INSTALLED) ## Write the versions of this environment to constraints.txt
	@tools/lock.sh $(BIN)/pip > constraints.txt.new && mv constraints.txt.new constraints.txt

image-locks: $(INSTALLED) ## Write k8s/images/*/requirements.txt, with hashes (needs the package registry)
	@tools/image_locks.sh $(BIN)/uv

image-lint: $(INSTALLED) ## hadolint over the Dockerfiles; what they claim is tested by tests/unit/images
	$(BIN)/hadolint k8s/images/*/Dockerfile

clean: ## Remove everything that was built, the environment too
	rm -rf build dist .tools $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
