# The policy: each part to a BPF object, the objects linked into one, and that put into
# a C header. vmlinux.h is that of the carrier's kernel, never of the build host's.
sip-dir  := sim/carrier/sip
sip-bpf  := $(patsubst %,$(B)/$(sip-dir)/%.bpf.o,fs mount exec carrier console)
sip-skel := $(B)/$(sip-dir)/sip.skel.h
sip-vmlinux := build/cache/carrier/current

lib-src       += $(sip-dir)/event_text.c
test-src      += $(sip-dir)/test/test_event_text.c
extra-targets += $(sip-skel)

$(B)/$(sip-dir)/%.bpf.o: $(sip-dir)/%.bpf.c $(sip-dir)/policy.bpf.h $(sip-dir)/maps.h \
		$(sip-dir)/events.h $(sip-vmlinux)/vmlinux.h
	@mkdir -p $(@D)
	$(call say,BPF,$<)clang -target bpf -D__TARGET_ARCH_x86 -g -O2 -Wall \
		$(if $(WERROR),-Werror) -I. -I$(sip-vmlinux) -c -o $@ $<

$(B)/$(sip-dir)/sip.bpf.o: $(sip-bpf)
	$(call say,BPFLD,$@)bpftool gen object $@ $^

$(sip-skel): $(B)/$(sip-dir)/sip.bpf.o
	$(call say,SKEL,$@){ echo '#pragma GCC system_header'; \
		bpftool gen skeleton $< name sip_bpf; } > $@

$(B)/$(sip-dir)/sip.o: $(sip-skel)

# The policy's own test: a static /init for a virtual machine without anything else.
sip-guest      := build/guest-test/policy
sip-guest-src  := $(sip-dir)/test/policy_guest.c $(sip-dir)/test/probes.c \
		  $(sip-dir)/sip.c $(sip-dir)/event_text.c sim/base/err.c
test-src       += $(sip-dir)/test/test_policy.c
extra-targets  += $(sip-guest)

ifeq ($(CFG),release)
$(B)/$(sip-dir)/test/test_policy: | $(sip-guest)
endif

$(sip-guest): $(patsubst %.c,build/obj/%.o,$(sip-guest-src))
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) -static -o $@ $^ -lbpf -lelf -lz
