host-src  += $(patsubst %,sim/vm/%.c,pump rpc recorder process args qemu ready accel \
	     template start vm vm_ask doctor)
test-src  += sim/vm/test/test_channels.c sim/vm/test/test_vm.c
fuzz-src  += sim/vm/test/fuzz_control.c
test-lib-src += sim/vm/test/vm_fixture.c

# The tests' own boot program: static, since it is no part of the Mac.
testboot      := build/guest-test/testboot
extra-targets += $(testboot)

$(testboot): build/obj/sim/vm/test/testboot.o
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) -static -o $@ $^ -ljansson

# In the guest it is always the release build, of init as well.
ifeq ($(CFG),release)
$(B)/sim/vm/test/test_vm: | $(testboot) build/guest/init build/guest/apfs
endif
