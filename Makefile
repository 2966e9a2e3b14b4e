# Everything from one command, on a machine with python3 (3.11 or newer), pip and make.
# Without make, on Windows for instance, README.md gives the same commands.

PYTHON ?= python3
PIP = $(PYTHON) -m pip --disable-pip-version-check --quiet --python .venv
BIN = .venv/bin
READY = .venv/ready

.PHONY: help reports test check notebooks lock clean

help:
	@echo "make reports    set up and write both partnerships' reports to reports/"
	@echo "make test       set up and run every test"
	@echo "make check      set up and look for mistakes of style"
	@echo "make notebooks  run the notebooks for the default place and store their outputs in them"
	@echo "make lock       choose the versions of every package anew (needs uv)"
	@echo "make clean      remove the environment, the reports and all that is kept between runs"

reports: $(READY)
	@echo "Writing the partnerships' reports: each is reports/<place>/<edition>/lsp-pack.html"
	@$(BIN)/placelib run --all

test: $(READY)
	@echo "Testing placelib and its notebooks, some minutes: the last line below says how many tests passed"
	@$(BIN)/pytest -n 2 --dist loadfile

check: $(READY)
	@echo "Checking the style of the code: no news is good news"
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet

notebooks: $(READY)
	@echo "Running the notebooks for the default place: outputs are stored in notebooks/*.ipynb"
	@$(BIN)/python -c "from pathlib import Path; from placelib.run.engine import refresh; refresh(Path('notebooks'))"

lock:
	@echo "Choosing versions: the result is requirements.lock"
	@echo "# Every package with the hashes of its files; no addresses. Made by \`make lock\`." > requirements.lock.new
	@uv pip compile pyproject.toml --group test --universal --python-version 3.11 --generate-hashes --quiet \
	    --no-annotate --no-header --only-binary :all: --no-emit-index-url --no-emit-find-links >> requirements.lock.new
	@mv requirements.lock.new requirements.lock

clean:
	@echo "Removing .venv, reports and .cache"
	@rm -rf .venv reports .cache

# The stamp is made last, so an environment that was cut short is made again from the start.
$(READY): requirements.lock pyproject.toml
	@echo "Setting up .venv from requirements.lock, about a minute: every file is checked against its hash"
	@$(PYTHON) -c "import sys; sys.exit('Python 3.11 or newer is needed.' if sys.version_info < (3, 11) else 0)"
	@rm -rf .venv
	@$(PYTHON) -m venv --without-pip .venv
	@$(PIP) install --require-hashes --only-binary :all: -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --no-index -e .
	@touch $(READY)
