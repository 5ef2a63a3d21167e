# The two commands of the README. Both set up all they need: only Python 3.11+ and make are assumed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: verify test test-network docs
verify: $(STAMP)
	$(BIN)/coordfsm verify

test: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n auto

# The documentation site, into build/site; a warning is an error.
docs: $(STAMP)
	$(BIN)/mkdocs build --strict

# Part of `make test`, here alone and one after the other: real processes over networks that misbehave.
test-network: $(STAMP)
	$(BIN)/pytest -m network

$(STAMP): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "coordfsm needs Python 3.11 or newer; set PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $(STAMP)
