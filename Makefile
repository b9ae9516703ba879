# SPDX-License-Identifier: MIT
# One non-recursive Makefile. Each folder lists its parts in module.mk:
#
#   lib-src   += a/b.c         code that host and guest share (libkextlab.a)
#   host-src  += a/b.c         code for the host alone (libkexthost.a): libguestfs, QEMU
#   test-src  += a/test/x.c    a test program with TEST_MAIN from sim/base/test.h
#   test-lib-src += a/test/y.c what several test programs share (libkexttest.a)
#   fuzz-src  += a/test/f.c    a program with LLVMFuzzerTestOneInput
#   guest-bin += kextd         a program of the guest; kextd-src := its sources,
#                              kextd-libs := extra -l flags
#   host-bin  += build/x       a program of the host;  x-src := ..., x-libs := ...
#   check-sh  += ci/x.sh       a check that is a script (TEST_REPORT contract of test.h)
#
# Variables: CC, CFLAGS, WERROR=1, CFG=release|asan|fuzz, V=1.

CFG     ?= release
B       := build/$(if $(filter release,$(CFG)),obj,$(CFG))
OUT     := $(if $(filter release,$(CFG)),build,build/$(CFG))
CC      := gcc
Q       := $(if $(V),,@)
say      = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(2)';)

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wpointer-arith -Wcast-qual -Wundef -Wvla -Wformat=2 \
	-Wwrite-strings -Wnull-dereference -Wimplicit-fallthrough
OPT  := -O2 -g -fno-common -fstack-protector-strong
ifeq ($(CFG),asan)
OPT  := -O1 -g -fno-common -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined
endif
# Null pointers and objects that are too small AddressSanitizer finds as well; without these
# two checks and with no more than line numbers it is compiled in two thirds of the time.
FUZZ_CC := clang
ifeq ($(CFG),fuzz)
override CC := $(FUZZ_CC)
override WERROR := # of gcc's warnings; clang's others must not keep anybody from testing
OPT  := -O1 -gline-tables-only -fno-common -fno-omit-frame-pointer \
	-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize=null,object-size \
	-fno-sanitize-recover=undefined
endif
# What one compiler knows and the other does not; clang warns of {.first = x} as well.
WARN += $(if $(findstring clang,$(CC)),-Wno-missing-field-initializers \
	-Wno-gnu-variable-sized-type-not-at-end,-Wlogical-op -Wduplicated-cond)
CPPFLAGS += -I. -I$(B) -D_FILE_OFFSET_BITS=64
ALL_CFLAGS = -std=gnu17 $(OPT) $(WARN) $(if $(WERROR),-Werror) $(CFLAGS)

# libsupc++ is a part of the compiler: the demangler of C++ names, and nothing else of it
LIB_LIBS  := -lplist-2.0 -ljansson -lyaml -lcrypto -lz -lsqlite3 -lsupc++
# What modules add to the host's. Nothing big: each kextlab command loads them all.
HOST_LIBS :=

# A guest program finds its loader and libraries at Apple's places, which is where
# images/ puts them on the system volume.
GUEST_LDFLAGS := -Wl,--dynamic-linker=/usr/lib/dyld -Wl,-rpath,/usr/lib -Wl,--as-needed

.DEFAULT_GOAL := all
.PHONY: deps

ifneq ($(and $(filter deps,$(MAKECMDGOALS)),$(filter-out deps,$(MAKECMDGOALS))),)
# "make deps test": what is missing is installed before anything else begins, also
# with -j; the other goals then run in a make of their own.
goals := $(filter-out deps,$(MAKECMDGOALS))
.PHONY: $(goals)
deps:
	@ci/deps.sh
$(goals): deps
	@$(MAKE) --no-print-directory $@
else
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all test check-unit check-asan bench scenario list help clean format

lib-src :=
host-src :=
test-src :=
test-lib-src :=
fuzz-src :=
guest-bin :=
host-bin :=
check-sh :=
extra-targets :=

# What the fuzz programs are linked from; all the rest is not compiled once more for them.
fuzz-part := sim/base/% sim/formats/% sim/platform/% sim/carrier/control.c sim/vm/pump.c \
	sim/vm/rpc.c components/common/% components/syspolicyd/% components/boot/entitlements.c \
	components/boot/firmlinks.c components/launchd/job.c images/% harness/%

modules := $(sort $(shell find sim components images harness scenarios ci -name module.mk))
include $(modules)

ifeq ($(CFG),fuzz)
lib-src  := $(filter $(fuzz-part),$(lib-src))
host-src := $(filter $(fuzz-part),$(host-src))
endif

obj = $(patsubst %.c,$(B)/%.o,$(1))

lib-obj  := $(call obj,$(lib-src))
host-obj := $(call obj,$(host-src))
test-bin := $(patsubst %.c,$(B)/%,$(test-src))
guest-out := $(addprefix $(OUT)/guest/,$(guest-bin))

all: $(host-bin) $(guest-out) $(extra-targets) ## build everything

# Objects depend on the flags they were made with.
$(B)/.flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(ALL_CFLAGS) $(CPPFLAGS)' | cmp -s - $@ || \
		echo '$(CC) $(ALL_CFLAGS) $(CPPFLAGS)' > $@
.PHONY: FORCE

$(B)/%.o: %.c $(B)/.flags
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(ALL_CFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

$(B)/libkextlab.a: $(lib-obj)
	$(call say,AR,$@)rm -f $@ && ar rcs $@ $^

$(B)/libkexthost.a: $(host-obj)
	$(call say,AR,$@)rm -f $@ && ar rcs $@ $^

define host-rule
$(1): $$(call obj,$$($(notdir $(1))-src)) $(B)/libkexthost.a $(B)/libkextlab.a
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)$(CC) $(ALL_CFLAGS) -Wl,--as-needed -o $$@ $$^ $$($(notdir $(1))-libs) $(HOST_LIBS) $(LIB_LIBS)
endef
$(foreach p,$(host-bin),$(eval $(call host-rule,$(p))))

define guest-rule
$(OUT)/guest/$(1): $$(call obj,$$($(1)-src)) $(B)/libkextlab.a
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)$(CC) $(ALL_CFLAGS) $(GUEST_LDFLAGS) -o $$@ $$^ $$($(1)-libs) $(LIB_LIBS)
endef
$(foreach p,$(guest-bin),$(eval $(call guest-rule,$(p))))

$(B)/libkexttest.a: $(call obj,$(test-lib-src))
	$(call say,AR,$@)rm -f $@ && ar rcs $@ $^

$(test-bin): %: %.o $(B)/sim/base/test.o $(B)/libkexttest.a $(B)/libkexthost.a $(B)/libkextlab.a
	$(call say,LINK,$@)$(CC) $(ALL_CFLAGS) -Wl,--as-needed -o $@ $^ $($(notdir $@)-libs) -lcunit $(HOST_LIBS) $(LIB_LIBS)

# libFuzzer brings main(): "program FOLDER" looks for new inputs, "program FILES" replays.
# ci/fuzz.sh has a row for each, with its seeds.
$(patsubst %.c,$(B)/%,$(fuzz-src)): %: %.o $(B)/libkexthost.a $(B)/libkextlab.a
	$(call say,LINK,$@)$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer -Wl,--as-needed -o $@ $^ $(HOST_LIBS) $(LIB_LIBS)

fuzz-build: ## the fuzz programs, below build/fuzz (needs clang)
	$(Q)$(MAKE) --no-print-directory CFG=fuzz fuzz-build-run
.PHONY: fuzz-build fuzz-build-run
fuzz-build-run: $(patsubst %.c,$(B)/%,$(fuzz-src))
print-fuzz:
	@echo $(fuzz-src)
.PHONY: fuzz print-fuzz
fuzz: all fuzz-build ## [T=name] [SECONDS=60]: look for inputs that break a parser (ci/fuzz.sh has their list)
	$(Q)ci/fuzz.sh run $(or $(SECONDS),60) $(if $(T),$(call shell-word,$(T)))

deps: ## install what is missing and unpack the carrier kernel (quick and silent when done)
	$(Q)ci/deps.sh

test: all check-unit ## unit tests, independent judges, core scenarios in the VM
	$(Q)! ci/fuzz.sh can-build >/dev/null || $(MAKE) --no-print-directory CFG=fuzz fuzz-build-run
	$(Q)ci/test.sh

check-unit: $(test-bin)

# The tests under sanitizers run the programs of the release build: in the VM, as a
# user does, and as input. Guest programs are never built with sanitizers.
check-asan: all ## unit tests under address and undefined-behaviour sanitizers
	$(Q)$(MAKE) --no-print-directory CFG=asan check-asan-run
.PHONY: check-asan-run print-tests
check-asan-run: $(test-bin)
	$(Q)ci/run-units.sh $(test-bin)
print-tests:
	@echo $(test-bin)

bench: all $(B)/components/boot/test/test_parts ## sizes and times, as ratios against a peer in one run
	$(Q)ci/bench.sh

# As one word of the shell, whatever is in it.
shell-word = '$(subst ','\'',$(1))'
SCENARIO_FLAGS = $(if $(RELEASE),--release $(call shell-word,$(RELEASE))) \
	$(if $(SIP),--sip $(call shell-word,$(SIP))) $(if $(MACHINE),--machine $(call shell-word,$(MACHINE))) \
	$(if $(KEXT),--kext $(call shell-word,$(KEXT))) \
	$(if $(SYSTEM),--system $(call shell-word,$(SYSTEM))) $(if $(filter-out 0 no off,$(KEEP)),--keep)
scenario: all ## NAME=... [MACHINE=] [RELEASE=] [SIP=on|off] [KEXT=path] [SYSTEM=folder] [KEEP=1]: run one scenario
	$(if $(NAME),,$(error NAME= is missing: which scenario? `make list` lists them))
	$(Q)build/kextlab run $(SCENARIO_FLAGS) $(call shell-word,$(NAME))

list: build/kextlab ## the scenarios
	$(Q)build/kextlab list

format: ## clang-format over all C files
	$(Q)git ls-files '*.c' '*.h' | xargs clang-format -i

clean: ## remove what was built; caches and runs stay
	$(Q)rm -rf build/obj build/asan build/fuzz build/guest build/kextlab

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

-include $(shell find $(B) -name '*.d' 2>/dev/null)

endif
