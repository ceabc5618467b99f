# Compiles one configuration; run by the Makefile inside build/<configuration>:
#
#   make -C build/CONF -f ../../build.mk CONF=release|test|asan|next PG_CONFIG=... TARGET
#
#   release   what is installed: optimised, no assertions
#   test      the same with -DUSE_ASSERT_CHECKING; the extension of the tests
#   asan      core, adapters, programs and unit tests with address and undefined
#             behaviour sanitizers (a server cannot load these, a program can be one)
#   next      stands for a later version, which has appended something to everything that
#             nodes exchange or store (core/bytes.c)
#
# PGXS links and installs multiregion.so and its SQL scripts. Core and adapters are
# compiled without PostgreSQL's server headers in sight and go into two archives, from
# which the extension and each program take what they use: nobody keeps a list.
# A new .c file in src/ is found by its folder.

ifndef CONF
$(error run this through the Makefile)
endif

root := $(patsubst %/,%,$(dir $(firstword $(MAKEFILE_LIST))))
version := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" $(root)/multiregion.control)
sources = $(patsubst $(root)/%,%,$(sort $(wildcard $(addprefix $(root)/,$(1)))))
objects = $(patsubst %.c,%.o,$(call sources,$(1)))

core_objects := $(call objects,src/core/*.c)
adapter_objects := $(call objects,src/adapters/*.c)
extension_objects := $(call objects,src/extension/*.c src/extension/*/*.c)
sidecar_objects := $(call objects,src/sidecar/*.c src/sidecar/*/*.c)
join_objects := $(call objects,src/join/*.c)
unit_helpers := $(filter-out test/unit/test_%,$(call objects,test/unit/*.c))
unit_programs := $(patsubst %.o,%,$(filter test/unit/test_%,$(call objects,test/unit/*.c)))
simulation_objects := $(call objects,test/simulation/*.c)
probe_objects := $(call objects,test/bench/*.c)
link_objects := $(call objects,test/link/*.c)
pool_objects := $(call objects,test/load/*.c)
lookup_objects := $(call objects,test/bench/lookup/*.c)
program_objects := $(sidecar_objects) $(join_objects) $(unit_helpers) $(addsuffix .o,$(unit_programs)) \
	$(simulation_objects) $(probe_objects) $(link_objects) $(pool_objects) $(lookup_objects)
plain_objects := $(core_objects) $(adapter_objects) $(program_objects)
programs := $(if $(filter src/sidecar/main.o,$(sidecar_objects)),multiregiond) \
	$(if $(filter src/join/main.o,$(join_objects)),multiregion-join)
programs := $(strip $(programs))

asserts := $(if $(filter release,$(CONF)),,-DUSE_ASSERT_CHECKING) $(if $(filter next,$(CONF)),-DMR_TEST_NEXT_VERSION)
sanitizers := $(if $(filter asan,$(CONF)),-fsanitize=address -fsanitize=undefined -fno-sanitize-recover=all)
WERROR ?= -Werror
warnings := $(WERROR) -Wall -Wextra -Wdeclaration-after-statement -Wmissing-prototypes -Wstrict-prototypes \
	-Wold-style-definition -Wvla -Wpointer-arith -Wwrite-strings
# PostgreSQL's own headers and callback signatures do not stand all of these.
server_warnings := $(warnings) -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers
plain_warnings := $(warnings) -Wshadow -Wundef -Wswitch-enum

# --- PGXS ---------------------------------------------------------------------

MODULE_big = multiregion
EXTENSION = multiregion
OBJS = $(extension_objects)
# An upgrade to the version in the making is completed by the build, older ones stand as released.
upgrades_to_now := $(call sources,sql/upgrade/multiregion--*--$(version).sql)
DATA = $(filter-out $(upgrades_to_now),$(call sources,sql/upgrade/multiregion--*--*.sql))
DATA_built = multiregion--$(version).sql $(notdir $(upgrades_to_now))
ifneq ($(origin with_llvm),command line)
override with_llvm = no
endif
PG_CPPFLAGS = -I$(root)/src -I$(libpq_includedir) $(asserts)
PG_CFLAGS = $(server_warnings) -MMD -MP
SHLIB_LINK = libadapters.a libcore.a $(libraries)
libpq_includedir := $(shell $(PG_CONFIG) --includedir)
libraries := -Wl,--as-needed -levent_core -levent_extra -levent_openssl -ljansson -lmaxminddb -lhiredis -lcurl -lssl -lcrypto -lpq -lm

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# PGXS' "all" comes first: extension and script. Ours adds the programs.
all: $(programs)
$(shlib): libadapters.a libcore.a

# Beside what PGXS installs. Nothing of it acts by itself: units are not enabled, and the
# drop-in for PostgreSQL's own unit stays an example, or it would change every cluster here.
exampledir := $(datadir)/multiregion
SYSTEMD_UNIT_DIR ?= /usr/lib/systemd/system
SYSUSERS_DIR ?= /usr/lib/sysusers.d
TMPFILES_DIR ?= /usr/lib/tmpfiles.d
manuals := $(wildcard $(root)/docs/*.md $(root)/docs/*.json) $(root)/LICENSE
examples := $(root)/docker/member.conf $(root)/docker/prometheus/multiregion.rules.yml \
	$(root)/docker/grafana/multiregion.json $(wildcard $(root)/.env.multiregion.example)
units := $(root)/docker/systemd

# with_paths FILE TARGET: installs it with the real folders in place of @BINDIR@ and @DATADIR@
with_paths = sed -e 's|@BINDIR@|$(bindir)|g' -e 's|@DATADIR@|$(exampledir)|g' '$(units)/$(1)' >$(notdir $(2)).tmp && \
	$(INSTALL_DATA) $(notdir $(2)).tmp '$(DESTDIR)$(2)' && rm $(notdir $(2)).tmp

install: install-programs install-examples
install-programs: $(programs)
	$(MKDIR_P) '$(DESTDIR)$(bindir)'
	$(INSTALL_PROGRAM) $(programs) '$(DESTDIR)$(bindir)/'
install-examples:
	$(MKDIR_P) '$(DESTDIR)$(exampledir)/docs/examples' '$(DESTDIR)$(exampledir)/systemd' '$(DESTDIR)$(SYSTEMD_UNIT_DIR)' \
		'$(DESTDIR)$(SYSUSERS_DIR)' '$(DESTDIR)$(TMPFILES_DIR)'
	$(INSTALL_DATA) $(manuals) '$(DESTDIR)$(exampledir)/docs/'
	$(INSTALL_DATA) $(root)/docs/examples/* '$(DESTDIR)$(exampledir)/docs/examples/'
	for file in $(examples); do $(INSTALL_DATA) $$file "$(DESTDIR)$(exampledir)/$$(basename $$file | sed 's/^\.//')" || exit 1; done
	$(call with_paths,multiregiond@.service,$(SYSTEMD_UNIT_DIR)/multiregiond@.service)
	$(call with_paths,postgresql@.service.conf,$(exampledir)/systemd/postgresql@.service.conf)
	$(call with_paths,multiregion.sysusers.conf,$(SYSUSERS_DIR)/multiregion.conf)
	$(call with_paths,multiregion.tmpfiles.conf,$(TMPFILES_DIR)/multiregion.conf)
uninstall: uninstall-programs uninstall-examples
uninstall-programs:
	rm -f $(addprefix '$(DESTDIR)$(bindir)'/,multiregiond multiregion-join)
uninstall-examples:
	rm -rf '$(DESTDIR)$(exampledir)'
	rm -f '$(DESTDIR)$(SYSTEMD_UNIT_DIR)/multiregiond@.service' '$(DESTDIR)$(SYSUSERS_DIR)/multiregion.conf' \
		'$(DESTDIR)$(TMPFILES_DIR)/multiregion.conf'

# --- rebuild when a flag or the set of files changes -----------------------------

# A package must not tell where it was built.
ifeq ($(CONF),release)
override CFLAGS += -ffile-prefix-map=$(abspath $(root))=.
endif

configuration := $(CC) $(CFLAGS) $(CPPFLAGS) $(asserts) $(sanitizers) $(extension_objects) $(plain_objects) \
	$(call sources,sql/install/*.sql) $(VERSION)
ifneq ($(file <configuration),$(configuration))
$(file >configuration,$(configuration))
endif
$(extension_objects) $(plain_objects) $(DATA_built): configuration
configuration: ;

# V=1 shows the commands, otherwise a line says what is made.
say = $(if $(V),,@echo "  $(CONF): $(patsubst $(root)/%,%,$@)" && )

ifeq ($(V),)
.SILENT: $(shlib)
endif

# --- core, adapters, programs ------------------------------------------------------

plain_cflags = $(filter-out -W%,$(CFLAGS)) $(plain_warnings) -fPIC -MMD -MP $(asserts) $(sanitizers)
core_flags = -std=c11 -pedantic -I$(root)/src
other_flags = -std=gnu11 -D_GNU_SOURCE -Isrc -I$(root)/src -I$(root)/test -I$(libpq_includedir)

$(core_objects): %.o: %.c
	@mkdir -p $(@D)
	$(say)$(CC) $(plain_cflags) $(core_flags) -c -o $@ $<

# The description of the API is a part of the program.
src/sidecar/endpoint_openapi.o: src/sidecar/mr_openapi_bytes.h
src/sidecar/mr_openapi_bytes.h: $(root)/docs/openapi.json
	@mkdir -p $(@D)
	@od -An -v -tx1 $< | sed 's/ \(..\)/0x\1,/g' >$@

$(adapter_objects) $(program_objects): %.o: %.c
	@mkdir -p $(@D)
	$(say)$(CC) $(plain_cflags) $(other_flags) -c -o $@ $<

$(extension_objects): %.o: %.c
	@mkdir -p $(@D)
	$(say)$(CC) $(CFLAGS) $(CPPFLAGS) -c -o $@ $<

libcore.a: $(core_objects) configuration
libadapters.a: $(adapter_objects) configuration
libcore.a libadapters.a:
	@rm -f $@
	@$(AR) crs $@ $(filter %.o,$^)

link = $(say)$(CC) $(plain_cflags) -o $@ $(filter %.o,$^) libadapters.a libcore.a $(LDFLAGS) $(libraries)
multiregiond: $(sidecar_objects)
multiregion-join: $(join_objects)
simulation.bin: $(simulation_objects)
probe.bin: $(probe_objects)
link.bin: $(link_objects)
pool.bin: $(pool_objects)
lookup.bin: $(lookup_objects)
$(unit_programs): %: %.o $(unit_helpers)
multiregiond multiregion-join simulation.bin probe.bin link.bin pool.bin lookup.bin $(unit_programs): libcore.a libadapters.a
	$(link)

.PHONY: programs core-objects unit-tests simulation probe link pool lookup prefix install-programs uninstall-programs \
	install-examples uninstall-examples
programs: $(programs)
core-objects: $(core_objects)
unit-tests: $(unit_programs)
simulation: $(if $(simulation_objects),simulation.bin)
probe: $(if $(probe_objects),probe.bin)
link: $(if $(link_objects),link.bin)
pool: $(if $(pool_objects),pool.bin)
lookup: $(if $(lookup_objects),lookup.bin)

# --- SQL ------------------------------------------------------------------------------

pieces := $(addprefix $(root)/,$(call sources,sql/install/*.sql))
# Functions, views, privileges and comments can be put over older ones.
replacing := $(filter $(root)/sql/install/6% $(root)/sql/install/7% $(root)/sql/install/8% $(root)/sql/install/9%,$(pieces))
append = for piece in $(1); do printf '\n-- from %s\n\n' "$${piece\#$(root)/}" && cat "$$piece" || exit 1; done

# The install script is the pieces of sql/install in the order of their names.
multiregion--$(version).sql: $(pieces) $(root)/multiregion.control
	@printf '%s\n' '\echo Use "CREATE EXTENSION multiregion" to load this file. \quit' >$@.tmp
	@{ $(call append,$(pieces)); } >>$@.tmp
	@mv $@.tmp $@

# An upgrade script is what it says, with each "-- piece NAME" replaced by that new piece.
with_pieces := awk -v folder=$(root)/sql/install/ '\
	/^-- piece / { file = folder $$3; while ((got = (getline line <file)) > 0) print line; \
		if (got < 0) { print "there is no " file >"/dev/stderr"; exit 1 } next } { print }'
$(notdir $(upgrades_to_now)): %: $(root)/sql/upgrade/% $(pieces)
	@printf '%s\n' "\\echo Use \"ALTER EXTENSION multiregion UPDATE TO '$(version)'\" to load this file. \\quit" >$@.tmp
	@{ $(call append,$<); } | $(with_pieces) >$@.pieces
	@{ cat $@.pieces && $(call append,$(replacing)); } | sed -E 's/^CREATE (FUNCTION|TRIGGER|VIEW) /CREATE OR REPLACE \1 /' >>$@.tmp
	@rm $@.pieces
	@mv $@.tmp $@

# --- the private PostgreSQL ---------------------------------------------------------------

# Tests run the sanitized programs: a server cannot be instrumented this way, they can. And
# they begin with released versions of the extension, to update them.
prefix: all
	@$(root)/test/tools/prefix.sh '$(MR_PREFIX)/$(CONF)' '$(PG_CONFIG)'
	@$(MAKE) -f $(firstword $(MAKEFILE_LIST)) CONF=$(CONF) PG_CONFIG='$(PG_CONFIG)' DESTDIR='$(MR_PREFIX)/$(CONF)' install >install.log 2>&1 \
		|| { cat install.log; exit 1; }
	$(if $(filter test,$(CONF)),@for program in $(programs); do \
		install ../asan/$$program '$(MR_PREFIX)/$(CONF)$(bindir)/' || exit 1; done; \
		install -m 644 $(root)/test/upgrade/*.sql '$(MR_PREFIX)/$(CONF)$(datadir)/extension/')

-include $(patsubst %.o,%.d,$(extension_objects) $(plain_objects))
