# Every target sets up what it needs: `make demo` works on a fresh clone.
# Variables can be set on the command line: make test PYTHON=python3.12 VENV=/elsewhere/venv
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
INSTALLED = $(VENV)/installed.stamp
# Each worker runs consecutive tests, so that the fixtures of a file are set up only
# once, and an idle worker takes over tests from a slower one.
PARALLEL = -n auto --maxprocesses 4 --dist worksteal

export TF_CPP_MIN_LOG_LEVEL ?= 2

.DEFAULT_GOAL := help
.PHONY: help install demo test coverage test-slow lint benchmark package clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

install: $(INSTALLED) ## set up the environment in .venv

# An editable install picks up edits of Python files; it is redone only when the
# dependencies, the build or the schemas change.
$(INSTALLED): pyproject.toml hatch_build.py $(wildcard protos/*.proto)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

demo: $(INSTALLED) ## draw data, train, evaluate, export and predict in runs/demo
	$(BIN)/deeplab demo --output runs/demo

test: $(INSTALLED) ## run the test suite, at most 8 minutes on 2 cores
	$(BIN)/python -m pytest $(PARALLEL)

coverage: $(INSTALLED) ## the same, measuring coverage; fails if it is too low
	$(BIN)/python -m pytest $(PARALLEL) --cov --cov-report=term:skip-covered

test-slow: $(INSTALLED) ## run what `test` leaves out: full-size models and long runs
	$(BIN)/python -m pytest -m slow -n 2

lint: $(INSTALLED) ## check style, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

benchmark: $(INSTALLED) ## measure the speed of every stage
	$(BIN)/deeplab benchmark

package: ## build a wheel and try it in a fresh environment
	PYTHON=$(PYTHON) .ci/try_wheel

clean: ## remove the environment, compiled schemas and caches (runs/ stays)
	rm -rf $(VENV) dist .coverage .pytest_cache .ruff_cache .import_linter_cache
	rm -f deeplab/protos/*_pb2.py deeplab/protos/*_pb2.pyi
	find deeplab tests benchmarks -name __pycache__ -prune -exec rm -rf {} +
