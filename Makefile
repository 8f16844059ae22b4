# The same verbs here and in CI: install run test lint bench. map: what docs/ has from the code.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: install run test lint bench bench-table bench-peers map clean

run: $(VENV)/runtime
	@exec $(BIN)/python -m app.demo

install: $(VENV)/runtime

test: $(VENV)/development
	$(BIN)/python -m pytest

lint: $(VENV)/development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m docs.generate --check

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

clean:
	rm -rf $(VENV) .venv-peers bench/build

$(VENV)/runtime: requirements.txt | $(BIN)/pip
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/development: requirements-dev.txt requirements.txt | $(BIN)/pip
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/runtime

# Debian and Ubuntu keep a part of venv in a package of its own.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Poegate needs Python 3.11 or newer; set PYTHON=python3.12, say." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { test "$$(id -u)" = 0 \
		&& apt-get update -qq && apt-get install -y -qq python3-venv; } \
		|| { echo "Python's venv is not complete here: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
