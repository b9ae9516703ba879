lib-src   += sim/carrier/control.c sim/carrier/console_order.c
host-src  += sim/carrier/carrier.c sim/carrier/guest_runtime.c sim/carrier/initramfs.c \
	     sim/carrier/ld_cache.c sim/carrier/modules.c
test-src  += sim/carrier/test/test_carrier.c
guest-bin += init
init-src  := $(patsubst %,sim/carrier/init/%.c,main modules ctl exec launch mac console power)
init-libs := -lbpf
