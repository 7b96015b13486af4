# Builds the program, its unit tests and every check. `make help` lists the targets.
#
# One Makefile, three variants in separate directories:
#   build/       release, with hardening         (make)
#   build/asan/  AddressSanitizer and UBSan      (make VARIANT=asan)
#   build/tsan/  ThreadSanitizer                 (make VARIANT=tsan)
# Sources are found by wildcard: a new file under cgi-src/ or tests/unit/ needs no change here.

VERSION = 0.1.0
VARIANT = release

PREFIX     = /usr/local
SYSCONFDIR = /etc
DESTDIR    =

.DEFAULT_GOAL = all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
SHELL = /bin/bash

# ---- what is built ----------------------------------------------------------------------------

SOURCES      := $(wildcard cgi-src/*.c cgi-src/*/*.c)
HEADERS      := $(wildcard cgi-src/*.h cgi-src/*/*.h)
LIB_SOURCES  := $(filter-out cgi-src/main.c,$(SOURCES))
UNIT_SOURCES := $(wildcard tests/unit/test_*.c)
OTHER_C      := $(filter-out $(UNIT_SOURCES),$(wildcard tests/*/*.c tests/unit/*.h tests/*/*.h))

BUILD_release = build
BUILD_asan    = build/asan
BUILD_tsan    = build/tsan
BUILD        := $(BUILD_$(VARIANT))
ifeq ($(BUILD),)
$(error VARIANT must be release, asan or tsan, not "$(VARIANT)")
endif

PROGRAM := $(BUILD)/chat-sessions
LIBRARY := $(BUILD)/libchat-sessions.a
UNITS   := $(UNIT_SOURCES:%.c=$(BUILD)/%)
object   = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

# ---- flags ------------------------------------------------------------------------------------

CC  = gcc
AR  = gcc-ar
PKG_CONFIG = pkg-config

# Add a library here (its pkg-config name) and everything links it.
PACKAGES = libcurl json-c libssl libcrypto zlib cjose

WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
           -Wconversion -Wvla -Wformat=2
# make WERROR=1 (the checks use it): a warning is an error. Off for those who build a release with
# another compiler.
ifneq ($(WERROR),)
WARNINGS += -Werror
endif

# -fcf-protection exists for x86 alone.
HARDENING = -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE \
            $(if $(filter x86_64 i%86,$(shell uname -m)),-fcf-protection)

VARIANT_CFLAGS_release  = -O2 -g $(HARDENING)
VARIANT_LDFLAGS_release = -pie -Wl,-z,relro,-z,now -Wl,--as-needed
VARIANT_CFLAGS_asan     = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
                          -fno-sanitize-recover=all
VARIANT_LDFLAGS_asan    = -fsanitize=address,undefined
VARIANT_CFLAGS_tsan     = -O1 -g -fno-omit-frame-pointer -fsanitize=thread
VARIANT_LDFLAGS_tsan    = -fsanitize=thread

# Asked once, and only when something is compiled: `make help` works without the packages.
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell $(PKG_CONFIG) --cflags $(PACKAGES)))$(PKG_CFLAGS)
PKG_LIBS   = $(eval PKG_LIBS := $$(shell $(PKG_CONFIG) --libs $(PACKAGES)))$(PKG_LIBS)

BASE_FLAGS  = -std=c17 -D_GNU_SOURCE -Icgi-src -DCHAT_SESSIONS_VERSION='"$(VERSION)"' -pthread \
              $(PKG_CFLAGS)
# Hidden: a library that is loaded must never find a function of ours in place of another library's
# (libcjose wants jansson's json_string, and the program has one of that name). Tests do put functions
# of theirs in the place of libc's.
VISIBILITY  = $(if $(filter cgi-src/%,$<),-fvisibility=hidden)
ALL_CFLAGS  = $(BASE_FLAGS) $(WARNINGS) $(VARIANT_CFLAGS_$(VARIANT)) $(CFLAGS)
ALL_LDFLAGS = -pthread $(VARIANT_LDFLAGS_$(VARIANT)) $(LDFLAGS)
# libfcgi and libunistring have no file for pkg-config.
LIBS        = -lfcgi -lunistring $(PKG_LIBS) -lm

# ---- building ---------------------------------------------------------------------------------

.PHONY: all
all: $(PROGRAM) ## build the program: build/chat-sessions

$(PROGRAM): $(call object,cgi-src/main.c) $(LIBRARY)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# Made anew, not updated: an object whose source has gone must not stay in it.
$(LIBRARY): $(call object,$(LIB_SOURCES))
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(VISIBILITY) -MMD -MP -c -o $@ $<

$(UNITS): $(BUILD)/tests/unit/%: $(BUILD)/obj/tests/unit/%.o $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(LIBRARY) -lcmocka $(LIBS)

# Changes when the flags do, so that objects are never of two kinds. -Werror makes no other object: with and
# without it the same build goes on.
FLAGS = $(CC) $(subst ','\'',$(filter-out -Werror,$(ALL_CFLAGS)))
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(FLAGS)' | cmp -s - $@ || printf '%s\n' '$(FLAGS)' > $@
# Phony: under .SECONDARY a file that is not there is no reason to make anything anew.
.PHONY: FORCE
FORCE:

# Objects are kept: they are what makes the next build short.
.SECONDARY:

-include $(patsubst %.o,%.d,$(call object,$(SOURCES) $(UNIT_SOURCES)))

# ---- running and testing ----------------------------------------------------------------------

.PHONY: run
run: ## start DynamoDB Local (or use AWS, see .env), the pool and nginx; Ctrl-C ends them
	scripts/run

.PHONY: stop
stop: ## end what scripts/run --detach has started
	scripts/stop

.PHONY: test
test: ## the checks and tests, from a bare machine (not: check-tsan, scripts/try-deb)
	scripts/test

.PHONY: unit-programs
unit-programs: $(UNITS)

.PHONY: unit
unit: $(UNITS) ## the unit tests
	@CMOCKA_MESSAGE_OUTPUT=TAP prove --exec '' $(UNITS)

# As many programs at a time as there are processors: more, and the clocks of some tests run ahead.
.PHONY: check
check: $(PROGRAM) $(UNITS) ## build, unit tests and the contract in process: the loop of a change
	@CMOCKA_MESSAGE_OUTPUT=TAP prove --timer --jobs "$$(nproc)" --exec '' $(UNITS)

.PHONY: check-asan
check-asan: ## unit tests and the end-to-end tests of the API with AddressSanitizer and UBSan
	scripts/test --asan unit tests/api

.PHONY: check-tsan
check-tsan: ## the same with ThreadSanitizer
	scripts/test --tsan unit tests/api

.PHONY: bench
bench: ## measure this service and its rivals (25 minutes; docs/performance.md); BENCH_… choose, see tests/bench/run
	tests/bench/run

.PHONY: cost
cost: ## instructions and system calls of one request, and whether they keep tests/cost/ceilings
	tests/cost/cost

.PHONY: client
client: ## the client for browsers and Node.js: build/client, a package that npm installs
	scripts/build-client

.PHONY: console
console: ## the console that nginx serves at /console/: build/console, static files
	scripts/build-console

include scripts/lint.mk
-include tests/fuzz/fuzz.mk # a package is built without the tests
include scripts/proof.mk

# ---- installing -------------------------------------------------------------------------------

# UNITDIR and SYSUSERS, too, may be said; see scripts/install.
INSTALL = PREFIX='$(PREFIX)' SYSCONFDIR='$(SYSCONFDIR)' DESTDIR='$(DESTDIR)' UNITDIR='$(UNITDIR)' \
          SYSUSERS='$(SYSUSERS)' PROGRAM='$(PROGRAM)' scripts/install

.PHONY: install
install: $(PROGRAM) ## install below PREFIX and SYSCONFDIR (DESTDIR is honoured); see docs/deployment.md
	$(INSTALL)

.PHONY: uninstall
uninstall: ## remove what install has put there but the configuration (PURGE=1: that, too)
	$(INSTALL) --uninstall $(if $(PURGE),--purge)

.PHONY: deb
deb: ## build a Debian package into build/deb
	scripts/make-deb

.PHONY: clean
clean: ## remove everything that was built
	rm -rf build

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
