# One command each:
#   make lab    JupyterLab on the quickstart notebook
#   make demo   the same notebook without a browser -> build/quickstart.html, build/quickstart.txt
#   make test   everything that CI runs
#   make fix    what can be mended by a machine; make dev: set up to work on the code; make bench: figures
# Each needs Python >= 3.10 and a package index; only `test`, `fix` and `dev` need Node >= 20 (for js/).
# On Linux the index's torch is the CUDA build (2-3 GB); to get the small one, point PIP_EXTRA_INDEX_URL at PyTorch's
# CPU wheels. Environments are .venv and .venv-*; `make clean` removes them and build/.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

PYTHON ?= $(firstword $(foreach p,python3 python3.13 python3.12 python3.11 python3.10,\
	$(shell $(p) -c 'import ensurepip, sys, venv; print("$(p)" if sys.version_info >= (3, 10) else "")' 2>/dev/null)))
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
PARITY := .venv-parity
BENCH := .venv-bench
DASHBOARD := .venv-dashboard
# ipykernel 7.4 is the one of .venv.
KERNELS := 6.31.0 7.3.0
TORCH := $(shell sed -n 's/^torch==//p' constraints.txt)
# Two processes with a thread each are faster than one with two; a file's tests share their fixtures.
TWO_AT_ONCE := -m pytest -q -n 2 --dist loadfile
# --no-compile: half the time of an install, for two seconds at the first import.
PIP_FLAGS := --quiet --no-compile --disable-pip-version-check --no-input
ROOT_FLAG := $(if $(filter 0,$(shell id -u)),--allow-root)

.PHONY: help lab demo test environments check js parity pytest fix dev bench bench-more clean
# Environments can be made side by side; what runs in them needs the machine for itself.
ifneq ($(MAKECMDGOALS),environments)
.NOTPARALLEL:
endif
help:
	@sed -n '/^#   make/s/^#   //p' Makefile

# --- environments: a stamp inside each, so that deleting the environment is enough to make it anew ---------------------
$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python >= 3.10 with venv is needed (Debian: apt-get install python3-venv)."; exit 1; }
	$(PYTHON) -m venv $(VENV)

# torch first: nothing later may choose another one.
$(VENV)/.lab: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install $(PIP_FLAGS) torch==$(TORCH)
	$(BIN)/python -m pip install $(PIP_FLAGS) -c constraints.txt nbclient nbconvert -e '.[lab]'
	@touch $@

$(VENV)/.dev: $(VENV)/.lab
	$(BIN)/python -m pip install $(PIP_FLAGS) -c constraints.txt -e '.[dev]'
	@touch $@

$(PARITY)/.done: tests/parity/requirements.txt constraints.txt | $(BIN)/python
	rm -rf $(PARITY)
	$(BIN)/python -m venv $(PARITY)
	$(PARITY)/bin/python -m pip install $(PIP_FLAGS) torch==$(TORCH)
	$(PARITY)/bin/python -m pip install $(PIP_FLAGS) -r tests/parity/requirements.txt
	@touch $@

# SAELens and the other peers of the benchmarks; these without what they need for language models of their own.
$(BENCH)/.done: tests/parity/requirements.txt benchmarks/requirements.txt constraints.txt | $(BIN)/python
	rm -rf $(BENCH)
	$(BIN)/python -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install $(PIP_FLAGS) torch==$(TORCH)
	$(BENCH)/bin/python -m pip install $(PIP_FLAGS) -r tests/parity/requirements.txt
	$(BENCH)/bin/python -m pip install $(PIP_FLAGS) --no-deps -r benchmarks/requirements.txt
	@touch $@

$(DASHBOARD)/.done: benchmarks/requirements-dashboard.txt constraints.txt | $(BIN)/python
	rm -rf $(DASHBOARD)
	$(BIN)/python -m venv $(DASHBOARD)
	$(DASHBOARD)/bin/python -m pip install $(PIP_FLAGS) torch==$(TORCH)
	$(DASHBOARD)/bin/python -m pip install $(PIP_FLAGS) --no-deps -r benchmarks/requirements-dashboard.txt
	@touch $@

.venv-kernel-%/.done: constraints.txt | $(VENV)/.dev
	rm -rf $(@D)
	$(BIN)/python -m venv $(@D)
	$(@D)/bin/python -m pip install $(PIP_FLAGS) -c <(grep -v '^ipykernel==' constraints.txt) ipykernel==$*
	@touch $@

js/node_modules/.done: js/package-lock.json
	@command -v npm >/dev/null || { echo "The checks of js/ need Node >= 20 and npm: install nodejs (using the package does not)."; exit 1; }
	cd js && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

environments: $(VENV)/.dev $(PARITY)/.done js/node_modules/.done $(KERNELS:%=.venv-kernel-%/.done)

# Asked each time: a browser may have been removed since.
.PHONY: chromium
chromium: $(VENV)/.dev
	@$(PY) tools/chromium.py --install >/dev/null

# --- for users -----------------------------------------------------------------------------------------------------------
lab: $(VENV)/.lab
	$(BIN)/jupyter lab $(ROOT_FLAG) notebooks/01_quickstart.ipynb

demo: $(VENV)/.lab
	$(PY) tools/demo.py

# --- checks, cheap ones first --------------------------------------------------------------------------------------------
check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(PY) tools/clean_notebooks.py --check
	$(BIN)/pyright --pythonpath $(PY)

# Types, pure functions, and that the bundle that ships is the one the sources give.
js: js/node_modules/.done
	cd js && npm run --silent check && npm test --silent && npm run --silent fresh

# Comparison with SAELens, in its own environment.
parity: $(PARITY)/.done
	OMP_NUM_THREADS=1 $(PARITY)/bin/python $(TWO_AT_ONCE) tests/parity

pytest: export SAE_WIDGETS_KERNELS = $(subst $() ,:,$(KERNELS:%=$(CURDIR)/.venv-kernel-%/bin/python) $(CURDIR)/$(PY))
pytest: export SAE_WIDGETS_REQUIRE_ALL = 1
pytest: $(VENV)/.dev js/node_modules/.done $(KERNELS:%=.venv-kernel-%/.done) chromium
	OMP_NUM_THREADS=1 $(PY) $(TWO_AT_ONCE) --durations=25 --ignore tests/browser --ignore tests/kernels
	OMP_NUM_THREADS=1 $(PY) $(TWO_AT_ONCE) --durations=10 tests/kernels tests/browser

test:
	$(MAKE) --no-print-directory -j 2 environments
	$(MAKE) --no-print-directory check js parity pytest

fix: $(VENV)/.dev js/node_modules/.done
	$(BIN)/ruff check --fix . || true
	$(BIN)/ruff format .
	$(PY) tools/clean_notebooks.py
	cd js && npm run --silent build

dev: $(VENV)/.dev js/node_modules/.done chromium
	@git config core.hooksPath .githooks
	@echo "Ready: $(BIN)/pytest, $(BIN)/jupyter lab; CONTRIBUTING.md says how we work."

# Beside the peers, into docs/speed.md; BENCH_FLAGS=--quick: five minutes, and the page stays as it is.
bench: $(VENV)/.dev $(BENCH)/.done $(DASHBOARD)/.done
	$(PY) benchmarks $(BENCH_FLAGS)

# What has no peer, or compares quality: hours.
bench-more: $(VENV)/.dev $(PARITY)/.done $(BENCH)/.done chromium
	$(PY) benchmarks --more

clean:
	rm -rf build $(VENV) .venv-* js/node_modules
