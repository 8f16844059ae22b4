# The same verbs here and in CI: install run test test-long soak lint bench.
# map: what docs/ has from the code. lock: the locks, from requirements.txt and requirements-dev.txt.

# Tests start a hundred gateways: each file is compiled once.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: install run test test-long soak lint bench bench-table bench-peers map lock vendor clean

run: $(VENV)/runtime
	@exec $(BIN)/python -m app.demo

install: $(VENV)/runtime

# More processes than cores, for tests wait for servers most of the time.
PYTEST = pytest -n 4 --dist loadfile --no-loadscope-reorder
# What failed is run once more, by itself: limits of time are tested by really waiting, for which a
# machine with other work is now and then too late.
once_more = || { test $$? = 1 && \
	$(BIN)/python -m pytest --last-failed --last-failed-no-failures none $(1); }
COVERAGE := build/coverage
# Its plugin makes all of its requests up in each process that looks for tests. Nothing of it is run
# once more: it has no limits of time, and pytest does not find its tests again by their names.
SCHEMATHESIS := tests/dialects/openapi/test_schemathesis.py

WITHOUT_IT = -p no:schemathesis --ignore=$(SCHEMATHESIS)
SHORT = -m "not long" $(WITHOUT_IT)
LONG = -m "long or hypothesis or lengths" $(WITHOUT_IT)

test: $(VENV)/development
	@rm -rf $(COVERAGE) && mkdir -p $(COVERAGE)
	COVERAGE_FOLDER=$(COVERAGE) $(BIN)/python -m slipcover --json --out $(COVERAGE)/tests.json \
		-m $(PYTEST) $(SHORT) $(call once_more,$(SHORT))
	$(BIN)/python -m slipcover --merge $(COVERAGE)/*.json --out $(COVERAGE)/total.json

test-long: $(VENV)/development
	export TEST_LENGTH=full; $(BIN)/python -m $(PYTEST) $(LONG) $(call once_more,$(LONG))
	$(BIN)/python -m pytest -m long $(SCHEMATHESIS)

lint: $(VENV)/development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m docs.generate --check
	$(BIN)/python scripts/vendor.py --check

# Fifteen minutes of mixed load; the table of growth at its end.
soak: $(VENV)/development
	SOAK_SECONDS=$${SOAK_SECONDS:-900} $(BIN)/python -m pytest -m long -s tests/test_soak.py

bench: $(VENV)/development
	$(BIN)/python -m bench $(ROWS)

# All rows on a quiet machine, written into docs/performance.md.
bench-table: $(VENV)/development .venv-peers/installed
	$(BIN)/python -m bench --write

# LiteLLM's proxy, which the benchmark measures beside the gateway, in an environment of its own.
bench-peers: .venv-peers/installed

.venv-peers/installed: bench/requirements-peers.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

map: $(VENV)/runtime
	$(BIN)/python -m docs.generate

# What the page at / is made with, anew from the npm registry.
vendor:
	$(PYTHON) scripts/vendor.py

clean:
	rm -rf $(VENV) .venv-peers bench/build build

INSTALL = $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes

$(VENV)/runtime: requirements.lock | $(BIN)/pip
	@echo "Setting up $(VENV) with the gateway's packages: once, half a minute or so."
	$(INSTALL) -r requirements.lock
	@touch $@

$(VENV)/development: requirements-dev.lock | $(BIN)/pip
	@echo "Setting up $(VENV) with what tests and lint need: once, a minute or so."
	$(INSTALL) -r requirements-dev.lock
	@touch $@ $(VENV)/runtime

# What is locked stays as it is, except where the lists demand another version.
LOCK = $(BIN)/uv pip compile --quiet --no-config --default-index https://pypi.org/simple \
	--universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock"

lock: | $(BIN)/pip
	$(BIN)/pip install --quiet --disable-pip-version-check $$(grep '^uv==' requirements-dev.txt)
	$(LOCK) --output-file requirements.lock requirements.txt
	$(LOCK) --constraints requirements.lock --output-file requirements-dev.lock requirements-dev.txt

# Debian and Ubuntu keep a part of venv in a package of its own.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Poegate needs Python 3.11 or newer; set PYTHON=python3.12, say." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { test "$$(id -u)" = 0 \
		&& apt-get update -qq && apt-get install -y -qq python3-venv; } \
		|| { echo "Python's venv is not complete here: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
