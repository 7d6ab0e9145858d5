# The project's commands; `make help` lists them.
# SPDX-License-Identifier: Apache-2.0

SWIFT            ?= swift
PREFIX           ?= /usr/local
BINDIR           ?= $(PREFIX)/bin
DATADIR          ?= $(PREFIX)/share
MANDIR           ?= $(DATADIR)/man
BASH_COMPLETIONS ?= $(DATADIR)/bash-completion/completions
ZSH_COMPLETIONS  ?= $(DATADIR)/zsh/site-functions
FISH_COMPLETIONS ?= $(DATADIR)/fish/vendor_completions.d
# mount(8) looks for helpers in /sbin and /usr/sbin only, whatever the prefix is.
MOUNT_HELPER_DIR ?= /sbin
DESTDIR          ?=
FUZZ_SECONDS     ?= 10
SOAK_MINUTES     ?= 30
MODEL_OPERATIONS ?= 50000

# The binary that is installed carries the Swift runtime, so that the machines it is copied to need no Swift.
RELEASE_FLAGS := --configuration release --static-swift-stdlib --product ovafs
# One set of flags for building and testing, or each of the two would undo the other's work.
CHECK_FLAGS   := --explicit-target-dependency-import-check error
BINARY        := .build/release/ovafs
SWIFT_FOLDERS := $(wildcard Package.swift Sources Tests Fuzz Benchmarks/Package.swift Benchmarks/Benchmarks Benchmarks/Cases Benchmarks/Tools)

.DEFAULT_GOAL := help
.PHONY: help demo build test check lint imports linkage install uninstall format bench bench-check bench-time fuzz soak model crash sanitize sbom clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## build, mount an example, show it and check a copied disk against its digest
	@scripts/demo.sh

build: ## build the release binary, .build/release/ovafs
	@scripts/install-dependencies.sh build
	$(SWIFT) build $(RELEASE_FLAGS)

test: ## install what the tests need, then run them all, real mounts included
	@scripts/install-dependencies.sh test
	@SWIFT='$(SWIFT)' scripts/run-tests.sh $(CHECK_FLAGS)

check: lint imports test linkage ## everything that must hold before a commit: what CI runs

lint: ## check the format of the Swift files, the scripts, and that documents and code agree
	@scripts/install-dependencies.sh check
	$(SWIFT) format lint --strict --parallel --recursive $(SWIFT_FOLDERS)
	@scripts/check-scripts.sh
	@scripts/check-comments.sh
	@scripts/check-primitives.sh
	@scripts/check-docs.sh

imports: ## check that targets import only what docs/ARCHITECTURE.md allows
	@scripts/check-imports.sh

linkage: build ## check which shared libraries the release binary needs, and that the manual has its options
	@scripts/check-docs.sh '$(BINARY)'
	@scripts/check-linkage.sh '$(BINARY)'

format: ## format the Swift files in place
	$(SWIFT) format --in-place --parallel --recursive $(SWIFT_FOLDERS)

# Does not build when there is a binary: `sudo make install` would leave files of root's in .build.
install: ## install ovafs, mount.ova, mount.fuse.ova and mount.glance, manual pages and completions (PREFIX, DESTDIR, MOUNT_HELPER_DIR)
	@test -x '$(BINARY)' || $(MAKE) build
	install -d '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(MOUNT_HELPER_DIR)' '$(DESTDIR)$(MANDIR)/man1' '$(DESTDIR)$(MANDIR)/man5' '$(DESTDIR)$(MANDIR)/man8'
	install -d '$(DESTDIR)$(BASH_COMPLETIONS)' '$(DESTDIR)$(ZSH_COMPLETIONS)' '$(DESTDIR)$(FISH_COMPLETIONS)'
	install -s -m 755 '$(BINARY)' '$(DESTDIR)$(BINDIR)/ovafs'
	program='$(BINDIR)/ovafs' awk '/^installed_ovafs=/ { print "installed_ovafs=\47" ENVIRON["program"] "\47"; next } 1' \
		mount-helpers/mount.ova > '$(DESTDIR)$(MOUNT_HELPER_DIR)/mount.ova'
	chmod 755 '$(DESTDIR)$(MOUNT_HELPER_DIR)/mount.ova'
	ln -sf mount.ova '$(DESTDIR)$(MOUNT_HELPER_DIR)/mount.fuse.ova'
	ln -sf mount.ova '$(DESTDIR)$(MOUNT_HELPER_DIR)/mount.glance'
	install -m 644 docs/ovafs.1 '$(DESTDIR)$(MANDIR)/man1/ovafs.1'
	install -m 644 docs/ovafs-formats.5 '$(DESTDIR)$(MANDIR)/man5/ovafs-formats.5'
	install -m 644 docs/mount.ova.8 '$(DESTDIR)$(MANDIR)/man8/mount.ova.8'
	'$(BINARY)' --generate-completion-script bash > '$(DESTDIR)$(BASH_COMPLETIONS)/ovafs'
	'$(BINARY)' --generate-completion-script zsh > '$(DESTDIR)$(ZSH_COMPLETIONS)/_ovafs'
	'$(BINARY)' --generate-completion-script fish > '$(DESTDIR)$(FISH_COMPLETIONS)/ovafs.fish'

uninstall: ## remove precisely what `make install` with the same variables installed
	rm -f '$(DESTDIR)$(BINDIR)/ovafs' '$(DESTDIR)$(MOUNT_HELPER_DIR)/mount.ova' '$(DESTDIR)$(MOUNT_HELPER_DIR)/mount.fuse.ova' '$(DESTDIR)$(MOUNT_HELPER_DIR)/mount.glance'
	rm -f '$(DESTDIR)$(MANDIR)/man1/ovafs.1' '$(DESTDIR)$(MANDIR)/man5/ovafs-formats.5' '$(DESTDIR)$(MANDIR)/man8/mount.ova.8'
	rm -f '$(DESTDIR)$(BASH_COMPLETIONS)/ovafs' '$(DESTDIR)$(ZSH_COMPLETIONS)/_ovafs' '$(DESTDIR)$(FISH_COMPLETIONS)/ovafs.fish'

bench: ## compare with what a user would pick instead, near and far (as root; BENCH_FLAGS: see peers.sh, REMOTE_FLAGS: remote.sh)
	@SWIFT='$(SWIFT)' Benchmarks/peers.sh $(BENCH_FLAGS)
	@SWIFT='$(SWIFT)' Benchmarks/remote.sh $(REMOTE_FLAGS)

bench-check: ## check instructions, allocations and source bytes against Benchmarks/Thresholds (UPDATE=1 writes them)
	@SWIFT='$(SWIFT)' Benchmarks/check.sh $(if $(UPDATE),--update)

bench-time: ## report the time of the in-process benchmarks
	@scripts/install-dependencies.sh build
	$(SWIFT) package --package-path Benchmarks benchmark --no-progress

fuzz: build ## measure every bomb, and run every parser on damaged input for FUZZ_SECONDS each
	$(SWIFT) build --configuration release --static-swift-stdlib --product ovafs-fuzz
	@scripts/run-fuzzers.sh $(FUZZ_SECONDS)

sanitize: ## run the unit tests and some on real mounts with the sanitizers of threads, addresses and undefined behaviour
	@scripts/install-dependencies.sh test
	@SWIFT='$(SWIFT)' scripts/run-sanitizers.sh

soak: build ## read four mounts for SOAK_MINUTES with faults injected; report with a plot in soak-report (SOAK_FLAGS: see soak.sh)
	@scripts/soak.sh --self-test
	@scripts/soak.sh --minutes $(SOAK_MINUTES) $(SOAK_FLAGS)

model: ## compare mounts with a simple reader under MODEL_OPERATIONS random operations
	@scripts/install-dependencies.sh test
	@OVAFS_MODEL_OPERATIONS='$(MODEL_OPERATIONS)' SWIFT='$(SWIFT)' scripts/run-tests.sh $(CHECK_FLAGS) --filter ReferenceModelTests

crash: build ## kill ovafs at each system call that writes, and check what is left (CRASH_FLAGS: see scripts/run-crash.sh)
	@scripts/run-crash.sh '$(BINARY)' $(CRASH_FLAGS)

sbom: build ## write what the release binary is made of, .build/ovafs.spdx.json (SPDX), and check docs/DEPENDENCIES.md
	@scripts/install-dependencies.sh check
	@scripts/sbom.py '$(BINARY)' .build/ovafs.spdx.json

clean: ## remove what was built
	rm -rf .build Benchmarks/.build
