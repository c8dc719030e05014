# The commands of the README. Each one is a line here and a task in xtask/.
#
# Builds go to target/ in the checkout, as everywhere in Rust: nothing to know, nothing shared, gone with the folder.
# CARGO_TARGET_DIR moves them. .ci/run does so, to one folder under the home directory: a build machine clones anew
# for every run, and without a shared folder it would compile 500 dependencies each time. For people that would be a
# bad bargain, since two checkouts (or two branches in two worktrees) would wait for each other's lock and the folder
# would never be cleared with the checkout it served.

# Rust of rustup goes before one that the system may have, which is another version.
export PATH := $(if $(CARGO_HOME),$(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH)
# Queries are checked against .sqlx, whatever database the caller's environment names.
export SQLX_OFFLINE := true
target := $(abspath $(or $(CARGO_TARGET_DIR),target))

.DEFAULT_GOAL := help
.PHONY: help run test lint bench dev clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | while IFS='	' read -r name what; do printf 'make %-8s %s\n' "$$name" "$$what"; done

run: ## install what is missing, build, start; prints one link (SUMMONER_* variables pass through)
	@scripts/setup run
	@[ -e $(target)/release/summoner ] || echo 'run: builds the pages and the panel; the first time takes 10 to 20 minutes on two cores'
	@cargo xtask bundle
	@cargo build --release --locked --package summoner
	@SUMMONER_SITE_DIR="$${SUMMONER_SITE_DIR:-$(target)/site}" exec scripts/engine $(target)/release/summoner serve

test: ## every test: units, database, real Docker Engine, real browser
	@scripts/setup test
	@scripts/engine cargo xtask test

lint: ## formatting, clippy, query data, documentation, licences
	@scripts/setup lint
	@cargo xtask lint

bench: ## figures of the release build as lines of JSON, against their limits
	@scripts/setup test
	@scripts/engine cargo xtask bench

dev: ## rebuild and restart on every change
	@scripts/setup run
	@scripts/engine cargo xtask dev

clean: ## remove what was built (with CARGO_TARGET_DIR set: for every checkout that shares it)
	cargo clean
	rm -rf end2end/results
