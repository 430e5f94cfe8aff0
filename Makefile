# Everything a developer does with this checkout. `make` alone explains itself.

ARGS ?=
SIGNERS ?= packaging/release/allowed_signers
PY := .venv/bin/python
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help run test test-all flatpak-test lint format bench signs fuzz wheel translations appimage appimage-test \
	hashes audit flathub sign verify screenshots demo-capture clean

help: ## Show this list
	@echo "Stratascope: what really stands between a container and the host's kernel"
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1 \2/p' $(firstword $(MAKEFILE_LIST)) | \
		while read -r word target text; do printf '  make %-13s %s\n' "$$target" "$$text"; done
	@echo
	@echo "The first run installs what is missing (packaging/setup.sh says how); ARGS='report web' passes arguments on."

run: ## Set up what is missing, then open the window (without a display: print the report)
	@sh packaging/setup.sh run
	@$(PY) -m stratascope $(ARGS)

test: ## Set up what is missing, also Xvfb and engines, then run the tests, without the slow ones
	@sh packaging/setup.sh test
	@sh packaging/test.sh $(ARGS)

test-all: ## All of them, also the slow ones and those on machines with AppArmor and SELinux (SLICE=3/8: a part)
	@sh packaging/setup.sh test-all
	@MARKS="slow or not slow" sh packaging/test.sh $(ARGS)

flatpak-test: ## Build the Flatpak on a runtime made here, and test it in its real sandbox, beside your own Flatpaks
	@sh packaging/setup.sh flatpak
	@MARKS=flatpak BUDGET=$${BUDGET:-3600} sh packaging/test.sh tests/machine/flatpak $(ARGS)

lint: ## Types, style, and who may import whom
	@sh packaging/setup.sh test
	@$(PY) -m ruff check
	@$(PY) -m ruff format --check
	@$(PY) -m mypy
	@PYTHONPATH=app .venv/bin/lint-imports

format: ## Put the code into shape
	@sh packaging/setup.sh test
	@$(PY) -m ruff check --fix
	@$(PY) -m ruff format

bench: ## Measure the speed on real containers, as ratios
	@sh packaging/setup.sh test
	@PYTHONPATH=tests $(PY) -m bench.run $(ARGS)

signs: ## How often a fact is said, and how the program is cut (ARGS='REVISION REVISION' compares)
	@PYTHONPATH=tests $(PY) -m bench.signs $(ARGS)

wheel: ## Build dist/*.whl, with its list of parts in it
	@sh packaging/setup.sh run
	@sh packaging/release/wheel.sh

fuzz: ## Fuzz all that others can write, a minute for each kind (ARGS='--seconds 600')
	@sh packaging/setup.sh test
	@$(PY) -m pip show --quiet atheris 2>/dev/null || $(PY) -m pip install --quiet -c packaging/constraints.txt atheris
	@PYTHONPATH=tests $(PY) -m unit.fuzz.run $(ARGS)

translations: ## Take new texts into resources/locale, and compile it (ARGS=check only looks)
	@sh packaging/setup.sh test
	@$(PY) tests/rig/translations.py $(ARGS)

appimage: ## Build dist/*.AppImage, in a root folder of Debian 12
	@sh packaging/setup.sh appimage
	@sh packaging/own-root.sh sh packaging/appimage/build.sh

appimage-test: appimage ## Build it and test it: FUSE, displays, Debian 12 and 13, engines, the same bytes twice, speed
	@sh packaging/setup.sh test
	@MARKS=appimage BUDGET=$${BUDGET:-3600} sh packaging/test.sh tests/machine/appimage $(ARGS)
	@PYTHONPATH=app:tests $(PY) -m machine.appimage.bench

hashes: ## Write packaging/hashes anew: what a release accepts of Python packages, by SHA-256
	@sh packaging/setup.sh test
	@$(PY) packaging/release/hashes.py

audit: ## Ask a list of known weaknesses about the Python packages of a release (0 none known, 1 some, 2 not asked)
	@sh packaging/setup.sh test
	@$(PY) packaging/release/audit.py $(ARGS)

flathub: ## Write build/flathub, which is handed in at Flathub (URL=… of the repository, TAG=v0.1.0)
	@sh packaging/setup.sh test
	@PYTHONPATH=packaging/release $(PY) packaging/flatpak/publish.py build/flathub --url "$(URL)" --tag "$(TAG)" \
		--commit "$$(git rev-parse --verify "$(TAG)^{commit}")"

sign: ## Sign all that is in dist, with an SSH key (KEY=…)
	@sh packaging/release/sign.sh "$(KEY)"

verify: ## Whether all that is in dist is signed by a key that counts (SIGNERS=…, else the repository's own list)
	@sh packaging/release/verify.sh "$(SIGNERS)" dist

screenshots: ## Take the pictures of resources/screenshots anew
	@sh packaging/setup.sh test
	@PYTHONPATH=tests $(PY) -m window.screenshots $(ARGS)

demo-capture: ## Record the demo capture anew, from real containers
	@sh packaging/setup.sh test
	@PYTHONPATH=tests $(PY) -m rig.demo_capture $(ARGS)

clean: ## Remove what was built; the next run sets up anew
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
