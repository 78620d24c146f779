# make demo · make test · make check · make bench · make bench-filter · make train · make torture · make fuzz: each sets up all it needs, only what is missing.

export PYTHON ?= python3
# The tests start migrator thousands of times: what is compiled is kept.
unexport PYTHONDONTWRITEBYTECODE
ARGS ?=
KILLS ?= 40
MINUTES ?= 10
READY := .venv/ready

.PHONY: demo test check bench bench-filter train torture fuzz servers clean

demo: $(READY)
	.venv/bin/migrator demo

test: check servers
	.venv/bin/python -m pytest -n 2 $(ARGS)

check: $(READY)
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports

bench: $(READY) servers
	.venv/bin/python -m tests.bench $(ARGS)

# How well newsletters are told from other mail, no sender on both sides; and new weights from all of it.
bench-filter: $(READY)
	.venv/bin/python -m tests.bench.filtering

train: $(READY)
	.venv/bin/python -m tests.bench.filtering --train > mappings/filters/weights.toml.new
	mv mappings/filters/weights.toml.new mappings/filters/weights.toml

# What is too long for every day: kill -9 until KILLS kills on each database have left mail in doubt or a pass unfinished,
# every fault at every position, rescue killed at every moment, and thousands of stories of the exactly-once property.
torture: export MIGRATOR_TORTURE = $(KILLS)
torture: $(READY) servers
	.venv/bin/python -m pytest tests/journeys/test_kill.py $(ARGS)
	.venv/bin/python -m pytest -n 2 tests/journeys/test_faults.py tests/journeys/test_hostile_mail.py \
		tests/migrator/rescue/test_moving.py tests/migrator/steps/test_exactly_once.py $(ARGS)

# Hostile bytes for MINUTES a target, first by Hypothesis, then guided by coverage; every fixture cut at every byte.
fuzz: $(READY)
	MIGRATOR_CUT=all .venv/bin/python -m pytest tests/fuzz/test_truncation.py
	.venv/bin/python -m tests.fuzz --minutes $(MINUTES) $(ARGS)

# The environment, made anew whenever what it was made from has changed.
$(READY): pyproject.toml constraints.txt .ci/packages
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "migrator needs Python 3.11 or newer: make PYTHON=python3.11 …" >&2; exit 1; }
	@.ci/packages venv
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[demo,exchange,fleet,graph,review,dev]'
	@touch $@

servers:
	@.ci/packages servers

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .fuzz .import_linter_cache demo bench
