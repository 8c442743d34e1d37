PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := pyproject.toml constraints.txt hatch_build.py $(wildcard ditto/kernels/*.[ch])
WORKERS ?= 2
PYTEST := $(BIN)/pytest -n $(WORKERS) --dist worksteal

.PHONY: demo env test test-full test-avx2 lint gpu-check soak clean

$(VENV)/.base: $(INSTALLED)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: $(INSTALLED)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,torch]'
	@touch $@ $(VENV)/.base

demo: $(VENV)/.base
	$(BIN)/python -m ditto demo

env: $(VENV)/.dev

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: lint
	$(PYTEST)

test-full: lint
	$(PYTEST) --timeout 900 -m 'not soak and not gpu and not checkpoints' --durations 20 --cov --cov-report term:skip-covered

test-avx2: $(VENV)/.dev
	$(BIN)/python scripts/held_to_avx2.py $(PYTEST) --timeout 900 -m 'not soak and not gpu and not checkpoints'

# What matters on a GPU, in at most eight minutes; DEVICE=cpu tries the check itself.
DEVICE ?= cuda
gpu-check: $(VENV)/.dev
	$(BIN)/python scripts/gpu_check.py --device $(DEVICE)

soak: $(VENV)/.dev
	$(BIN)/pytest -m soak --timeout 3600

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .coverage
