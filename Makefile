# make search   a first co-design, from nothing: sets up, searches, prints a table and the path of the report
# make test     sets up, then every check and every test
# make check    the quick part of it, under three minutes: lint, types, layering, unit tests
# make bench    the numbers of the README, measured here
# make conformance  other people's ONNX tests, and the table of docs/onnx.md
# make docs     the pages of docs/ checked: links exist, code blocks run
# make setup    only the environment (.venv); every other target does it when it is missing or out of date

SHELL := /bin/bash
BIN := .venv/bin
OUT ?= runs/first
BUDGET ?= 5m
WORKERS ?= 2
STAMP := .venv/.gossamer-installed

.PHONY: search test check bench conformance docs setup static clean
.DEFAULT_GOAL := check

setup: $(STAMP)

$(STAMP): pyproject.toml scripts/setup.sh
	bash scripts/setup.sh

search: $(STAMP)
	$(BIN)/gossamer search --target systolic --space mobilenet --data digits \
	    --objectives accuracy,latency,energy,area --budget $(BUDGET) -o $(OUT)

static: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/pyright

check: static
	$(BIN)/pytest -q -n $(WORKERS) -m "not slow and not serial"

# What measures time runs alone, after the rest.
test: static
	$(BIN)/pytest -n $(WORKERS) --dist worksteal -m "not serial"
	$(BIN)/pytest -m serial

bench: $(STAMP)
	$(BIN)/python -m benchmarks

docs: $(STAMP)
	$(BIN)/pytest -q tests/docs

# Every case of the onnx package's test suite, on the reference and on the CPU: rewrites the table of docs/onnx.md.
conformance: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.frontends.conformance

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache
