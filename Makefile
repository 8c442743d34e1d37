PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := pyproject.toml constraints.txt hatch_build.py $(wildcard ditto/kernels/*.[ch])

.PHONY: demo env test test-avx2 lint gpu-check soak clean

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
	$(BIN)/pytest -q -n 2 --dist loadscope -m 'not soak and not gpu and not checkpoints'

test-avx2: $(VENV)/.dev
	$(BIN)/python scripts/held_to_avx2.py $(BIN)/pytest -q -n 2 --dist loadscope -m 'not soak and not gpu and not checkpoints'

# What matters on a GPU, in at most eight minutes; DEVICE=cpu tries the check itself.
DEVICE ?= cuda
gpu-check: $(VENV)/.dev
	$(BIN)/python scripts/gpu_check.py --device $(DEVICE)

soak: $(VENV)/.dev
	$(BIN)/pytest -q -m soak --timeout 3600

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
