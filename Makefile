# Two commands do everything, each alone and in any order:  make run    make test
# The README shows the same lines for a machine without make.

PYTHON ?= python3
SAMPLE = data/embedded_sample
STARTING_POINT = network_models/xray_flux_forecast/starting_point
TEST = .venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: install run test test-slow test-all lint clean

install: .venv/installed

.venv/installed: requirements.txt software_tests/requirements.txt pyproject.toml setup.py
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --upgrade pip
	.venv/bin/python -m pip install --quiet --editable ".[test]"
	touch .venv/installed

run: export FLARENET_DATA = $(CURDIR)/$(SAMPLE)
run: .venv/installed
	.venv/bin/python dataset_models/synthetic/embedded_sample.py
	.venv/bin/python dataset_models/sdo/structure_data.py
	.venv/bin/python tools/xray_flux_forecast/v4_find_ys.py
	.venv/bin/python $(STARTING_POINT)/network.py --image_size=64 --epochs=30 --learning_rate=3e-3 --block_days=6 --embargo_days=5

test: .venv/installed lint
	$(TEST)

test-slow: .venv/installed
	$(TEST) -m slow

test-all: .venv/installed lint
	$(TEST) -m ""

lint: .venv/installed
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

clean:
	rm -rf .venv data/embedded_sample
