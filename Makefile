# Every target sets up what it needs: `make demo` on a fresh clone is enough.
# Override on the command line: make test PYTHON=python3.12 VENV=/elsewhere/venv
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
INSTALLED = $(VENV)/installed.stamp
# Each worker takes neighbouring tests, so that what a file sets up is set up once, and
# takes over the rest of a slower one.
PARALLEL = -n auto --maxprocesses 4 --dist worksteal

export TF_CPP_MIN_LOG_LEVEL ?= 2

.DEFAULT_GOAL := help
.PHONY: help install demo test coverage test-slow lint benchmark package clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

install: $(INSTALLED) ## set up the environment in .venv

# An editable install sees every edit of Python files by itself; it is redone
# only when dependencies, the build or the compiled schemas change.
$(INSTALLED): pyproject.toml hatch_build.py $(wildcard protos/*.proto)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

demo: $(INSTALLED) ## draw data, train, evaluate, export and predict, into runs/demo
	$(BIN)/deeplab demo --output runs/demo

test: $(INSTALLED) ## the test suite, at most 8 minutes on 2 cores
	$(BIN)/python -m pytest $(PARALLEL)

coverage: $(INSTALLED) ## the same; fails where it runs too little of the library
	$(BIN)/python -m pytest $(PARALLEL) --cov --cov-report=term:skip-covered

test-slow: $(INSTALLED) ## what `test` leaves out: full-size models and long runs
	$(BIN)/python -m pytest -m slow -n 2

lint: $(INSTALLED) ## style, types and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

benchmark: $(INSTALLED) ## measure the speed of every stage
	$(BIN)/deeplab benchmark

package: ## build a wheel and try it in an empty environment
	PYTHON=$(PYTHON) .ci/try_wheel

clean: ## remove the environment, compiled schemas and caches (runs/ stays)
	rm -rf $(VENV) dist .coverage .pytest_cache .ruff_cache .import_linter_cache
	rm -f deeplab/protos/*_pb2.py deeplab/protos/*_pb2.pyi
	find deeplab tests benchmarks -name __pycache__ -prune -exec rm -rf {} +
