# Every target sets up what it needs, from nothing: a virtual environment, our package in it, and, for root on Debian,
# the system packages below. Stamp files keep a second call quick; they follow pyproject.toml.

PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
PIP     := $(BIN)/python -m pip install -qq --disable-pip-version-check
# Test processes side by side. Files are not split, so the tests of one file may share costly fixtures.
WORKERS ?= 2
# In CI what has failed is tried once more, with the machine to itself: see CONTRIBUTING, Tests.
AGAIN   := $(if $(CI),|| $(BIN)/python -m pytest --last-failed --last-failed-no-failures none)
# Words for the benchmarks: names of some of them, --quick, --repeats N.
BENCH   ?=

# What is used of the system beyond Python. A package is missing when its probe fails.
SYSTEM_PACKAGES := python3-venv
PROBE_python3-venv := $(PYTHON) -c 'import ensurepip, venv'
# The tests of pages drive a browser, and nothing else needs one. Who is not root tests without, where there is none.
ifneq ($(filter test test-all,$(MAKECMDGOALS)),)
ifeq ($(shell id -u),0)
SYSTEM_PACKAGES += chromium
endif
endif
PROBE_chromium := command -v chromium || command -v chromium-browser || command -v google-chrome

.DEFAULT_GOAL := help
.PHONY: help demo test test-all check fmt bench docs system clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.stamp-examples  ## a workflow on real data is killed half way and resumed: watch it
	$(BIN)/python examples/01_digits/demo.py

test: $(VENV)/.stamp-dev  ## all tests but the slow ones
	$(BIN)/python -m pytest -m "not slow" -n $(WORKERS) --dist loadfile $(AGAIN)

test-all: $(VENV)/.stamp-dev  ## all tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(AGAIN)

check: $(VENV)/.stamp-dev  ## format, lint, types, layers, shape
	$(BIN)/ruff format --check --no-cache .
	$(BIN)/ruff check --no-cache .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest -q tests/shape

fmt: $(VENV)/.stamp-dev  ## format the code and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.stamp-dev .venv-bench/.stamp .venv-bench-ray/.stamp  ## measure us and our peers, one line per system
	$(BIN)/python benchmarks/run.py $(BENCH)

docs: $(VENV)/.stamp-docs  ## build the site into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:  ## remove everything that these targets made
	rm -rf $(VENV) .venv-bench .venv-bench-ray site dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests examples benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +

system:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Manyhands needs Python 3.11 or newer: make PYTHON=python3.11 ..."; exit 1; }
	@missing=""; \
	$(foreach p,$(SYSTEM_PACKAGES),{ $(PROBE_$(p)); } >/dev/null 2>&1 || missing="$$missing $(p)"; ) \
	[ -z "$$missing" ] && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; \
	else \
	  echo "Please install these system packages first:$$missing"; exit 1; \
	fi

# `system` is order-only and runs each time, as a package may go missing; a venv that is there is left alone.
$(VENV)/.stamp: | system
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.stamp-dev: pyproject.toml $(VENV)/.stamp
	$(PIP) --editable '.[test,check]'
	@touch $@

$(VENV)/.stamp-examples: pyproject.toml $(VENV)/.stamp
	$(PIP) --editable '.[examples]'
	@touch $@

$(VENV)/.stamp-docs: pyproject.toml $(VENV)/.stamp
	$(PIP) --editable '.[docs]'
	@touch $@

# The peers live apart: their pins must not decide what we are tested with.
.venv-bench/.stamp: pyproject.toml benchmarks/requirements-peers.txt | system
	@[ -x .venv-bench/bin/python ] || $(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install -qq --disable-pip-version-check -r benchmarks/requirements-peers.txt
	@touch $@

# The last Ray that had workflows, beside the Ray of today.
.venv-bench-ray/.stamp: benchmarks/requirements-ray-workflow.txt | system
	@[ -x .venv-bench-ray/bin/python ] || $(PYTHON) -m venv .venv-bench-ray
	.venv-bench-ray/bin/python -m pip install -qq --disable-pip-version-check -r benchmarks/requirements-ray-workflow.txt
	@touch $@
