# multiregion: what a person types. `make help` lists it.
#
# This file works on a bare machine: whatever compiles first runs
# test/tools/bootstrap.sh and then hands over to build.mk (PGXS), which is only
# read once pg_config is there. PostgreSQL refuses to run as root, so for root
# every target that starts servers is run again as user postgres, in a copy of this
# checkout that postgres owns (test/tools/as_postgres.sh); for anybody else all
# happens right here, below build/.

SHELL := /bin/bash
.DEFAULT_GOAL := all
.SUFFIXES:
MAKEFLAGS += --no-print-directory

PG_MAJOR ?= 15
PG_CONFIG ?= /usr/lib/postgresql/$(PG_MAJOR)/bin/pg_config
JOBS ?= $(shell nproc)
export PG_MAJOR PG_CONFIG JOBS

# Where the demo listens: the first of three consecutive ports each.
DEMO_HTTP_PORT ?= 3001
DEMO_PG_PORT ?= 5501
export DEMO_HTTP_PORT DEMO_PG_PORT

version := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" multiregion.control)
tools := test/tools
as_postgres := $(tools)/as_postgres.sh
is_root := $(filter 0,$(shell id -u))
layers := lint unit simulation model regress isolation tap sidecar
slow_layers := mutants

# One configuration is built in its own folder: build/release, build/test (assertions),
# build/asan (assertions and sanitizers; unit tests and programs), build/next (stands for a
# later version).
inner = mkdir -p build/$(1) && $(MAKE) $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(JOBS)) \
	-C build/$(1) -f ../../build.mk CONF=$(1) PG_CONFIG=$(PG_CONFIG)

ifneq ($(words $(CURDIR)),1)
$(error make cannot work in a folder whose path contains spaces: $(CURDIR))
endif

.PHONY: all install uninstall bootstrap node-modules prefix prefix-release prefix-test test test-fresh test-matrix \
	lint format fuzz clean freeze-sql help where build-tests

all: bootstrap
	@+$(call inner,release) all

bootstrap:
	@$(tools)/bootstrap.sh

# Packages of a group of packages.txt; without root what needs them is left out. Those of the
# first line are in each Debian of the matrix.
test_groups := observe mmdb fronts prometheus clients
groups := $(test_groups) address bench
$(addprefix bootstrap-,$(groups)): bootstrap-%: bootstrap
ifneq ($(is_root),)
	@$(tools)/bootstrap.sh --group $*
endif

# ... and what applications of docs/examples have from npm.
node-modules: bootstrap-clients
	@$(tools)/node_modules.sh

# Into the PostgreSQL of the machine (DESTDIR and PG_CONFIG as for every extension).
install uninstall: bootstrap
	@+$(call inner,release) $@

format:
	@$(tools)/bootstrap.sh
	@find src test -name '*.[ch]' -print0 | xargs -0r clang-format-14 -i

fuzz: bootstrap
	@$(tools)/bootstrap.sh --group fuzz
	@test/fuzz/run.sh $(or $(FUZZ_SECONDS),60) $(TESTS)

# Once only: afterwards default_version in multiregion.control goes up, and a new upgrade
# script begins. The install script serves the tests of later upgrades.
freeze-sql: all
	cp build/release/multiregion--$(version).sql test/upgrade/
	for script in build/release/multiregion--*--$(version).sql; do cp $$script sql/upgrade/ || exit 1; done

clean:
	@if [ -e build/demo ]; then echo "the demo lives in build/demo: run make demo-clean first" >&2; exit 1; fi
	rm -rf build
ifneq ($(is_root),)
	@$(as_postgres) --clean
endif

# Folder in which targets that start servers work: this one, or root's copy of it.
where:
ifneq ($(is_root),)
	@$(as_postgres) --where
else
	@echo $(CURDIR)
endif

help:
	@sed -n 's/^#: //p' Makefile

#: make                 build the extension and the programs (installs missing packages as root)
#: make install         install them into this machine's PostgreSQL
#: make prefix          install them into a private copy of PostgreSQL (build/prefix/release)
#: make test            the quick suite; ends with "N passed, N failed"
#: make test-LAYER      one layer: lint unit simulation model regress isolation tap sidecar
#:                      TESTS="NAME ..." picks files; V=1 shows all output; TAP_JOBS=N files at a time
#: make test-mutants    every mutant of src/core must be noticed by the simulation (minutes)
#: make test-fresh      the README's commands, and the Dockerfile's, in a fresh Debian (root only)
#: make test-matrix     the quick suite on PostgreSQL 15, 17 and 18, each in its Debian (root only);
#:                      VERSIONS="17 18", LAYERS="regress tap" (and TESTS="NAME ...") narrow it
#: make regress-accept  take the last output of TESTS="NAME ..." over into expected/
#: make demo            three regions on this machine; demo-status, demo-kill REGION=US_EAST,
#:                      demo-freeze, demo-thaw, demo-start, demo-stop, demo-clean
#: make bench-failover  measure failovers: RUNS=10, CASES="switchover frozen" (default all)
#: make bench-routing   what routing costs with a million tenants: RUNS=5, CASES="tenant" (default all)
#: make bench-http      what answers of multiregiond cost beside nginx and Patroni: RUNS=5, CASES="hot" (default all)
#: make soak-http       bad clients of multiregiond (with sanitizers) for SOAK_SECONDS=600
#: make bench-pool      clients that only reconnect on error, and who of them is stuck: CLIENTS=1000
#: make chaos           random faults on real clusters: CHAOS_SECONDS=300, SEED= (printed, to
#:                      draw the same again), NODES=3, ROUND=1 (the first one)
#: make lint            the rules of the house
#: make fuzz            FUZZ_SECONDS=60 for each fuzzer, or those of TESTS="message state conninfo token address geo jwt patroni haproxy hot"
#: make freeze-sql      at a release: the scripts as built become files of the repository
#: make format          clang-format in place
#: make clean           remove build/

# Everything below starts servers (or builds what does).
demo_verbs := demo-status demo-kill demo-freeze demo-thaw demo-start demo-stop demo-clean
served := prefix prefix-test test $(addprefix test-,$(layers) $(slow_layers)) lint demo bench-failover bench-routing \
	bench-pool bench-http soak-http chaos
.PHONY: $(served) $(demo_verbs) regress-accept

ifneq ($(is_root),)

test: $(addprefix bootstrap-,$(test_groups) address) node-modules
test-tap test-sidecar: bootstrap-observe bootstrap-mmdb bootstrap-fronts bootstrap-address
test-sidecar: bootstrap-prometheus node-modules
demo: bootstrap-fronts
bench-http: bootstrap-bench bootstrap-observe bootstrap-fronts
$(served): bootstrap
	@+$(as_postgres) $(MAKE) $@

# These act on the demo that runs, with the code that started it.
$(demo_verbs):
	@+$(as_postgres) --no-sync $(MAKE) $@

test-fresh:
	@$(tools)/bootstrap.sh
	@$(tools)/fresh.sh readme
	@$(tools)/fresh.sh image

test-matrix:
	@$(tools)/bootstrap.sh
	@VERSIONS='$(VERSIONS)' LAYERS='$(LAYERS)' TESTS='$(TESTS)' V='$(V)' $(tools)/matrix.sh $(test_groups)

regress-accept:
	@$(tools)/regress.sh --accept "$$($(as_postgres) --where)/build/test" $(TESTS)

else

# Private copies of PostgreSQL with this checkout's build inside; never the system's.
MR_PREFIX ?= $(CURDIR)/build/prefix
export MR_PREFIX

prefix prefix-release: bootstrap
	@+$(call inner,release) prefix

prefix-test: bootstrap
	@+$(call inner,asan) programs
	@+$(call inner,test) prefix

# The runner compiles first: a compile error is a failed test with its output.
test: bootstrap
	@+$(tools)/run_tests.pl --make '$(MAKE)' $(layers)

$(addprefix test-,$(layers) $(slow_layers)): test-%: bootstrap
	@+$(tools)/run_tests.pl --make '$(MAKE)' $* -- $(TESTS)

lint: test-lint

# What the runner needs compiled before a layer.
build-tests: $(addprefix build-,$(layers))
.PHONY: build-tests build-next $(addprefix build-,$(layers) $(slow_layers))
build-lint:
	@+$(call inner,release) core-objects multiregion.so
build-unit:
	@+$(call inner,asan) unit-tests
build-simulation build-mutants:
	@+$(call inner,test) simulation
build-model:
build-regress build-isolation: prefix-test
build-tap build-sidecar: prefix-test
	@+$(call inner,test) link probe pool
build-tap: build-next
build-next: bootstrap
	@+$(call inner,next) multiregion.so multiregion-join

demo: prefix-release
	@docker/demo/demo.sh start-all

$(demo_verbs): demo-%:
	@docker/demo/demo.sh $* $(REGION)

bench-failover: prefix-release
	@+$(call inner,release) probe link
	@MR_TOP=$(CURDIR) MR_BINDIR=$(MR_PREFIX)/release/bin perl -Itest/tap/lib test/bench/failover.pl $(CASES)

bench-routing: prefix-release
	@+$(call inner,release) lookup
	@MR_TOP=$(CURDIR) MR_LOOKUP=$(CURDIR)/build/release/lookup.bin MR_BINDIR=$(MR_PREFIX)/release/bin perl -Itest/tap/lib test/bench/routing.pl $(CASES)

# The peers of the measurements; without root they must be there.
bench-http: prefix-release
	@ulimit -n 4096 && MR_TOP=$(CURDIR) MR_BINDIR=$(MR_PREFIX)/release/bin perl -Itest/tap/lib test/bench/http.pl $(CASES)

soak-http: bootstrap
	@+MR_SOAK_SECONDS=$(or $(SOAK_SECONDS),600) MR_TEST_TIMEOUT=$$(($(or $(SOAK_SECONDS),600) + 300)) \
		$(tools)/run_tests.pl --make '$(MAKE)' sidecar -- 250_soak

bench-pool: prefix-release
	@+$(call inner,release) pool
	@MR_TOP=$(CURDIR) MR_BINDIR=$(MR_PREFIX)/release/bin perl -Itest/tap/lib test/load/pool.pl $(CASES)

chaos: build-tap
	@MR_TOP=$(CURDIR) MR_BINDIR=$(MR_PREFIX)/test/bin MR_LINK=$(CURDIR)/build/test/link.bin \
		MR_PROBE=$(CURDIR)/build/test/probe.bin perl -Itest/tap/lib test/chaos/chaos.pl

test-fresh test-matrix:
	@echo "make $@ runs whole Debians and needs root" >&2; exit 1

regress-accept:
	@$(tools)/regress.sh --accept build/test $(TESTS)

endif
