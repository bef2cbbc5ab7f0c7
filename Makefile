# `make` lists what there is. A fresh machine needs Python 3.11 or newer, make and git; all else is fetched.
# Another Python than the first that fits: make PYTHON=/path/to/python3.12 demo
SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
export VENV

DEMO := $(VENV)/.demo-stamp
TEST := $(VENV)/.test-stamp
NODE := tests/ledger/foreign/node tests/consent/foreign/node
NODE_STAMP := $(patsubst %/package-lock.json,%/node_modules/.package-lock.json,$(wildcard $(NODE:%=%/package-lock.json)))
CRMS := build/crm-tryton/.stamp build/crm-creme/.stamp
QUICK := not slow and not postgres and not mariadb and not browser and not foreign

.PHONY: help demo serve check test setup bench docs format lock clean

help:  ## this list
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(DEMO)  ## a workspace with real CRM data, a story in numbers, then a page to look at
	$(BIN)/rightful demo

serve: $(DEMO)  ## the portal and the console of the demo workspace
	$(BIN)/rightful serve

check: $(TEST)  ## the inner loop, two to three minutes: style, types, imports, quick tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python tools/pure.py | xargs $(BIN)/mypy --strict
	$(BIN)/mypy rightful
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --recursive -lll -c pyproject.toml rightful
	$(BIN)/python -m pytest -q -x -n 2 -m "$(QUICK)"

test: setup  ## everything, on real servers and with foreign verifiers; says what could not run
	@$(MAKE) --no-print-directory $(TEST) $(NODE_STAMP) $(CRMS)
	@tools/run_tests

setup:  ## the programs the tests need (PostgreSQL, Chromium, Go ...), from Debian, if missing
	@tools/setup

bench: $(TEST)  ## gated against ungated, and against others; minutes
	$(BIN)/python -m bench

docs: $(TEST)  ## writes the reference docs anew from the code and says what changed
	$(BIN)/python tools/docs.py
	@git --no-pager diff --stat -- docs

format: $(TEST)  ## lays the code out and mends what can be mended without thinking
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock:  ## pins the newest versions pyproject.toml allows
	tools/lock

clean:  ## removes what was built or installed here; workspaces stay
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache $(NODE:%=%/node_modules)
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Written last by tools/venv, so a broken installation is taken up again.
$(DEMO): requirements/demo.txt pyproject.toml
	@tools/venv demo

$(TEST): requirements/test.txt pyproject.toml
	@tools/venv test

# Real CRMs that the tests govern, each in an environment of its own.
build/crm-%/.stamp: requirements/crm-%.txt tools/crm
	@tools/crm $*

# Without npm the stamp stays absent and tools/setup has already said so.
%/node_modules/.package-lock.json: %/package-lock.json
	@if command -v npm >/dev/null; then cd $* && npm ci --ignore-scripts --no-audit --no-fund; fi
