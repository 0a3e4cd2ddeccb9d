# `make help` lists the targets. Everything happens in $(VENV); nothing is installed elsewhere.

VENV ?= .venv
BIN := $(VENV)/bin
# The other emulator pins botocore: it has an environment of its own.
SECOND := $(VENV)-second-emulator
# Arguments for pytest: make test ARGS="tests/plan -k gate"
ARGS ?=
# make run UNTIL=converged ends when everything has converged, or cannot.
UNTIL ?=

.DEFAULT_GOAL := help
.PHONY: help run test check lint types contracts format soak bench once second-emulator \
	second-emulator-environment dev clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/installed-local ## An AWS on this machine and the controller on desired/ (UNTIL=converged to end)
	@exec $(BIN)/reconciler local $(if $(UNTIL),--until $(UNTIL)) $(ARGS)

# Two workers more than processors, since tests of the whole product mostly wait; who is done takes from others.
test: dev ## All tests (ARGS="tests/plan -k gate" for some)
	@exec $(BIN)/python -m pytest -n $$(($$(getconf _NPROCESSORS_ONLN) + 2)) --dist worksteal \
		-m "not soak and not second_emulator" $(ARGS)

second-emulator: dev $(SECOND)/installed ## The same desired state against an emulator of others
	@SECOND_EMULATOR=$(abspath $(SECOND))/bin/ministack exec $(BIN)/python -m pytest -n 2 -m second_emulator \
		tests/second_emulator $(ARGS)

second-emulator-environment: dev $(SECOND)/installed

check: lint types contracts test second-emulator ## What .ci/run does, in the environment that is there

lint: dev ## ruff: rules and formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: dev ## Let ruff format the files and mend what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: dev ## mypy, strict
	@$(BIN)/mypy

contracts: dev ## The layers: who may import whom
	@$(BIN)/lint-imports

soak: dev ## Long randomised runs: pairs of faults, many seeds
	@exec $(BIN)/python -m pytest -n auto -m soak --timeout 0 $(ARGS)

bench: dev ## From saving a file to the first changing AWS call; what a diff of 100 services costs; once's start
	@$(BIN)/python -m tests.bench $(ARGS)
	@$(BIN)/python -m tests.bench.diff
	@exec $(BIN)/python -m tests.bench.once

once: ## The single file dist/reconciler-once: `once` and the guard, for an image
	@python3 .ci/once dist/reconciler-once

dev: $(VENV)/installed-dev ## Only set up the environment for development

clean: ## Remove the environment and all caches
	rm -rf $(VENV) $(SECOND) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .local
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

$(SECOND)/installed: tests/second_emulator/requirements.txt
	@$(BIN)/python -m venv $(SECOND)
	@$(SECOND)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile -r $<
	@touch $@

# The environment of `dev` has everything that `local` needs.
$(VENV)/installed-local: pyproject.toml
	@test $(VENV)/installed-dev -nt pyproject.toml || .ci/venv $(VENV) local
	@touch $@

$(VENV)/installed-dev: pyproject.toml
	@.ci/venv $(VENV) dev
