# make        set up, then make every table and picture of the built-in demo shapes
# make test   set up, then run the tests
# make test-fast   set up, then run the quick tests of the library: the loop while you edit
# make lint   check style and workflow
# make test-faults   kill it at MOMENTS random moments, fill the disk, damage its results in ROUNDS rounds: it must end
#                    well; try EXAMPLES configurations
# make test-slurm    the same pipeline on a real SLURM of one node (root, slurm-wlm and munge)
# make test-bare     the set-up on a minimal Debian, as root and as an ordinary user (root and debootstrap)
# make test-gpu      whether a GPU computes what the processor computes; skipped where there is none
# make docs   build the documentation into site/
# make app    set up the app and the removal of backgrounds, then serve the page at http://127.0.0.1:PORT
# make test-app      the app in a browser (chromium)
# make readme-figures   after a run of the demo: write its figures into README.md and docs/results.md
# make lock   resolve envs/*.in again

PYTHON := .venv/bin/python
MOMENTS ?= 20
ROUNDS ?= 40
EXAMPLES ?= 20000
PORT ?= 7860
export UV_LINK_MODE ?= hardlink

.PHONY: all setup test test-fast test-faults test-slurm test-gpu test-bare test-app app lint docs readme-figures lock clean
all: setup
	$(PYTHON) -m snakemake
	@$(PYTHON) -m template3d.report.summary

setup: .venv/.complete

# The stamps come last, so an interrupted set-up starts over, and a changed pin installs again.
SETUP := envs/install.py envs/python.sh envs/system_libraries.py envs/uv.txt pyproject.toml
.venv/.complete: envs/requirements.txt $(SETUP)
	python3 -E envs/install.py requirements
	touch $@

.venv/.test .venv/.lint .venv/.docs .venv/.background .venv/.app: .venv/.%: envs/%.txt .venv/.complete
	python3 -E envs/install.py $*
	touch $@

app: .venv/.background .venv/.app
	$(PYTHON) -m template3d app --port $(PORT)

test: .venv/.test
	$(PYTHON) -m pytest --numprocesses 3 --dist worksteal

test-fast: .venv/.test
	$(PYTHON) -m pytest tests/library -m "not slow" --numprocesses logical --maxprocesses 4 --dist worksteal

test-faults: .venv/.test
	FAULT_MOMENTS=$(MOMENTS) CORRUPTION_ROUNDS=$(ROUNDS) FUZZ_EXAMPLES=$(EXAMPLES) $(PYTHON) -m pytest tests/faults

test-slurm: .venv/.test
	$(PYTHON) -m pytest tests/slurm

test-gpu: .venv/.test
	$(PYTHON) -m pytest tests/gpu

test-bare: .venv/.test
	$(PYTHON) -m pytest tests/bare

test-app: .venv/.test .venv/.app
	$(PYTHON) -m pytest tests/app

# `provenance` prints where the code that a script depends on cannot be known. The last one checks that each pin is available as a wheel for glibc 2.28 and matches envs/*.in.
lint: .venv/.lint
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy
	$(PYTHON) .venv/bin/lint-imports --no-logo
	$(PYTHON) -m snakefmt --check Snakefile workflow
	$(PYTHON) -m codespell_lib $$(git ls-files "*.md" "*.py" "*.smk" "*.yaml" "*.sh" Makefile Snakefile)
	$(PYTHON) -m snakemake --lint
	$(PYTHON) -m template3d.runtime.provenance scripts/*.py
	$(PYTHON) envs/lock.py --check

# A broken link fails it.
docs: .venv/.docs
	$(PYTHON) -m mkdocs build --strict

readme-figures: .venv/.complete
	$(PYTHON) docs/demo_figures.py

lock:
	python3 -E envs/lock.py

clean:
	rm -rf .venv .uv
