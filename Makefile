PYTHON ?= python3
PORT ?= 8000
BIN = .venv/bin

.PHONY: install demo test lint bench bench-models bench-shapley bench-analysis translations

install: .venv/.installed

.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[explainer,analysis,dev]'
	touch $@

demo: install
	@$(BIN)/flask --app wsgi demo --port $(PORT)

# The browser's tests have processes of their own: Playwright's event loop would stand in Flask's way.
test: install lint
	$(BIN)/python -m pytest -n 2 --ignore tests/browser
	$(BIN)/python -m pytest -n 2 tests/browser

lint: install
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

bench: install
	$(BIN)/python -m benchmarks.trial_page && $(BIN)/python -m benchmarks.heavy_pages

bench-models: install
	$(BIN)/python -m benchmarks.models

bench-shapley: install
	$(BIN)/python -m benchmarks.shapley

bench-analysis: install
	$(BIN)/python -m benchmarks.analysis && $(BIN)/python -m benchmarks.analysis_errors

# After a change of what participants read; then fill in de, es and zh, and run it once more.
translations: install
	mkdir -p build
	$(BIN)/pybabel -q extract -F webapp/translations/babel.cfg -k Wrong --omit-header --no-location --sort-output -o build/messages.pot webapp
	$(BIN)/pybabel -q update -i build/messages.pot -d webapp/translations --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date -w 1000
	$(BIN)/pybabel -q compile -d webapp/translations
