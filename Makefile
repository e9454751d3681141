PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt

.PHONY: help demo check test lint types unit all coverage ray docs bench regress torture clean
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(VENV)/.installed: setup.cfg setup.py pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.installed
	$(INSTALL) --editable '.[dev]'
	touch $@

demo: $(VENV)/.installed ## install, then train CE-GZSL on handwritten digits (about two minutes)
	$(BIN)/gzslbench run --method ce-gzsl --dataset digits
	@echo "To type gzslbench yourself, first: . $(BIN)/activate"

check: lint types unit ## install, then lint, types and unit tests

test: lint types all ## install, then lint, types and all tests

lint: $(VENV)/.dev ## run ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# mypy needs packages under the names that they are installed by.
types: $(VENV)/.dev ## run mypy, strict
	mkdir -p .types
	for name in benchmarks features methods; do ln -sfn ../$$name .types/gzslbench_$$name; done
	$(BIN)/mypy

# One thread per test process, because several processes share the cores.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --dist worksteal

unit: $(VENV)/.dev ## run the unit tests: they start no process and read no real data
	$(PYTEST) -m "not acceptance and not ray and not gpu"

all: $(VENV)/.dev ## run all tests
	$(PYTEST)

coverage: $(VENV)/.dev ## run all tests and report the coverage of gzslbench
	$(PYTEST) --cov --cov-report=term:skip-covered

ray: $(VENV)/.dev ## install Ray, then the tests on a cluster of two nodes, all on this machine (ten minutes)
	$(INSTALL) --editable '.[ray]'
	OMP_NUM_THREADS=1 $(BIN)/pytest -m ray

docs: $(VENV)/.dev ## build the documentation into build/site/, then try every command of its pages
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build
	OMP_NUM_THREADS=1 $(BIN)/pytest tests/docs tests/plugins/test_third_party.py

bench: $(VENV)/.installed ## time ours against the published formulation (an hour or more on two cores)
	$(BIN)/python -m gzslbench_benchmarks.speed --out results/speed.json

regress: $(VENV)/.installed ## train the FLO suites again: did a number move? (hours; needs FLO under GZSLBENCH_DATA)
	$(BIN)/gzslbench regress flo-lite0
	$(BIN)/gzslbench regress flo-lite0-claims

MINUTES ?= 60
torture: $(VENV)/.installed ## attack the toolkit with damaged files, kills and more: make torture MINUTES=60
	$(BIN)/python -m gzslbench_benchmarks.torture --minutes $(MINUTES) --results results/torture.json

clean: ## remove what the targets above made
	rm -rf $(VENV) .types build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
