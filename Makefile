# make        set up, then make every table and picture of the built-in demo shapes
# make test   set up, then run the tests
# make lint   check style and workflow
# make test-faults   kill it at MOMENTS random moments, fill the disk: it must end well
# make test-slurm    the same pipeline on a real SLURM of one node (root, slurm-wlm and munge)
# make lock   resolve envs/requirements.in again

BIN := .venv/bin
MOMENTS ?= 20
export UV_LINK_MODE ?= hardlink

.PHONY: all setup test test-faults test-slurm lint lock clean
all: setup
	$(BIN)/snakemake

setup: .venv/.complete

# Compiled to bytecode here, once: a job imports torch in half the time. The stamp comes last, so an interrupted set-up starts over and a changed pin installs again.
.venv/.complete: envs/requirements.txt envs/system_libraries.py pyproject.toml .uv/.complete
	test -x $(BIN)/python || .uv/bin/uv venv --quiet --python 3.11 --allow-existing .venv
	.uv/bin/uv pip sync --quiet --compile-bytecode --python $(BIN)/python envs/requirements.txt
	.uv/bin/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	$(BIN)/python envs/system_libraries.py
	touch $@

.uv/.complete: envs/uv.txt
	python3 -m venv --clear .uv
	.uv/bin/pip install --quiet --requirement envs/uv.txt
	touch $@

test: setup
	$(BIN)/pytest --numprocesses 3 --dist loadgroup

test-faults: setup
	FAULT_MOMENTS=$(MOMENTS) $(BIN)/pytest tests/faults

test-slurm: setup
	$(BIN)/pytest tests/slurm

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

lock: .uv/.complete
	.uv/bin/uv pip compile --quiet --python-version 3.11 --no-emit-index-url --custom-compile-command "make lock" \
	    envs/requirements.in --output-file envs/requirements.txt

clean:
	rm -rf .venv .uv
