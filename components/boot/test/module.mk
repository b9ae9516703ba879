# Parts of boot on trial in the VM: a program that takes its place in the carrier. Static,
# since it is no part of the Mac.
parts-guest     := build/guest-test/bootparts
parts-guest-src := $(patsubst %,components/boot/test/guest_%.c,main cpus) \
		   components/boot/cpus.c sim/platform/machine.c sim/base/err.c \
		   sim/base/nearest.c
test-src        += components/boot/test/test_parts.c
extra-targets   += $(parts-guest)

ifeq ($(CFG),release)
$(B)/components/boot/test/test_parts: | $(parts-guest) build/guest/init build/guest/apfs
endif

$(parts-guest): $(patsubst %.c,build/obj/%.o,$(parts-guest-src))
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) -static -o $@ $^ -ljansson -lbpf -lelf -lz
