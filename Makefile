# The commands of the house. Each does its own set-up; `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
NODE_STAMP := tests/node_modules/.installed

# The interpreter: pyenv and uv both follow .python-version; python3.13 on PATH will do as well.
PYTHON := $(shell for p in python3.13 "$$(command -v pyenv >/dev/null 2>&1 && pyenv prefix 3.13 2>/dev/null || pyenv prefix 3.13.0 2>/dev/null)/bin/python" "$$HOME"/.pyenv/versions/3.13*/bin/python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' >/dev/null 2>&1 && echo "$$p" && break; done)

.PHONY: help setup demo test check faults mutants bench lock clean
help:  ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMP)  ## make .venv with everything pinned
$(STAMP): tests/requirements.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.13 is needed and was not found. Install it (pyenv install 3.13, or uv python install 3.13) and run this again."; exit 1; }
	@echo "setting up $(VENV) with $$("$(PYTHON)" --version) ..."
	@"$(PYTHON)" -m venv --clear $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r tests/requirements.txt
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

COMPILE := env -u PIP_FIND_LINKS PIP_CONFIG_FILE=/dev/null CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile -q --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --strip-extras --allow-unsafe --no-build-isolation
lock:  ## pin requirements again (hashes, no index address in the files)
	@$(COMPILE) -o requirements.txt pyproject.toml
	@$(COMPILE) --extra dev -o tests/requirements.txt pyproject.toml
	@for where in infra/check tests/words; do $(COMPILE) -o $$where/requirements.txt $$where/requirements.in; done

demo: $(STAMP)  ## repair a failed backup before your eyes, without Azure
	@$(BIN)/remediator demo

$(NODE_STAMP): tests/package-lock.json
	@command -v npm >/dev/null || { echo "Node 20 with npm is needed for the tests (Azurite, the KQL parser, the browser) and was not found."; exit 1; }
	@npm ci --prefix tests --silent --no-audit --no-fund
	@touch $@

.PHONY: browser
browser:
	@command -v chromium >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && echo "installing Debian's Chromium for the browser tests ..." && apt-get update -qq >/dev/null && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; } || \
	  { echo "Chromium is needed for the browser tests and was not found. Install it (Debian: apt-get install chromium) and run this again."; exit 1; }

# Three on two cores: most tests wait for processes that they have started.
PYTEST := $(BIN)/python -m pytest -n 3 --dist loadfile --durations=15
test: $(STAMP) $(NODE_STAMP) browser  ## run every test that needs no cloud
	@$(PYTEST)

check: $(STAMP) $(NODE_STAMP) browser  ## format, lint, types, import contracts, tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(PYTEST)

.PHONY: package
package: $(STAMP)  ## build the zip that is deployed, into dist/
	@$(BIN)/remediator package

CHECKOV := .venv-checkov/.installed
$(CHECKOV): infra/check/requirements.txt $(STAMP)
	@echo "setting up checkov in .venv-checkov (270 MB, half a minute) ..."
	@"$(PYTHON)" -m venv --clear .venv-checkov
	@.venv-checkov/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r infra/check/requirements.txt
	@touch $@

.PHONY: infra
infra: $(STAMP) $(CHECKOV)  ## check the deployment in infra/ without the Bicep compiler
	@$(BIN)/python -m infra.check infra

.PHONY: screenshots
screenshots: $(STAMP) $(NODE_STAMP) browser  ## take the pictures under docs/screenshots again
	@fc-list :lang=zh-cn 2>/dev/null | grep -q . || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && echo "installing a font with Chinese letters for the pictures ..." && \
	  apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends fontconfig fonts-wqy-zenhei >/dev/null; } || \
	  { echo "A font with Chinese letters is needed for the pictures and was not found (Debian: apt-get install fonts-wqy-zenhei)."; exit 1; }
	@SCREENSHOTS=docs/screenshots $(BIN)/python -m pytest tests/browser -k in_a_browser

AZURE_CLI := .venv-azure-cli/.installed
$(AZURE_CLI): tests/words/requirements.txt $(STAMP)
	@echo "setting up the Azure CLI in .venv-azure-cli (700 MB, one to three minutes) ..."
	@"$(PYTHON)" -m venv --clear .venv-azure-cli
	@.venv-azure-cli/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r tests/words/requirements.txt
	@touch $@

.PHONY: words cli
words: $(AZURE_CLI)  ## put every az line that is printed or documented through the Azure CLI's own parser
	@$(BIN)/python -m pytest -q tests/words

cli: $(AZURE_CLI)  ## repair a failed backup by hand with the Azure CLI, against the simulator
	@$(BIN)/python -m tests.cli

.PHONY: states
states: $(STAMP)  ## show what each checker makes of the VM states, against the documents
	@$(BIN)/python -m tests.diagnosis_states

.PHONY: rooms settings
rooms: $(STAMP)  ## write the table of rooms in ARCHITECTURE.md
	@$(BIN)/python -m tests.docs.tables rooms

settings: $(STAMP)  ## write the tables of settings in docs/settings.md
	@$(BIN)/python -m tests.docs.tables settings pace

faults: $(STAMP)  ## run the whole fault matrix and write docs/reliability.md (half an hour)
	@$(BIN)/python -m tests.faults.matrix --write docs/reliability.md
	@FAULT_EXAMPLES=500 $(BIN)/python -m pytest -n 2 tests/faults/test_interleavings.py
	@SCHEDULES=120 $(BIN)/python -m pytest -n 2 tests/faults/test_schedules.py

.PHONY: model
model: $(STAMP)  ## explore the lock protocol's model, every case, and write docs/lock-protocol.md (five minutes)
	@$(BIN)/python -m tests.model --write docs/lock-protocol.md

mutants: $(STAMP) $(NODE_STAMP)  ## plant small bugs in the safety core, fail where no test notices one, and write docs/reliability.md
	@$(BIN)/python -m tests.mutants --write docs/reliability.md

bench: $(STAMP) $(NODE_STAMP)  ## run the benchmarks (half an hour) and write docs/benchmarks
	@$(BIN)/python -m tests.faults.bench_windows
	@$(BIN)/python -m tests.faults.bench_histories
	@$(BIN)/python -m tests.faults.bench_heartbeats
	@$(BIN)/python -m tests.faults.bench_deaths
	@$(BIN)/python -m tests.browser.bench_pages
	@$(BIN)/python -m tests.e2e.bench_reads

clean:  ## remove what set-up and runs have made
	rm -rf $(VENV) .venv-checkov .venv-azure-cli tests/node_modules .remediator .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
