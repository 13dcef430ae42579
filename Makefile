# make serve and make test are all that is needed; make help lists the rest.
SHELL := /bin/sh
PORT ?= 8000
PYTEST ?=

BIN := .venv/bin
ASSETS := docs/assets/course
SYSTEM_PATH := $(PATH)
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Lessons are executed with our settings, whatever the machine has of Jupyter's.
export JUPYTER_CONFIG_DIR := $(CURDIR)/theme/jupyter
export JUPYTER_DATA_DIR := $(CURDIR)/build/jupyter
export JUPYTER_PATH :=
export NO_MKDOCS_2_WARNING := 1

# What the bundle carries into the browser, where exercises are graded.
COURSE_SOURCES := $(shell find src exercises solutions tests/graders -name '*.py' 2>/dev/null)
FRONTEND_SOURCES := $(shell find frontend -type f 2>/dev/null)
NODE_PROJECT := $(wildcard package-lock.json)
ifdef NODE_PROJECT
NODE_MODULES := node_modules/.package-lock.json
PAGE := $(ASSETS)/page.js $(ASSETS)/manifest.json
endif

.PHONY: serve test test-kafka bench install build lint format lock clean help port chromium

serve: $(BIN)/course port $(PAGE) ## the course at http://localhost:8000, reloaded when a lesson is edited
	$(BIN)/mkdocs serve --dev-addr localhost:$(PORT)

test: chromium lint build ## lint, build, then every test: PYTEST="-k name" picks
ifdef NODE_PROJECT
	npm run --silent test
endif
	$(BIN)/pytest $(PYTEST)

test-kafka: $(BIN)/course ## the model against real Apache Kafka, and the lab: needs Java, mvn, PostgreSQL and wal2json
	$(BIN)/pytest tests/lab tests/conformance $(PYTEST)

bench: chromium build ## the performance figures
	@for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python "$$file" || exit; done

install: $(BIN)/course ## the `course` command alone, in .venv/bin

build: $(BIN)/course $(PAGE) ## the site, in site/
	$(BIN)/mkdocs build --strict

lint: $(BIN)/course $(NODE_MODULES) ## ruff, pyright and tsc
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
ifdef NODE_PROJECT
	npm run --silent check
endif

format: $(BIN)/course ## what ruff can mend by itself
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: ## compile the locks from pyproject.toml, for every platform
	PATH="$(SYSTEM_PATH)"; python=$$(.ci/find-python) && "$$python" -m venv --clear build/lock
	build/lock/bin/pip install --quiet uv
	build/lock/bin/uv pip compile $(UV) pyproject.toml --group site --group bundle --group test --group grade --extra dask --extra lab -o requirements.lock
	build/lock/bin/uv pip compile $(UV) --group node -o requirements-node.lock
UV := --quiet --upgrade --universal --python-version 3.12 --generate-hashes --no-header

clean: ## remove all that was made
	rm -rf .venv node_modules build site $(ASSETS) docs/service-worker.js

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile

port: $(BIN)/course
	@$(BIN)/python -m course.build.port $(PORT)

chromium:
	@.ci/find-chromium >/dev/null

# A fresh environment whenever the lock changes: what is installed is what is locked.
.venv/locked: requirements.lock
	@rm -rf .venv
	@PATH="$(SYSTEM_PATH)"; python=$$(.ci/find-python) && echo "Installing Python packages into .venv" && "$$python" -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@touch $@

$(BIN)/course: .venv/locked pyproject.toml
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# Node, where the system's is too old or absent, as a Python package.
.venv/node: .venv/locked requirements-node.lock
	@.ci/find-node >/dev/null 2>&1 || { echo "Installing Node into .venv" && \
		$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-node.lock; }
	@touch $@

node_modules/.package-lock.json: package.json package-lock.json .venv/node
	npm ci --no-audit --no-fund
	@touch $@

$(ASSETS)/page.js: $(FRONTEND_SOURCES) tsconfig.json node_modules/.package-lock.json
	npm run --silent build
	@touch $@

$(ASSETS)/manifest.json: $(COURSE_SOURCES) $(FRONTEND_SOURCES) pyproject.toml node_modules/.package-lock.json $(BIN)/course
	npm run --silent bundle
	@touch $@
