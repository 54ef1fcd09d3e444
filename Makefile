# Needs Python 3.11 (or 3.12, 3.13) and make; everything else is installed into .venv.
PYTHON ?= $(firstword $(foreach p,python3.11 python3.12 python3.13 python3,$(shell command -v $(p))))
BIN := .venv/bin
DEMO := .demo

# For Dagster's own commands; dagster.yaml says the same of an instance.
export DAGSTER_DISABLE_TELEMETRY := yes

# The Airflow environments that the bridge's bundle is tested in.
AIRFLOWS := 2.11 2.11-dagster 3

.DEFAULT_GOAL := help
.PHONY: help demo dev test test-soak test-airflow test-k8s airflows lint format lock clean
.SECONDARY: # keep the stamps of the environments

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

# The stamp is rewritten only after a complete install, so an interrupted one starts again.
.venv/installed: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed, with its venv module"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || \
		{ echo "$(PYTHON) is not Python 3.11, 3.12 or 3.13: make PYTHON=/path/to/python3.11"; exit 2; }
	@echo "Setting up .venv (once; a minute or two)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.airflow/%/installed: airflow_bridge/environments/airflow-%.lock
	@echo "Setting up Airflow $* in .airflow/$* (once; a minute or two)"
	@$(PYTHON) -m venv .airflow/$*
	@.airflow/$*/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r $<
	@touch $@

airflows: $(AIRFLOWS:%=.airflow/%/installed) ## Airflow 2.11 and 3, each in its own environment

demo: .venv/installed ## the whole product on a made-up lender: five models, 60 days
	@$(BIN)/monitoring demo --home $(DEMO)

dev: .venv/installed ## the Dagster UI on the demo's data (http://localhost:3000)
	@$(BIN)/monitoring demo --home $(DEMO) --serve

test: .venv/installed airflows ## the tests
	@$(BIN)/python -m pytest -n 2 --dist worksteal -q -m "not slow and not airflow and not kubernetes"

test-soak: .venv/installed ## 60 days of 20 versions, everything failing on the way (minutes)
	@$(BIN)/python -m pytest -q -m slow

test-airflow: .venv/installed airflows ## real Airflow schedulers on real PostgreSQL (minutes)
	@$(BIN)/python -m pytest -q -m airflow

test-k8s: .venv/installed ## the graph in pods, on the cluster of KUBECONFIG or of the rig in KRIG (minutes)
	@$(BIN)/python -m pytest -q -m kubernetes

lint: .venv/installed ## format, rules and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/dagster definitions validate

format: .venv/installed ## format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench-%: .venv/installed
	@PYTHONPATH=. $(BIN)/python benchmarks/$(subst -,_,$*).py

bench-profile-kernel: ## benchmarks: every benchmarks/NAME.py that README there lists

lock: ## pin every dependency again, with hashes (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-strip-extras \
		--no-emit-index-url --no-annotate --extra demo --extra production --group dev pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-strip-extras \
		--no-emit-index-url --no-annotate --constraint requirements.lock --extra production \
		pyproject.toml -o k8s/requirements.lock
	echo hatchling | uv pip compile --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-annotate --constraint requirements.lock - -o k8s/build.lock
	cd airflow_bridge/environments && for airflow in $(AIRFLOWS); do \
		uv pip compile --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
			--no-annotate airflow-$$airflow.in -o airflow-$$airflow.lock || exit; done

clean: ## remove what make made
	rm -rf .venv .airflow $(DEMO)
