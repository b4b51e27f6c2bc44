# Everything a developer or CI runs. `make demo` and `make test` need Python 3.11+, make and a package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

SPARK_STAMP := $(VENV)/.installed-spark

.PHONY: install spark demo test test-live check fix bench docs lock dist sbom audit licences clean

install: $(STAMP)

$(STAMP): requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

spark: $(SPARK_STAMP)  ## Apache Spark beside the rest, for the live tests that compare it with one machine; they need Java

$(SPARK_STAMP): $(STAMP) requirements-spark.lock
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-spark.lock
	touch $@

demo: install  ## the service with synthetic patients, at http://127.0.0.1:8080/
	$(BIN)/trialhook serve --demo

test: install  ## fast, offline
	$(BIN)/python -m pytest -m "not live" -n auto

test-live: install  ## real servers and a browser; what stands in one file runs in one process
	$(BIN)/python -m pytest -m live -n 2 --dist loadfile

check: install  ## every check runs, also after one fails
	@failed=0; \
	for step in "ruff format --check ." "ruff check ." "mypy" "lint-imports" "trialhook trials check" "trialhook trials test"; do \
	  echo "== $$step"; $(BIN)/$$step || failed=1; \
	done; exit $$failed

fix: install  ## format, lint, and write what is generated
	$(BIN)/ruff check --fix --exit-zero .
	$(BIN)/ruff format .
	$(BIN)/trialhook trials schema trial > service/criteria/trial.schema.json
	$(BIN)/trialhook trials schema cases > service/criteria/cases.schema.json
	$(BIN)/python -m service.render.settings README.md
	$(BIN)/python -m docs_site.kinds docs/kinds.md
	$(BIN)/python -m docs_site.logic docs/logic.md

docs: install  ## the documentation site: open site/index.html, no network needed
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

bench: install  ## ratios, measured in one run; the service under load takes some minutes
	$(BIN)/python -m bench
	$(BIN)/python -m bench.service --quick
	$(BIN)/python -m bench.service_steady

lock:  ## pin and hash every dependency; needs uv
	uv pip compile pyproject.toml --extra otel --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements.lock
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements-dev.lock
	uv pip compile pyproject.toml --extra spark --constraints requirements-dev.lock --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -o requirements-spark.lock

dist: install  ## source distribution and wheel, the wheel made from the source distribution
	$(BIN)/python -m build --no-isolation --outdir dist

sbom: install  ## what the distribution needs, as CycloneDX
	$(BIN)/python -m supply sbom --out dist/trialhook.cdx.json

licences: install  ## checks the licences of the dependencies and writes docs/licences.md
	$(BIN)/python -m supply licences

audit: install  ## known vulnerabilities of the dependencies; exit code 3 of the command: the data are out of reach
	$(BIN)/python -m supply audit

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist site
