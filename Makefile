# make up      set up, then start the server and the dashboards (make up ARGS="--port 8471 --no-browser")
# make test    set up, then all tests, and make check beside them
# make check   formatting, lint, types, architecture, clean notebooks
# make bench   measure beside peers, printed as a table of ratios
# make soak    the faults with more mails, what is made up at random far oftener
# make lock    choose newer versions for requirements.lock
# make clean   remove what make made
#
# VENV=... puts the virtual environment elsewhere, PYTHON=... chooses the Python that makes it.

SHELL := /bin/bash
# Hundreds of processes load the same modules here, and three read the same tests.
unexport PYTHONDONTWRITEBYTECODE
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint requirements.lock
# The folders that hold notebooks; both travel inside the wheel.
NOTEBOOKS = $(shell find notebooks dashboards -name '*.ipynb' -not -path '*/.ipynb_checkpoints/*' 2>/dev/null)

.PHONY: up test check bench soak lock clean
.DELETE_ON_ERROR:

up: $(VENV)/.installed
	@$(BIN)/trackkit up $(ARGS)

# Four workers, a file of tests to one of them (tests/conftest.py): much of a test is waiting. Coverage is of the workers only: what runs in
# servers and kernels of their own comes on top, unmeasured. The check runs beside the tests, and is told after them. BESIDE is
# a variable because a line that names $(MAKE) itself runs under `make -n`, too, and the tests with it.
BESIDE = $(MAKE) --no-print-directory check
test: $(VENV)/.installed-dev
	@$(BIN)/coverage erase
	@scratch=$$($(BIN)/python -m tests.scratch); trap '[ -z "$$scratch" ] || rm -rf --one-file-system "$$scratch"' EXIT; \
		$(BESIDE) > .check.txt 2>&1 & \
		TMPDIR="$${scratch:-$${TMPDIR:-/tmp}}" TRACKKIT_COVERAGE=1 \
		$(BIN)/python -m pytest --numprocesses 4 --no-loadscope-reorder $(ARGS); tests=$$?; \
		wait $$!; checked=$$?; cat .check.txt; test $$tests = 0 && test $$checked = 0
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report > .covered.txt || { cat .covered.txt; exit 1; }

# mypy takes as long as the rest, and only one of the cores.
check: $(VENV)/.installed-dev
	@$(BIN)/mypy & \
		$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/lint-imports; rest=$$?; \
		wait $$! && exit $$rest
	@$(if $(strip $(NOTEBOOKS)),$(BIN)/nbstripout --verify $(NOTEBOOKS),echo "no notebooks to check")

bench: $(VENV)/.installed-dev
	@$(PIP) --editable '.[dev,bench]'
	@$(BIN)/python -m pytest --capture=no --no-header tests/benchmarks $(ARGS)

soak: $(VENV)/.installed-dev
	@$(BIN)/python -m pytest --numprocesses 2 -m hypothesis --timeout 3600 --hypothesis-profile soak tests $(ARGS)
	@TRACKKIT_TEST_MAILS=20000 $(BIN)/python -m pytest --timeout 3600 tests/faults $(ARGS)

# The index for a new version is the one of the pip or uv of this machine; none is written into the file. Versions
# that still fit stay: delete a line of requirements.lock, or the file, to let it move.
lock: $(VENV)/bin/python
	@test -x $(BIN)/uv || $(PIP) uv
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --output-file requirements.lock pyproject.toml
	@echo "requirements.lock: $$(wc -l < requirements.lock) packages"

# Only what lies in this folder; a link is removed, never followed.
clean:
	rm -rf .venv build dist .covered.txt .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.* .check.txt
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { echo "trackkit needs Python 3.11 or newer; $(PYTHON) is: $$($(PYTHON) --version 2>&1)." \
		"Install one and name it: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "$(PYTHON) cannot make virtual environments: its venv module is missing." \
		"On Debian and Ubuntu: sudo apt-get install python3-venv" >&2; exit 1; }
	@echo "making the virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml requirements.lock | $(VENV)/bin/python
	@echo "installing trackkit and what it needs into $(VENV) (the first time takes a minute or two)"
	@$(PIP) --editable .
	@touch $@

# With uv, which takes a tenth of pip's time; where it cannot, with pip. Not compiled at once: what is used is compiled
# when it is first loaded, and most of it never is.
$(VENV)/.installed-dev: pyproject.toml requirements.lock | $(VENV)/bin/python
	@echo "installing trackkit and the development tools into $(VENV)"
	@{ $(PIP) uv && .ci/uv $(BIN) install --constraint requirements.lock --editable '.[dev]'; } \
		|| { echo "uv could not, so pip does"; $(PIP) --no-compile --editable '.[dev]'; }
	@touch $(VENV)/.installed $@
