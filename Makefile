# carrierbag: `make demo` to see it, `make test` to judge it. Both install what they need first.
# Needs python3 (3.11 or newer), make and npm; for the tests also some Debian packages (root or sudo).

PYTHON ?= python3
# Test processes side by side, each with a homeserver of its own: they wait more than they work.
JOBS ?= 4
export UV_PYTHON_DOWNLOADS = never
export UV_NO_PROGRESS = 1

BIN := .venv/bin
UV := $(BIN)/uv
SYNC := $(UV) pip sync --quiet --require-hashes --build-constraints requirements/build.txt
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--custom-compile-command 'make lock' $(UPGRADE)
CLIENT := tests/interop
BROWSER := tests/browser
VIEWER := delivery/viewer
PHONE := tools/screenshots
BENCH ?= index render share

.PHONY: help setup debian demo test check format viewer wheel lock bench bench-setup gallery screenshots clean
.DELETE_ON_ERROR:

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: .venv/.ready .venv-synapse/.ready $(CLIENT)/node_modules/.ready $(BROWSER)/node_modules/.ready viewer debian ## install everything for the demo and the tests

demo: .venv/.ready .venv-synapse/.ready $(CLIENT)/node_modules/.ready viewer ## see it work; options in ARGS="--once --out DIR"
	@$(BIN)/carrierbag demo $(ARGS)

test: setup check wheel ## everything that judges the project; pytest's options in ARGS
	$(BIN)/pytest -n $(JOBS) --dist worksteal $(ARGS)

check: .venv/.ready ## style, types and the house's layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --cache-dir .import_linter_cache

format: .venv/.ready ## repair the style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

viewer: $(VIEWER)/dist/.ready ## build the viewer that travels in every parcel

wheel: .venv/.ready viewer ## build dist/*.whl and check what is in it
	@rm -rf dist
	$(BIN)/hatchling build -t wheel
	$(BIN)/check-wheel-contents dist

lock: .venv/.ready ## write the lock files anew; UPGRADE=--upgrade for the newest versions
	$(COMPILE) pyproject.toml -o requirements/runtime.txt
	$(COMPILE) pyproject.toml --group dev -c requirements/runtime.txt -o requirements/dev.txt
	echo uv | $(COMPILE) - -c requirements/dev.txt -o requirements/uv.txt
	$(COMPILE) requirements/synapse.in -o requirements/synapse.txt
	echo setuptools | $(COMPILE) - -c requirements/synapse.txt -o requirements/build.txt
	$(COMPILE) requirements/bench.in --overrides requirements/bench.overrides -o requirements/bench.txt
	for one in $(CLIENT) $(BROWSER) $(VIEWER) $(PHONE); do npm install --package-lock-only --prefix $$one || exit 1; done

bench: bench-setup ## measure against what there is; BENCH=share for one of them, options in ARGS="--json"
	@for one in $(BENCH); do $(BIN)/python -m bench.$$one $(ARGS) || exit 1; done

bench-setup: setup .venv-bench/.ready .venv-bench/orthanc/.ready ## install the peers that the benchmarks compare with

gallery: .venv/.ready ## draw docs/for-clinicians/gallery.md and its pictures anew
	$(BIN)/python -m tools.gallery

screenshots: setup $(PHONE)/dist/.ready ## photograph a real chat client at phone size for docs/for-clinicians/on-a-phone.md
	$(BIN)/python -m tools.screenshots

clean: ## remove what make installed and built
	rm -rf .venv .venv-synapse .venv-bench $(CLIENT)/node_modules $(BROWSER)/node_modules \
		$(VIEWER)/node_modules $(VIEWER)/dist $(PHONE)/node_modules $(PHONE)/dist dist build

debian:
	@setup/debian.sh

# A stamp is newer than everything it was made from: a second call does nothing.
.venv/.ready: requirements/uv.txt requirements/dev.txt requirements/build.txt pyproject.toml
	@setup/python.sh $(PYTHON)
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	$(SYNC) --python $(BIN)/python requirements/dev.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

.venv-%/.ready: requirements/%.txt requirements/build.txt | .venv/.ready
	$(PYTHON) -m venv --without-pip .venv-$*
	$(SYNC) --python .venv-$*/bin/python requirements/$*.txt
	@touch $@

.venv-bench/orthanc/.ready: setup/orthanc.sh | .venv-bench/.ready
	setup/orthanc.sh $(@D)
	@touch $@

%/node_modules/.ready: %/package.json %/package-lock.json
	npm ci --prefix $*
	@touch $@

$(VIEWER)/dist/.ready: $(VIEWER)/node_modules/.ready $(VIEWER)/build.mjs $(shell find $(VIEWER)/src -type f)
	npm run --silent build --prefix $(VIEWER)
	@touch $@

$(PHONE)/dist/.ready: $(PHONE)/node_modules/.ready $(wildcard $(PHONE)/*.mjs $(PHONE)/*.css $(PHONE)/*.html $(PHONE)/*.cjs)
	$(PHONE)/node_modules/.bin/node $(PHONE)/build.mjs
	@touch $@
