# Runs and tests this checkout; everything that make makes here, `make clean` removes.

PYTHON ?= python3
ARGS ?=
# Which of the examples to run.
NAME ?= chat
# Repeats the order of an earlier test run, which printed its seed.
SEED ?= 0

VENV := .venv
python := $(VENV)/bin/python
pip := $(python) -m pip install --quiet --disable-pip-version-check
assets := htdocs/vendor/jquery.signalR.min.js
foreign := tests/integration/foreign
browser := tests/integration/browser
eslint := tools/eslint

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help run example test lint unit integration torture bench screenshots assets clean

help: ## Say what make can do here
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/run.stamp $(assets) ## Serve the ticker at http://127.0.0.1:8080/; options: make run ARGS="--open"
	@exec env PYTHONPATH="$(CURDIR)" $(python) $(VENV)/bin/twistd --nodaemon --pidfile= stockticker $(ARGS)

example: $(VENV)/run.stamp $(assets) ## Serve an example, as its line in examples/README.md does: make example NAME=chat
	@options=$$(sed -n 's|^ *cd examples/$(NAME) && twistd -n signalr ||p' examples/README.md); \
	if [ -z "$$options" ]; then echo "There is no example $(NAME); examples/README.md lists them." >&2; exit 1; fi; \
	cd examples/$(NAME) && exec env PYTHONPATH="$(CURDIR)" \
	    $(CURDIR)/$(python) $(CURDIR)/$(VENV)/bin/twistd --nodaemon --pidfile= signalr $$options $(ARGS)

test: $(VENV)/dev.stamp ## Run lint, unit and integration, all three even if one fails
	@failed=; \
	for part in lint unit integration; do \
	    $(MAKE) --no-print-directory $$part || failed="$$failed $$part"; \
	done; \
	if [ -n "$$failed" ]; then echo "make test: FAILED:$$failed"; exit 1; fi; \
	echo "make test: all passed"

lint: $(VENV)/dev.stamp $(VENV)/eslint.stamp ## Check style (ruff), types (mypy --strict) and the browser's scripts (ESLint)
	@status=0; \
	$(python) -m ruff check . || status=1; \
	$(python) -m mypy || status=1; \
	$(VENV)/eslint/node_modules/.bin/eslint --config $(VENV)/eslint/eslint.config.mjs --max-warnings 0 \
	    htdocs/scripts examples tests tools benchmarks || status=1; \
	exit $$status

unit: $(VENV)/dev.stamp ## Run the tests that need no port, no process and no browser; SEED=… repeats an order
	@$(python) tools/run_tests.py --seed $(SEED) unit

integration: $(VENV)/dev.stamp $(VENV)/foreign.stamp $(VENV)/eslint.stamp $(VENV)/browser.stamp $(assets) ## Run the tests with twistd, package builds and a browser; SEED=… repeats an order
	@$(python) tools/require_debian.py
	@$(python) tools/run_tests.py --seed $(SEED) integration

torture: $(VENV)/dev.stamp ## Run the long forms of the tests that have two: half an hour; less: make torture ARGS="slow_readers storm"
	@$(python) tools/torture.py $(ARGS)

bench: $(VENV)/bench.stamp ## Measure the server beside others; options: make bench ARGS="--quick", ARGS="--help"
	@$(python) -m benchmarks.run $(ARGS)

screenshots: $(VENV)/dev.stamp $(assets) ## Take the pictures for the README anew, with the page as it is
	@$(python) tools/require_debian.py
	@$(python) tools/screenshot.py

assets: $(assets) ## Fetch the third-party browser files into htdocs/vendor

clean: ## Remove all that was made here, the virtual environment too
	rm -rf $(VENV) build dist *.egg-info htdocs/vendor htdocs/.vendor-* _trial_temp* .hypothesis .mypy_cache .ruff_cache
	find twisted twisted_ticker examples tests tools benchmarks -name __pycache__ -prune -exec rm -rf {} +
	rm -f twisted/plugins/dropin.cache

# One stamp per step that is done; a step is done again when what it was made from changes.

$(VENV)/made.stamp: tools/require_python.py
	@command -v $(PYTHON) >/dev/null || { \
	    echo "Python 3.11 or newer is needed: install it (on Debian: apt-get install python3 python3-venv)." >&2; exit 1; }
	@$(PYTHON) tools/require_python.py
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/run.stamp: requirements.txt $(VENV)/made.stamp
	@echo "Installing the pinned dependencies into $(VENV)."
	@$(pip) -r requirements.txt
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt requirements.txt $(VENV)/made.stamp
	@echo "Installing the pinned dependencies for development into $(VENV)."
	@$(pip) -r requirements-dev.txt
	@touch $@ $(VENV)/run.stamp

$(VENV)/foreign.stamp: $(addprefix $(foreign)/,requirements.txt package.json package-lock.json) $(VENV)/made.stamp
	@echo "Installing SignalR clients that others wrote, for the tests, into $(VENV)/foreign."
	@rm -rf $(VENV)/foreign
	@$(python) -m venv $(VENV)/foreign
	@$(VENV)/foreign/bin/python -m pip install --quiet --disable-pip-version-check -r $(foreign)/requirements.txt
	@cp $(foreign)/package.json $(foreign)/package-lock.json $(VENV)/foreign
	@npm ci --prefix $(VENV)/foreign --ignore-scripts --no-audit --no-fund --silent
	@touch $@

$(VENV)/eslint.stamp: $(wildcard $(eslint)/*) $(VENV)/made.stamp
	@echo "Installing what checks scripts into $(VENV)/eslint."
	@rm -rf $(VENV)/eslint
	@cp -R $(eslint) $(VENV)/eslint
	@npm ci --prefix $(VENV)/eslint --ignore-scripts --no-audit --no-fund --silent
	@touch $@

$(VENV)/browser.stamp: $(addprefix $(browser)/,package.json package-lock.json) $(VENV)/made.stamp
	@echo "Installing what the browser tests use into $(VENV)/browser."
	@rm -rf $(VENV)/browser
	@mkdir $(VENV)/browser
	@cp $(browser)/package.json $(browser)/package-lock.json $(VENV)/browser
	@npm ci --prefix $(VENV)/browser --ignore-scripts --no-audit --no-fund --silent
	@touch $@

$(VENV)/bench.stamp: $(addprefix benchmarks/,requirements.txt package.json package-lock.json) $(VENV)/run.stamp
	@echo "Installing servers that others wrote, to measure ours beside them, into $(VENV)/bench."
	@rm -rf $(VENV)/bench
	@$(python) -m venv $(VENV)/bench
	@$(VENV)/bench/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	@cp benchmarks/package.json benchmarks/package-lock.json $(VENV)/bench
	@if command -v node >/dev/null && command -v npm >/dev/null; then \
	    npm ci --prefix $(VENV)/bench --ignore-scripts --no-audit --no-fund --silent; fi
	@touch $@

$(assets): package.json package-lock.json tools/browser_assets.py | $(VENV)/made.stamp
	@$(python) tools/browser_assets.py htdocs/vendor
