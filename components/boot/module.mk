lib-src   += $(patsubst %,components/boot/%.c,entitlements firmlinks kernelcache volumes)
guest-bin += boot
boot-src  := $(patsubst %,components/boot/%.c,main channel policy service tree xnu) \
	     sim/carrier/sip/sip.c
boot-libs := -lbpf
