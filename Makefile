# Needs Python 3.11 (or 3.12, 3.13) and make; everything else is installed into .venv.
PYTHON ?= $(firstword $(foreach p,python3.11 python3.12 python3.13 python3,$(shell command -v $(p))))
BIN := .venv/bin
# The system's certificates: a company's proxy may have one of its own.
UV := $(BIN)/uv pip --quiet --system-certs
# RESULTS is a folder for JUnit files, one a target; .ci/run adds them up.
PYTEST = $(BIN)/python -m pytest -q $(if $(RESULTS),--junitxml=$(RESULTS)/$@.xml) $(PYTEST_FLAGS)
DEMO := .demo

# For Dagster's own commands; dagster.yaml says the same of an instance.
export DAGSTER_DISABLE_TELEMETRY := yes
# Every process imports Great Expectations: 5 s of CPU from bytecode, 13 s where none is kept.
unexport PYTHONDONTWRITEBYTECODE

# The Airflow environments that the bridge's bundle is tested in.
AIRFLOWS := 2.11 2.11-dagster 3

.DEFAULT_GOAL := help
.PHONY: help demo dev check test test-in-airflow test-clock test-slow test-fuzz test-killed test-airflow test-k8s test-mlflow test-spark test-pages test-next-dagster test-all airflows mlflow spark s3rver docs screenshots sbom lint format lock clean
.SECONDARY: # keep the stamps of the environments

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-17s %s\n", $$1, $$2}'

# A stamp is written only after a complete install, so an interrupted one starts again.
.venv/uv: requirements-uv.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed, with its venv module"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || \
		{ echo "$(PYTHON) is not Python 3.11, 3.12 or 3.13: make PYTHON=/path/to/python3.11"; exit 2; }
	@echo "Setting up .venv (once; less than a minute)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r $<
	@touch $@

# What the product and its demo need.
.venv/runtime: .venv/uv requirements.lock pyproject.toml
	@$(UV) install --python $(BIN)/python --require-hashes -r requirements.lock
	@$(UV) install --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

# The tests' tools as well.
.venv/installed: .venv/runtime requirements-dev.lock
	@$(UV) install --python $(BIN)/python --require-hashes -r requirements-dev.lock
	@touch $@

.airflow/%/installed: airflow_bridge/environments/airflow-%.lock .venv/uv
	@echo "Setting up Airflow $* in .airflow/$* (once; a minute or two)"
	@$(PYTHON) -m venv --without-pip .airflow/$*
	@# Without bytecode the first parse of a DAG can exceed Airflow's limit of 30 s.
	@$(UV) install --compile-bytecode --python .airflow/$*/bin/python --require-hashes -r $<
	@touch $@

airflows: $(AIRFLOWS:%=.airflow/%/installed) ## Airflow 2.11 and 3, each in its own environment

# Its pins exclude ours, so the server has an environment of its own.
.mlflow/installed: tests/resources/registry/mlflow.lock .venv/uv
	@echo "Setting up MLflow in .mlflow (once; a minute or two)"
	@$(PYTHON) -m venv --without-pip .mlflow
	@$(UV) install --python .mlflow/bin/python --require-hashes -r $<
	@touch $@

mlflow: .mlflow/installed ## an MLflow server for the tests, in an environment of its own

# Beside the packages of .venv, not among them: it has 300 MB of Java.
SPARK := PYTHONPATH=$(CURDIR)/.spark/packages
.spark/installed: tests/monitoring_assets/engines/spark.lock .venv/uv
	@echo "Setting up PySpark in .spark (once; a minute)"
	@rm -rf .spark/packages
	@$(UV) install --python $(BIN)/python --target .spark/packages --require-hashes -r $<
	@touch $@

spark: .spark/installed ## PySpark for the tests, beside the other packages; needs Java 17

# A second S3 for the tests, of other authors than moto.
.s3rver/installed:
	@mkdir -p .s3rver
	@npm install --prefix .s3rver --no-save --no-audit --no-fund --silent s3rver@3.7.1
	@touch $@

s3rver: .s3rver/installed ## a second S3 server for the slow tests; needs Node.js and npm

.docs/installed: docs/site/site.lock .venv/uv
	@echo "Setting up MkDocs in .docs (once; half a minute)"
	@$(PYTHON) -m venv --without-pip .docs/env
	@$(UV) install --python .docs/env/bin/python --require-hashes -r $<
	@touch $@

# Links hold in the site because files lie there as they do here.
DOCUMENTS := LICENSE .github/CODEOWNERS README.md CONTRIBUTING.md CHANGELOG.md SECURITY.md docs benchmarks/README.md \
	benchmarks/results k8s/terraform/main.tf resources/layout.py monitoring_assets/home/dagster.yaml
docs: .docs/installed .venv/runtime ## the documentation as a site with search; every link is checked
	@rm -rf .docs/source && mkdir -p .docs/source
	@tar -cf - $(DOCUMENTS) | tar -xf - -C .docs/source
	@$(BIN)/python docs/site/reference.py .docs/source/docs
	@NO_MKDOCS_2_WARNING=1 .docs/env/bin/mkdocs build --strict -f docs/site/mkdocs.yml \
		> .docs/log 2>&1 || { grep -v ^INFO .docs/log; exit 1; }
	@echo "Look at it: $(BIN)/python -m http.server -d .docs/site, then http://localhost:8000"

.docs/browser: docs/site/screenshots.lock .venv/uv
	@mkdir -p .docs
	@$(PYTHON) -m venv --without-pip .docs/browser-env
	@$(UV) install --python .docs/browser-env/bin/python --require-hashes -r $<
	@touch $@

screenshots: demo .docs/browser ## the pictures of docs/ from the demo, in the system's Chromium
	@.docs/browser-env/bin/python docs/site/screenshots.py $(DEMO) $(BIN)

test-pages: demo .docs/browser ## the demo's pages in the system's Chromium, by axe-core, on small screens and on paper
	@.docs/browser-env/bin/python docs/site/check_pages.py $(DEMO) $(BIN)

# What the image has, and beside it the tools that read it, which are no part of it.
.sbom/installed: k8s/requirements.lock k8s/sbom.lock .venv/uv
	@echo "Setting up what the image has in .sbom (once; a minute)"
	@$(PYTHON) -m venv --without-pip .sbom/image
	@$(UV) install --python .sbom/image/bin/python --require-hashes -r k8s/requirements.lock
	@$(PYTHON) -m venv --without-pip .sbom/tools
	@$(UV) install --python .sbom/tools/bin/python --require-hashes -r k8s/sbom.lock
	@touch $@

sbom: .sbom/installed ## the image's packages as CycloneDX and with licences, in dist/
	@mkdir -p dist
	@.sbom/tools/bin/cyclonedx-py environment --pyproject pyproject.toml --mc-type application \
		--output-reproducible --output-format JSON --output-file dist/sbom.cdx.json \
		.sbom/image/bin/python
	@.sbom/tools/bin/pip-licenses --python .sbom/image/bin/python --from mixed --with-urls \
		--format csv --output-file dist/licences.csv
	@echo "dist/sbom.cdx.json and dist/licences.csv"

demo: .venv/runtime ## the whole product on a made-up lender: five models, 60 days
	@$(BIN)/monitoring demo --home $(DEMO)

dev: .venv/runtime ## the Dagster UI on the demo's data (http://localhost:3000)
	@$(BIN)/monitoring demo --home $(DEMO) --serve

CHECKED := not in_airflow and not slow and not fuzz and not killed and not airflow and not kubernetes and not mlflow and not spark
check: .venv/installed ## the tests that need neither Airflow nor a cluster
	@$(PYTEST) -n 3 --dist worksteal -m "$(CHECKED)"

test: check test-in-airflow ## the tests: those of check, then those inside each Airflow

test-in-airflow: .venv/installed airflows ## the tests inside each Airflow
	@$(PYTEST) -n 2 --dist worksteal -m in_airflow

test-clock: .venv/installed ## the tests that a date could change, on ten other days (an hour or two)
	@$(BIN)/python tests/on_other_days.py

test-slow: .venv/installed ## the demo, killed daemons, and soaks of weeks in which all fails (minutes)
	@$(PYTEST) -n 3 --dist worksteal -m slow

test-fuzz: .venv/installed ## a thousand hostile manifests beside a sound one (minutes)
	@$(PYTEST) -n 2 --dist worksteal -m fuzz

test-killed: .venv/installed ## commands killed at each of 34 writes; daemons and backfills side by side (half an hour)
	@$(PYTEST) -n 2 --dist worksteal -m killed

test-airflow: .venv/installed airflows ## real Airflow schedulers on real PostgreSQL (minutes)
	@$(PYTEST) -m airflow

test-mlflow: .venv/installed mlflow ## the registry on a real MLflow server (minutes)
	@$(PYTEST) -m mlflow

test-spark: .venv/installed spark ## a day on a real cluster of two workers beside one machine (minutes)
	@$(SPARK) $(PYTEST) -m spark

test-k8s: .venv/installed ## the graph in pods, on the cluster of KUBECONFIG or of the rig in KRIG (minutes)
	@$(PYTEST) -m kubernetes

test-all: test test-slow test-fuzz test-killed test-airflow test-k8s test-mlflow test-spark test-pages ## all of them (more than an hour)

# The tests' lock again, with no bound on Dagster; all else keeps its version unless Dagster needs
# another. Made anew each time: a release may have come.
NEXT := .dagster-next
NEXT_TESTS := tests/integration/test_graph.py tests/monitoring_assets/assets \
	tests/monitoring_assets/runs tests/monitoring_assets/test_definitions.py \
	tests/resources/kubernetes tests/sensors
test-next-dagster: .venv/uv ## the graph and the sensors on a newer Dagster than the pinned one (minutes)
	@mkdir -p $(NEXT)
	@cp requirements-dev.lock $(NEXT)/requirements.lock
	@sed -n 's/^\(dagster[a-z0-9-]*\)==.*/\1/p' requirements-dev.lock > $(NEXT)/unbound.txt
	@$(LOCK) --universal --no-strip-extras --override $(NEXT)/unbound.txt \
		$$(sed 's/^/--upgrade-package /' $(NEXT)/unbound.txt) \
		--extra demo --extra production --group install --group dev pyproject.toml \
		-o $(NEXT)/requirements.lock
	@dagster() { sed -n 's/^dagster==\([^ ]*\).*/\1/p' $$1; }; \
	pinned=$$(dagster requirements-dev.lock); newest=$$(dagster $(NEXT)/requirements.lock); \
	if [ "$$newest" = "$$pinned" ]; then \
		echo "Dagster $$pinned is pinned, and the package index has no newer one"; exit; \
	fi; \
	echo "Trying Dagster $$newest in $(NEXT); $$pinned is pinned"; \
	$(PYTHON) -m venv --without-pip $(NEXT)/env && \
	$(UV) sync --python $(NEXT)/env/bin/python --require-hashes $(NEXT)/requirements.lock && \
	$(UV) install --python $(NEXT)/env/bin/python --no-deps --no-build-isolation -e . && \
	$(NEXT)/env/bin/python -m pytest -q -n 2 --dist worksteal -m "$(CHECKED)" $(PYTEST_FLAGS) \
		$(NEXT_TESTS)

lint: .venv/installed ## format, rules, words, import contracts, types, definitions, and whether tests import
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/codespell -D - -D docs/words.txt
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/mypy
	@VIRTUAL_ENV=$(CURDIR)/.venv PATH=$(CURDIR)/$(BIN):$$PATH $(BIN)/dg check defs
	@found=$$($(BIN)/python -m pytest --collect-only -qq) || { echo "$$found"; exit 1; }

format: .venv/installed ## format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench-%: .venv/installed
	@PYTHONPATH=. $(BIN)/python benchmarks/$(subst -,_,$*).py

bench-spark: .venv/installed spark
	@$(SPARK):. $(BIN)/python benchmarks/spark.py

bench-profile-kernel: ## benchmarks: every benchmarks/NAME.py that README there lists

# Versions stay unless pyproject.toml excludes them: `make lock UPGRADE=--upgrade` takes newer ones.
LOCK = $(UV) compile --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	--no-annotate $(UPGRADE)
lock: .venv/uv ## pin every dependency again, with hashes
	echo uv | $(LOCK) --universal - -o requirements-uv.lock
	$(LOCK) --universal --no-strip-extras --extra demo --group install pyproject.toml \
		-o requirements.lock
	$(LOCK) --universal --no-strip-extras --constraint requirements.lock --extra demo \
		--extra production --extra tables --extra warehouse --extra lineage --group install --group dev pyproject.toml \
		-o requirements-dev.lock
	$(LOCK) --universal --no-strip-extras --constraint requirements-dev.lock --extra production \
		--extra tables --extra warehouse --extra lineage pyproject.toml -o k8s/requirements.lock
	echo hatchling | $(LOCK) --universal --constraint requirements-dev.lock - -o k8s/build.lock
	printf 'cyclonedx-bom\npip-licenses\n' | $(LOCK) --universal - -o k8s/sbom.lock
	cd airflow_bridge/environments && for airflow in $(AIRFLOWS); do \
		$(CURDIR)/$(LOCK) airflow-$$airflow.in -o airflow-$$airflow.lock || exit; done
	$(LOCK) --universal tests/resources/registry/mlflow.in -o tests/resources/registry/mlflow.lock
	$(LOCK) --universal tests/monitoring_assets/engines/spark.in \
		-o tests/monitoring_assets/engines/spark.lock
	$(LOCK) --universal docs/site/site.in -o docs/site/site.lock
	$(LOCK) --universal docs/site/screenshots.in -o docs/site/screenshots.lock

clean: ## remove what make made
	rm -rf .venv .airflow .mlflow .spark .s3rver .docs .sbom $(NEXT) $(DEMO)
