PYTHON ?= python3
PORT ?= 8000
BIN = .venv/bin

.PHONY: install demo test lint bench

install: .venv/.installed

.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[explainer,analysis,dev]'
	touch $@

demo: install
	@$(BIN)/flask --app wsgi demo --port $(PORT)

test: install lint
	$(BIN)/python -m pytest -n 2

lint: install
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

bench: install
	$(BIN)/python -m benchmarks.trial_page
