# The two commands of a newcomer: `make run` serves real aggregates, `make test` passes everything.
# Variables: DELIVERY (a file, a folder or a URL), PORT, APP_HOME, PYTEST (its arguments); of benchmarks ROWS,
# ROUNDS, BENCH_SECONDS (docs/benchmarks.md) and SIZES (docs/scaling.md).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
FAKESNOW := .venv-fakesnow/.installed
export PORT ?= 8000
export APP_HOME ?= var

.PHONY: run test lint types pytest coverage mutants soak bench bench-etl bench-warehouse bench-replica docs lock clean

run: $(STAMP)
	@exec deploy/run.sh $(BIN) "$(DELIVERY)"

test: lint types pytest

lint: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/python -m bandit --quiet --recursive app migrations deploy docs --configfile pyproject.toml

types: $(STAMP)
	$(BIN)/mypy

pytest: $(STAMP) $(FAKESNOW)
	@deploy/tools.sh chromium curl node:nodejs npm pg_ctlcluster:postgresql redis-server wrk
	$(BIN)/pytest $(PYTEST)

# What the tests hold of app/auth: every branch, or this fails.
coverage: $(STAMP)
	$(BIN)/python -m pytest --quiet --cov --cov-report=term tests/auth tests/api/test_oauth.py tests/api/test_rate_limit.py

# The same question from the other side: docs/mutants.md.
mutants: $(STAMP)
	rm -rf mutants
	$(BIN)/python -m mutmut run
	$(BIN)/python -m mutmut results
	$(BIN)/python -m mutmut export-cicd-stats
	$(BIN)/python deploy/mutants.py

# A million tokens and 10,000 requests where `make test` sends some thousands and some hundreds.
soak: $(STAMP)
	SOAK_TOKENS=1000000 $(BIN)/python -m pytest --quiet tests/auth/test_noise.py
	SCHEMATHESIS_EXAMPLES=400 SCHEMATHESIS_LEAST=10000 $(BIN)/python -m pytest --quiet tests/api/test_schemathesis.py

bench: $(STAMP)
	@deploy/tools.sh wrk
	$(BIN)/python -m bench $(if $(ROWS),--rows $(ROWS)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(BENCH_SECONDS),--seconds $(BENCH_SECONDS))

bench-etl: $(STAMP)
	$(BIN)/python -m bench scale $(if $(SIZES),--sizes $(SIZES)) $(if $(ROUNDS),--rounds $(ROUNDS))

bench-warehouse: $(STAMP)
	@deploy/tools.sh pg_ctlcluster:postgresql
	$(BIN)/python -m bench warehouse $(if $(ROWS),--rows $(ROWS)) $(if $(ROUNDS),--rounds $(ROUNDS))

bench-replica: $(STAMP)
	@deploy/tools.sh pg_ctlcluster:postgresql wrk
	$(BIN)/python -m bench replica $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(BENCH_SECONDS),--seconds $(BENCH_SECONDS))

docs: $(STAMP)
	$(BIN)/python -m docs.generate

# Resolves pyproject.toml anew in an environment of its own and writes down what was installed.
lock:
	deploy/lock.sh $(PYTHON) requirements.lock

clean:
	rm -rf $(VENV) .venv-fakesnow .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage mutants

$(STAMP): pyproject.toml requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

# The fake of Snowflake does not run with the connector that the program has.
$(FAKESNOW): tests/fakesnow.lock
	$(PYTHON) -m venv .venv-fakesnow
	.venv-fakesnow/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement tests/fakesnow.lock
	@touch $@
