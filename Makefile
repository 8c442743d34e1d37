PYTHON ?= python3
VENV := .venv
BIN = $(VENV)/bin

# Every version, also of what builds the package; a Python without a lock takes the newest.
LOCK := $(wildcard locks/py$(shell $(PYTHON) -c 'import sys; print("%d%d" % sys.version_info[:2])').txt)
INSTALL = PIP_CONSTRAINT=$(LOCK) PIP_BUILD_CONSTRAINT=$(LOCK) \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check
UV := uv==0.13.9
INSTALLED := pyproject.toml $(LOCK) hatch_build.py $(wildcard ditto/kernels/*.[ch])
WORKERS ?= 2
PYTEST = $(BIN)/pytest -n $(WORKERS) --dist worksteal
ALL := -m 'not soak and not gpu and not checkpoints and not browser'

.PHONY: demo live env docs options-page test test-full test-avx2 test-newest lint tests locks locks-upgrade resolve gpu-env gpu-check \
	browser-check live-check plugins-test soak clean

$(VENV)/.base: $(INSTALLED)
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) -e .
	@touch $@

$(VENV)/.dev: $(INSTALLED)
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) -e '.[dev,torch]'
	@touch $@ $(VENV)/.base

$(VENV)/.live: $(INSTALLED)
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) -e '.[live,tts]'
	@touch $@ $(VENV)/.base

$(VENV)/.docs: $(VENV)/.base
	$(INSTALL) -e '.[docs]'
	@touch $@

demo: $(VENV)/.base
	$(BIN)/python -m ditto demo

# A face in the browser, on this machine alone; LIVE='--port 9000 portrait.jpg' adds to the command.
live: $(VENV)/.live
	$(BIN)/python -m ditto live $(LIVE)

env: $(VENV)/.dev

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: lint tests

tests: $(VENV)/.dev
	$(PYTEST)

test-full: lint $(VENV)/.docs
	$(PYTEST) --timeout 900 $(ALL) --durations 20 --cov --cov-report term:skip-covered

test-avx2: $(VENV)/.dev
	$(BIN)/python scripts/held_to_avx2.py $(PYTEST) --timeout 900 $(ALL)

# The pages of docs/ and an API reference, in build/site; a warning is an error.
docs: $(VENV)/.docs
	$(BIN)/mkdocs build --strict --quiet
	@echo build/site/index.html

# The tables of docs/options.md, of the options there are.
options-page: $(VENV)/.base
	$(BIN)/python -m scripts.options_page

# What matters on a GPU, in at most eight minutes; DEVICE=cpu tries the check itself.
DEVICE ?= cuda
gpu-check: $(VENV)/.dev
	$(BIN)/python scripts/gpu_check.py --device $(DEVICE)

# The newest versions that pyproject.toml admits, but for those in locks/held.txt: what will break next.
test-newest:
	rm -rf .venv-newest
	DITTO_NEWEST=1 $(MAKE) --keep-going VENV=.venv-newest LOCK=locks/held.txt lint tests

locks: .venv-locks/bin/uv
	.venv-locks/bin/python scripts/lock_versions.py
	.venv-locks/bin/python scripts/lock_versions.py --check

locks-upgrade: .venv-locks/bin/uv
	.venv-locks/bin/python scripts/lock_versions.py --upgrade
	.venv-locks/bin/python scripts/lock_versions.py --check

resolve: .venv-locks/bin/uv
	.venv-locks/bin/python scripts/lock_versions.py --check

.venv-locks/bin/uv: Makefile
	$(PYTHON) -m venv .venv-locks
	.venv-locks/bin/python -m pip install --quiet --disable-pip-version-check $(UV)

# CUDA's builds of PyTorch and ONNX Runtime, and TensorRT; then `make VENV=.venv-gpu gpu-check`.
gpu-env: VENV := .venv-gpu
gpu-env:
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --extra-index-url https://pypi.nvidia.com ./locks/onnxruntime-gpu -e '.[dev,gpu,trt]'
	@touch $(VENV)/.base $(VENV)/.dev

# The page in real Chromium: Debian's, or the one that CHROMIUM names.
browser-check: $(VENV)/.dev
	$(BIN)/pytest -m browser -rs tests/browser

# The live server as a viewer in Chromium sees and hears it, on a machine that does nothing else.
live-check: $(VENV)/.dev
	$(BIN)/python -m benchmarks.live_check $(LIVE_CHECK)

# integrations/ against the newest packages of their frameworks, each in an environment of its own.
plugins-test: .venv-livekit/.ready .venv-pipecat/.ready
	cd integrations/livekit-plugins-ditto && ../../.venv-livekit/bin/python -m pytest -m 'long or not long'
	cd integrations/pipecat-ditto && ../../.venv-pipecat/bin/python -m pytest

define plugin-env
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade -e . -e '$(<D)[dev]'
	@touch $@
endef

.venv-livekit/.ready: integrations/livekit-plugins-ditto/pyproject.toml pyproject.toml
	$(plugin-env)

.venv-pipecat/.ready: integrations/pipecat-ditto/pyproject.toml pyproject.toml
	$(plugin-env)

soak: $(VENV)/.dev
	DITTO_FUZZ_SECONDS=3600 $(BIN)/pytest -m soak --timeout 3600

clean:
	rm -rf $(VENV) .venv-newest .venv-locks .venv-gpu .venv-livekit .venv-pipecat build dist .mypy_cache .ruff_cache .pytest_cache .coverage
