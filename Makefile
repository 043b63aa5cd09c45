# Everything installs into .venv by the project's own files. PYTHON names a Python of 3.11 or later.
PYTHON ?= python3
BIN := .venv/bin
EVERY ?= 1
DEMO_READY := .venv/.demo
DEV_READY := .venv/.dev
# pip compiles nothing (--no-compile): what is imported is compiled once, and has to be kept for the next command.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check bench chaos format dev clean

demo: $(DEMO_READY)  ## the whole case study, from nothing to a proven migration
	$(BIN)/python -m migration_pipelines.demo run

dev: $(DEMO_READY)  ## the Dagster UI on http://127.0.0.1:3000, with the demo's twins and database
	$(BIN)/python -m migration_pipelines.demo dev

test: $(DEV_READY)  ## every test
	$(BIN)/pytest

check: $(DEV_READY)  ## what must pass before a commit
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/pytest

chaos: $(DEV_READY)  ## the long proofs: hours; EVERY=20 takes one case in twenty
	$(BIN)/python -m chaos faults --every $(EVERY)
	$(BIN)/python -m chaos kills --every $(EVERY)
	CHAOS=all $(BIN)/pytest migration_pipelines_tests/stages/test_roll_back.py migration_pipelines_tests/stages/test_both_readings.py

bench: $(DEV_READY)  ## speed, memory, requests: some forty minutes; figures, no verdict but on memory that grows and requests in vain
	$(BIN)/python -m benchmarks.twin
	$(BIN)/python -m benchmarks.extract
	$(BIN)/python -m benchmarks.kommo_load
	$(BIN)/python -m benchmarks.own_work

format: $(DEV_READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## forget the demo and the caches; stops the demo's database
	-$(BIN)/python -c "from pathlib import Path; from migration_pipelines.demo.stage import clear; clear(Path('.migration/demo').absolute())"
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or later is needed. Name one: make PYTHON=python3.11 ..."; exit 1; }
	$(PYTHON) -m venv .venv

$(DEMO_READY): $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt -e ".[twins]"
	@touch $@

$(DEV_READY): $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt -e ".[dev]"
	@touch $@ $(DEMO_READY)
