# What each target does stands in README.md. `make setup` needs python3 (3.11 or newer) and make alone; the others call it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
BIN := .venv/bin
# Named pieces of the long proofs and of the bench (`make prove PIECES="flips kills"`); none: all of them.
PIECES ?=

.PHONY: help setup test check style types imports demo prove bench docs requirements changelog release clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.venv/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "python3 must be 3.11 or newer; name another with make PYTHON=…" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	touch $@

# Everything is pinned in pyproject.toml, so the file's own time says whether there is anything to do.
.venv/.packages: pyproject.toml .venv/.python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[worker,cli,local,dev]'
	touch $@

.cache/.azurite: local/azurite/package.json local/azurite/package-lock.json .venv/.packages
	mkdir -p .cache
	$(BIN)/python -m local.azurite_setup
	touch $@

# Microsoft's Kusto language service, for the tests of infra/queries: they are skipped where it cannot be fetched.
.cache/.kusto: tests/infra/kusto/package.json tests/infra/kusto/package-lock.json .cache/.azurite
	$(BIN)/python -m local.azurite_setup tests/infra/kusto .cache/kusto && touch $@ || true

# What a worker fetches: installing it takes a while, so it is done before the first `local up` waits for it.
.cache/.worker: .venv/.packages local/bundle.py
	mkdir -p .cache
	$(BIN)/python -m local.bundle .cache/worker-bundle.tar.gz >/dev/null
	touch $@

setup: .venv/.packages .cache/.azurite .cache/.kusto .cache/.worker ## makes .venv and fetches Azurite; fast when nothing changed

style: setup ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## mypy, strict
	$(BIN)/mypy

imports: setup ## the floors of the house
	$(BIN)/lint-imports

check: style types imports ## style, types and imports

test: check ## what CI runs: style, types, imports, all tests
	$(BIN)/pytest -n auto --dist worksteal

demo: setup ## the main job on generated samples; exit 0 only if everything held
	$(BIN)/holdfast demo

prove: setup ## the long proofs whole, in named pieces (PIECES="…"), seeded, resumable
	HOLDFAST_PROVE=all $(BIN)/pytest -m prove --timeout=0 -p no:randomly $(if $(PIECES),-k "$(subst $() , or ,$(strip $(PIECES)))") -s tests

bench: setup ## comparisons with peers, in named pieces (PIECES="…"), resumable, written to docs/benchmarks.md
	$(BIN)/python -m bench $(if $(PIECES),--pieces $(PIECES))

docs: setup ## writes the reference pages from the code
	$(BIN)/python docs/generate.py

requirements: setup ## writes requirements.txt, what the Functions app needs at run time
	$(BIN)/python -m local.requirements

changelog: setup ## folds the fragments of changes/ into CHANGELOG.md, for the version in pyproject.toml
	$(BIN)/towncrier build --yes --version "$$($(BIN)/python -c 'import tomllib; print(tomllib.load(open("pyproject.toml", "rb"))["project"]["version"])')"

release: setup ## writes wheel, worker bundle, their parts, changelog and sums to dist/, from the commit
	$(BIN)/python -m local.release dist

clean: ## removes what setup made
	rm -rf .venv .cache
