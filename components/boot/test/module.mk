# Parts of boot on trial in the VM: a program that takes its place in the carrier.
parts-guest     := build/guest-test/bootparts
parts-guest-src := $(patsubst %,components/boot/test/guest_%.c,cpus main overlay policy \
		   sealed_root speed) \
		   $(patsubst %,components/boot/%.c,cpus overlay overlay_apply sealed_root) \
		   sim/carrier/sip/sip.c sim/formats/apfs/common.c
test-src        += components/boot/test/test_parts.c
extra-targets   += $(parts-guest)

ifeq ($(CFG),release)
$(B)/components/boot/test/test_parts: | $(parts-guest) build/guest/init build/guest/apfs
endif

$(parts-guest): $(patsubst %.c,build/obj/%.o,$(parts-guest-src)) build/obj/libkextlab.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(GUEST_LDFLAGS) -o $@ $^ -lbpf -lutf8proc $(LIB_LIBS)
