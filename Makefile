# Two commands do all the set-up: `make run` and `make test`.
PYTHON ?= $(shell command -v python3.11 || echo python3)
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help run install test peers lint bench lock clean

help:  ## say what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

# The lock holds everything, so pip need not resolve: --no-deps.
.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

install: .venv/installed  ## make the virtual environment in .venv

run: .venv/installed  ## start everything on this machine (Ctrl-C stops it)
	@$(BIN)/traject up

lint: .venv/installed-dev  ## style, types and the import contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports

peers:  ## install the real servers and readers that tests meet, where that can be done
	@scripts/peers

test: lint peers  ## everything that must hold, on SQLite and on PostgreSQL
	$(BIN)/pytest

bench: .venv/installed-dev  ## the table of measured ratios
	$(BIN)/python -m bench

lock:  ## renew the lock files (needs uv); no index address stands in them
	uv pip compile pyproject.toml --group build --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -q -o requirements.lock
	uv pip compile pyproject.toml --group build --group dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -q -c requirements.lock -o requirements-dev.lock

clean:  ## remove what was made, except var/ (your data)
	rm -rf .venv node_modules build *.egg-info .pytest_cache .ruff_cache
