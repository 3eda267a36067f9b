# The two commands of the README, and a few for those who work on the book.
# PYTHON is any Python from 3.10 on; MXNet needs NumPy 1.26, which has wheels up to 3.12.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
FRAMEWORK ?= pytorch
BIN = .venv/bin
LAB = .venv-$(FRAMEWORK)

# Frameworks come by pip alone: its configuration may say where a CPU build of torch is found. All
# else comes by uv where that is at hand, in half the time; where uv knows no index, by pip, too.
PIP = $(BIN)/python -m pip install --quiet --constraint constraints.txt
UV = uv pip install --quiet --python $(BIN)/python --constraint constraints.txt
comma := ,
install = $(if $(shell command -v uv),$(UV) $(1) || )$(PIP) $(1)

.PHONY: book test check lab serve execute nbval format interpreters clean

book: .venv/book.stamp
	@$(BIN)/bookc build
	@echo "serve it: $(BIN)/bookc serve"

test: .venv/test.stamp .venv-d2lbook/stamp .venv-kernel/stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/bookc lint --record --equations
	$(BIN)/pytest
	$(BIN)/bookc test

# Before every commit: what can be said in a minute.
check: .venv/test.stamp .venv-d2lbook/stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/bookc lint
	$(BIN)/pytest -n 2 -m "not slow" tests/read tests/notebook tests/author tests/cli tests/test_*.py

# Jupyter on one framework's notebooks, with only that framework installed.
lab: $(LAB)/lab.stamp
	$(LAB)/bin/bookc build notebooks --tab $(FRAMEWORK)
	$(LAB)/bin/jupyter lab --notebook-dir=_build/notebooks/$(FRAMEWORK) $(LABFLAGS)

serve: .venv/book.stamp
	$(BIN)/bookc serve

execute: .venv/test.stamp
	$(BIN)/bookc execute

nbval: .venv/test.stamp
	$(BIN)/bookc test

format: .venv/test.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The library under every Python at hand, 3.10 to 3.13: a table of versions, tests and import times.
interpreters:
	$(PYTHON) tools/interpreters.py

clean:
	rm -rf _build .venv .venv-*

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/book.stamp: bookc/pyproject.toml constraints.txt | .venv/bin/python
	$(call install,--editable ./bookc)
	@touch $@

.venv/test.stamp: bookc/pyproject.toml d2l_shim/pyproject.toml tests/requirements.txt constraints.txt \
  | .venv/bin/python
	$(call install,--editable './bookc[test$(comma)cluster]' --requirement tests/requirements.txt)
	$(PIP) --editable './d2l_shim[notebook,pytorch,tensorflow,mxnet]'
	@touch $@ .venv/book.stamp

# d2lbook, in an environment of its own: the oracle that our notebooks are compared with.
.venv-d2lbook/stamp:
	$(PYTHON) -m venv .venv-d2lbook
	.venv-d2lbook/bin/python -m pip install --quiet d2lbook==1.0.3
	@touch $@

# MXNet alone with a kernel, in an environment of its own: a book may run each tab in another one.
.venv-kernel/stamp:
	$(PYTHON) -m venv .venv-kernel
	.venv-kernel/bin/python -m pip install --quiet --constraint constraints.txt ipykernel 'mxnet' \
	  'numpy<2'
	@touch $@

# d2lbook as its site can still be built, for benchmarks/site.py: with an older pybtex, and pandoc.
.venv-d2lbook-site/stamp:
	$(PYTHON) -m venv .venv-d2lbook-site
	.venv-d2lbook-site/bin/python -m pip install --quiet d2lbook==1.0.3 'pybtex<0.25' pypandoc_binary
	@touch $@

$(LAB)/lab.stamp: bookc/pyproject.toml d2l_shim/pyproject.toml constraints.txt
	$(PYTHON) -m venv $(LAB)
	$(LAB)/bin/python -m pip install --quiet --constraint constraints.txt \
	  --editable ./bookc --editable './d2l_shim[notebook,$(FRAMEWORK)]'
	@touch $@
