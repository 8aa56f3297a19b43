# Every target sets up what it needs; `make run` and `make test` work as the first command on a bare clone.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup run test check lint format types bundle bundled bench gpu clean

PORT ?= 8501
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
TESTS ?=

# What counts as a Python that will do: a version torch has builds for, able to make environments.
SUITABLE := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 15))

## help: show this list
help:
	@awk '/^## / { at = index($$0, ": "); printf "  make %-7s %s\n", substr($$0, 4, at - 4), substr($$0, at + 2) }' $(MAKEFILE_LIST)

## setup: make .venv with everything in it (several minutes the first time, nothing the second)
setup: $(READY)

$(READY): requirements.txt requirements-dev.txt pyproject.toml
	@if ! $(PY) -c '$(SUITABLE)' 2>/dev/null; then \
	  for python in $(PYTHON) python3 python3.13 python3.12 python3.11 python3.14 python; do \
	    if "$$python" -c '$(SUITABLE)' 2>/dev/null; then found="$$python"; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "Python 3.11 to 3.14 with its venv module is needed, and none was found: install one (Debian: apt-get install python3.11-venv; macOS: brew install python@3.13) or name it with 'make setup PYTHON=/path/to/python3.11'." >&2; \
	    exit 1; \
	  fi; \
	  echo "making $(VENV) with $$("$$found" -V)"; \
	  "$$found" -m venv --clear $(VENV) || exit 1; \
	fi
	@echo "installing the pinned requirements; PyTorch is the large one (see README.md for sizes)"
	@$(PY) -m pip install --disable-pip-version-check $(if $(wildcard $(VENV)/lib/*/site-packages/torch),--quiet) -r requirements-dev.txt
	@$(PY) -m pip install --disable-pip-version-check --quiet --no-deps --editable .
	@touch $@

## run: serve the app on http://127.0.0.1:8501 (another port: make run PORT=8600)
run: setup
	@$(VENV)/bin/explorer app --port $(PORT)

## test: run the tests, the browser's too where Chromium is or can be installed (some of them: make test TESTS=tests/test_report.py)
test: setup
	@$(MAKE) --no-print-directory chromium
	@$(PY) -m pytest -n 2 --no-loadscope-reorder $(TESTS)

# The browser tests drive Debian's Chromium. Installed only where nobody has to be asked for a password.
.PHONY: chromium
chromium:
	@have() { command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null 2>&1; \
	if have; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then as_root=""; elif sudo -n true 2>/dev/null; then as_root="sudo -n"; else as_root="no"; fi; \
	if [ "$$as_root" != no ] && command -v apt-get >/dev/null; then \
	  echo "installing Chromium for the browser tests"; \
	  { $$as_root apt-get update -qq && $$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1; \
	fi; \
	have || echo "Chromium was not found and could not be installed: the browser tests will be skipped."

## check: lint, format, types, the stack's bundle and tests, as a change must pass them
check: lint format types bundled test

## lint: Ruff's findings
lint: setup
	@$(PY) -m ruff check .

## format: whether Ruff would format a file otherwise (to do it: .venv/bin/ruff format)
format: setup
	@$(PY) -m ruff format --check .

## types: mypy over the package
types: setup
	@$(PY) -m mypy

# The stack editor is written in TypeScript; its built bundle is committed, so only who changes it needs Node.
STACK := explorer/ui/stack
NODE_READY := $(STACK)/node_modules/.ready

$(NODE_READY): $(STACK)/package-lock.json
	@cd $(STACK) && npm ci --silent
	@touch $@

## bundle: build the stack editor's bundle from its TypeScript (needs Node and npm)
bundle: $(NODE_READY)
	@cd $(STACK) && npm run --silent build

## bundled: whether the committed bundle is what its source gives (only where Node is)
bundled:
	@if command -v npm >/dev/null && command -v node >/dev/null; then \
	  $(MAKE) --no-print-directory $(NODE_READY) && cd $(STACK) && npm run --silent check; \
	else echo "Node was not found: the stack's bundle is not compared with its source."; fi

## bench: costs of the analysis against torchinfo, fvcore and torch, as ratios of CPU time in one run
bench: $(VENV)/.bench
	@$(PY) -m benchmarks

$(VENV)/.bench: $(READY) benchmarks/requirements.txt
	@$(PY) -m pip install --disable-pip-version-check --quiet -r benchmarks/requirements.txt
	@touch $@

## gpu: the GPU's tests and a short benchmark, recorded in docs/gpu.md (needs CUDA)
gpu: setup
	@$(PY) -m benchmarks.gpu

## clean: remove .venv and what the tools cached
clean:
	rm -rf $(VENV) $(STACK)/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
