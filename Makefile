# What a contributor does. `make` alone lists it.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# A plain path instead of an import hook: `nmt` starts 10 ms sooner.
EDITABLE = --config-settings editable_mode=compat --editable
DATA ?= ../shared/data
FUZZ_EXAMPLES ?= 5000

.DEFAULT_GOAL := help
.PHONY: help install install-jax demo test test-fast test-all faults kills fuzz lint format bench bench-translate study docs lesson dist clean

help: ## list what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(VENV)/.ready: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(EDITABLE) .
	@touch $@

$(VENV)/.ready-to-test: $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(EDITABLE) '.[test]'
	@touch $@

$(VENV)/.ready-for-docs: $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(EDITABLE) '.[docs]'
	@touch $@

install: $(VENV)/.ready-to-test ## set up .venv with all that work on the project needs

install-jax: ## set up .venv-jax, which runs nmt on JAX and has no TensorFlow
	$(PYTHON) -m venv $(VENV)-jax
	$(PYTHON) release/jax_variant.py > $(VENV)-jax/requirements.txt
	$(VENV)-jax/bin/python -m pip install --quiet --disable-pip-version-check \
	    --requirement $(VENV)-jax/requirements.txt
	$(VENV)-jax/bin/python -m pip install --quiet --disable-pip-version-check --no-deps $(EDITABLE) .

demo: $(VENV)/.ready ## train with and without attention on the embedded corpus, compare, translate
	$(BIN)/python benchmarks/demo.py

test: $(VENV)/.ready-to-test ## run the tests
	$(BIN)/python -m pytest -n auto --dist loadfile -m 'not slow'

test-fast: $(VENV)/.ready-to-test ## run the tests that need no framework and no process, within a minute
	$(BIN)/python -m pytest --fast -m 'not slow'

test-all: $(VENV)/.ready-to-test ## run the tests, the slow ones too
	$(BIN)/python -m pytest

faults: $(VENV)/.ready-to-test ## break every file operation of the commands that write
	$(BIN)/python tests/faults/every_fault.py

kills: $(VENV)/.ready-to-test ## kill 100 trainings at random moments, and compare what they come to
	$(BIN)/python tests/faults/kills.py

fuzz: $(VENV)/.ready-to-test ## give every reader other damaged files for half an hour at most
	FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) timeout 1800 $(BIN)/python -m pytest -n auto tests/fuzz

lint: $(VENV)/.ready-to-test ## check style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --config setup.cfg
	$(BIN)/mypy --config-file setup.cfg

format: $(VENV)/.ready-to-test ## put the code into form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.ready-for-docs ## build the documentation in docs/_build/html; every warning is an error
	$(BIN)/python -m sphinx -q -W --keep-going -E -b html -c docs . docs/_build/html

bench: $(VENV)/.ready ## measure start-up and training speed (DATA=folder with multi30k)
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/training_speed.py --data $(DATA)/multi30k

bench-translate: $(VENV)/.ready-to-test ## measure translation, start-up included (DATA=folder with multi30k)
	$(BIN)/python benchmarks/translate_speed.py --data $(DATA)/multi30k

study: $(VENV)/.ready ## train and measure every attention mechanism (DATA=folder with hansards-en-fr-gold)
	$(BIN)/python benchmarks/attention_study.py sample
	$(BIN)/python benchmarks/attention_study.py hansards --data $(DATA)/hansards-en-fr-gold
	$(BIN)/python benchmarks/attention_study.py align --mechanisms scaled-dot \
	    --data $(DATA)/hansards-en-fr-gold
	$(BIN)/python benchmarks/attention_study.py align-reverse --mechanisms scaled-dot \
	    --data $(DATA)/hansards-en-fr-gold
	$(BIN)/python benchmarks/study_aligners.py --data $(DATA)/hansards-en-fr-gold
	$(BIN)/python benchmarks/attention_speed.py
	$(BIN)/python benchmarks/attention_study.py report
	PATH=$(BIN):$$PATH docs/examples/pictures.sh

lesson: $(VENV)/.ready-to-test ## run the lesson in both languages and keep what it shows
	$(BIN)/jupyter execute --inplace --NotebookClient.record_timing=False \
	    docs/lesson.ipynb docs/lesson.ko.ipynb

dist: $(VENV)/.ready-to-test ## build what is released, and use it on each Python that is here
	$(BIN)/python -m pip install --quiet --disable-pip-version-check build twine
	rm -rf build
	$(BIN)/python release/dist.py $(PYTHONS)

clean: ## remove what was built, but no runs
	rm -rf $(VENV) $(VENV)-jax build dist docs/_build *.egg-info
