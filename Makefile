# sellstream: everything a developer or a new user types. `make` alone lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# The first Python of 3.11 or newer on this machine; `make PYTHON=/path/to/python3 …` chooses another.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null && $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
INSTALLED := $(VENV)/.installed
COMPILED := $(shell sed -n 's/^    "\(.*\.py\)",$$/\1/p' libs/compiled.py)
BENCH_VENV := .venv-bench
BENCH_READY := $(BENCH_VENV)/.ready
# One of the same version that was built with PGO, as the image's is, where this machine has one; it is named in the results.
BENCH_PYTHON ?= $(shell $(BIN)/python -m bench.python_build)

# Compiled once, not anew by each of the hundreds of processes that the tests start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo up down status doctor test test-quick browser bench bench-full endurance chaos chaos-commands check format lock schemas clean

help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## install everything into .venv (other targets do it by themselves)

$(READY): $(INSTALLED) setup.py libs/compiled.py $(COMPILED)
	@echo "Compiling the hot paths of the webhook gateway and of rebuilds (a minute; without a C compiler they run interpreted) …"
	@$(BIN)/python setup.py --quiet build_ext --inplace >$(VENV)/compile.log 2>&1 || true
	@$(BIN)/python -m libs.compiled
	@touch $(READY)

$(INSTALLED): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "sellstream needs Python 3.11 or newer with venv; none was found on the PATH. Install one, or say: make PYTHON=/path/to/python3 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "Installing the locked dependencies into $(VENV) (once, about a minute) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@SELLSTREAM_COMPILE=0 $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(INSTALLED)

demo: $(READY) ## a lively minute: marketplace traffic, a live view, a rebuild with proof
	@$(BIN)/sellstream demo

up: $(READY) ## start Kafka, PostgreSQL and every service, and keep them running
	@$(BIN)/sellstream up

down: $(READY) ## stop what `make up` started
	@$(BIN)/sellstream down

status: $(READY) ## what runs, and where
	@$(BIN)/sellstream status

doctor: $(READY) ## what is missing or wrong on this machine, and how to mend it
	@$(BIN)/sellstream doctor

test: $(READY) check browser ## all checks and all tests, on real Kafka and PostgreSQL
	@$(BIN)/pytest -n auto --dist worksteal

test-quick: $(READY) ## the tests that need no Kafka and no PostgreSQL
	@$(BIN)/pytest -n auto --dist worksteal tests/unit tests/contract

browser: $(READY) ## a Chromium for the tests of pages, if this machine has none and root can install it
	@$(BIN)/python -m tests.browser_install

chaos: $(READY) ## break everything, 200 seeded scenarios (half an hour): SEED=17,18, SEEDS=20, FROM=50, RESUME=1, LANES=2
	@$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),200) --from $(or $(FROM),1)) \
		$(if $(RESUME),--resume) $(if $(LANES),--lanes $(LANES))

chaos-commands: $(READY) ## hurt the catalog's commands between publishing and commit, 3000 times, seeded: SEED=2, FAULTS=600
	@$(BIN)/python -m tests.chaos.commands --seed $(or $(SEED),1) --faults $(or $(FAULTS),3000)

bench: $(BENCH_READY) ## compare with other ways to do the same, side by side (some minutes)
	@$(BENCH_VENV)/bin/python -m bench.run --size quick

bench-full: $(BENCH_READY) ## the same at full size (an hour)
	@$(BENCH_VENV)/bin/python -m bench.run --size full

endurance: $(BENCH_READY) ## the gateway under load for ten minutes while a broker dies: memory, p99, nothing lost: MINUTES=10
	@$(BENCH_VENV)/bin/python -m bench.run --only endurance --minutes $(or $(MINUTES),10)

$(BENCH_READY): $(READY) requirements.lock bench/requirements.lock bench/python_build.py pyproject.toml
	@echo "Installing the benchmarks' dependencies into $(BENCH_VENV) (once, about a minute) …"
	@$(BENCH_PYTHON) -m venv --clear $(BENCH_VENV)
	@$(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock -r bench/requirements.lock || \
		for peer in $$(sed 's/#.*//' bench/requirements.in); do \
			$(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check "$$peer" || \
			echo "$$peer cannot be installed here: who needs it is reported as skipped" >&2; done
	@SELLSTREAM_COMPILE=0 $(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(BENCH_READY)

check: $(READY) ## lint, format, types, import rules, schema compatibility
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/sellstream schemas check

format: $(READY) ## format the code
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

schemas: $(READY) ## write the JSON Schemas and the AsyncAPI document from the models
	@$(BIN)/sellstream schemas export

lock: $(READY) ## resolve pyproject.toml anew into requirements.lock (needs uv)
	@uv pip compile --quiet pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-annotate --no-header --no-emit-index-url --output-file requirements.lock

clean: ## remove the environments and all local state (stops nothing: `make down` first)
	@rm -rf $(VENV) .venv-bench .state .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
