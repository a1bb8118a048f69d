# Every target makes what it needs, from Python 3.11+ alone:
#   make demo     run the example concurrently, with a live progress tree
#   make test     the test suite, under coverage (100 % of lines and branches)
#   make check    style, types, and the tests that hold the architecture
#   make types    mypy and pyright, both strict
#   make docs     the documentation, warnings are errors: docs/_build/html/index.html
#   make bench    measurements, and docs/benchmarks.md of them; PEERS=1 measures other libraries as well
#   make mutate   are the tests sharp? changes the code and expects them to notice (slow)
#   make clean    forget all of it
#
# PYTHON=python3.12 chooses the interpreter (else the newest on PATH is taken), VENV=.venv-312 another place for what is
# installed, ARGS="-k retry" is handed on to pytest or to the program that a target runs.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
ARGS :=
MADE := $(VENV)/.made$(if $(PYTHON),-by-$(subst /,-,$(PYTHON)))
HOUSE := $(addprefix tests/test_,layers.py doors.py sizes.py promises.py import_budget.py)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.PHONY: demo test check types docs bench mutate clean

demo: $(VENV)/.has-cli
	@$(BIN)/yorch run examples/code_audit.py:plan --execution concurrent $(ARGS)

test: $(VENV)/.has-test
	@rm -f .coverage .coverage.*
	$(PY) -m coverage run -m pytest $(ARGS)
	@$(PY) -m coverage combine --quiet
	@$(PY) -m coverage report

check: $(VENV)/.has-lint $(VENV)/.has-test types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(PY) -m pytest --quiet $(HOUSE)

types: $(VENV)/.has-lint $(VENV)/.has-test
	$(BIN)/mypy
	$(BIN)/pyright --project pyproject.toml --pythonpath $(PY)

docs: $(VENV)/.has-docs
	$(PY) -m sphinx --fail-on-warning --keep-going --quiet -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

bench: $(VENV)/.has-bench
	@$(PY) -m benchmarks $(if $(PEERS),--peers) $(ARGS)

mutate: $(VENV)/.has-mutate
	$(BIN)/mutmut run $(ARGS)
	$(BIN)/mutmut results

clean:
	rm -rf $(VENV) .venv-peers .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist docs/_build htmlcov mutants
	find yorch_async workers tests benchmarks examples docs -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# What is installed is remembered per extra of pyproject.toml, by an empty file inside the environment.
$(VENV)/.has-%: pyproject.toml $(MADE)
	@echo "installing yorch_async[$*] into $(VENV)"
	@$(PY) -m pip install -qq --editable '.[$*]'
	@touch $@

# A name on PATH may be a shim that only fails, so each candidate is asked. Where the interpreter comes without ensurepip
# (as Debian splits it), its own pip fills the environment from outside.
$(MADE):
	@set -e; \
	for candidate in $(or $(PYTHON),python3.14 python3.13 python3.12 python3.11 python3 python); do \
	  if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python="$$candidate"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "$(or $(PYTHON),no python on PATH) is not a working Python 3.11 or newer; name one: make PYTHON=/path/to/python3 ..." >&2; \
	  exit 1; \
	fi; \
	echo "making $(VENV) with $$("$$python" -c 'import sys; print(sys.executable, sys.version.split()[0])')"; \
	if ! "$$python" -m venv --clear $(VENV) >/dev/null 2>&1; then \
	  "$$python" -m venv --clear --without-pip $(VENV); \
	  "$$python" -m pip --python $(PY) install -qq pip || { \
	    echo "$$python has neither ensurepip nor pip; install one of them (Debian: apt install python3-venv)" >&2; \
	    rm -rf $(VENV); exit 1; \
	  }; \
	fi; \
	touch $(VENV)/.made $@
