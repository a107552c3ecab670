# Two commands matter: `make demo` shows it, `make test` proves it. Each makes what it needs.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help demo up test test-system test-torch lint types check chaos chaos-short bench \
        bench-localise bench-spikes bench-claims wheel docs clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

demo: $(READY) ## start everything on this machine, send sample contacts, print what they say
	$(BIN)/voc demo

up: $(READY) ## keep the local stack running for your own data
	$(BIN)/voc up

test: $(READY) ## every test that needs nothing but pip
	$(BIN)/python -m pytest -m 'not chaos and not bench and not browser and not prometheus'

test-system: $(READY) ## the tests that need Debian's chromium, prometheus, prometheus-alertmanager
	$(BIN)/python -m pytest -m 'browser or prometheus'

test-torch: $(READY) ## the tests of foreign checkpoints; installs torch
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[torch]'
	$(BIN)/python -m pytest tests/torch

lint: $(READY) ## ruff
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(READY) ## mypy, strict
	$(BIN)/mypy

check: lint types test ## what CI runs, without the wheel

chaos: $(READY) ## 17 kill -9s under load: 100,000 contacts, each stored once (about 6 minutes)
	$(BIN)/python tests/chaos/run.py

chaos-short: $(READY) ## a few kills, a few thousand contacts
	$(BIN)/python tests/chaos/run.py --short

bench: $(READY) ## throughput, latency and memory, beside the obvious alternative
	$(BIN)/python tests/bench/run.py

bench-localise: $(READY) ## change localisation beside Adtributor and a sorted pivot table
	$(BIN)/python tests/bench/localise.py

bench-spikes: $(READY) ## spike detection beside EARS C2, a z-score rule and a threshold
	$(BIN)/python tests/bench/spikes.py

bench-claims: $(READY) ## how often the report claims a cause that is not there
	$(BIN)/python tests/bench/claims.py

wheel: $(READY) ## build the wheel
	$(BIN)/python -m build --wheel --outdir dist .

docs: $(READY) ## regenerate the references from the code
	$(BIN)/voc config --reference > docs/configuration.md
	$(BIN)/voc config --metrics > docs/metrics.md
	$(BIN)/python helm/generate.py
	$(BIN)/python helm/dashboards.py

clean: ## remove what the targets above made
	rm -rf $(VENV) dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis
