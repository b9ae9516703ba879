lib-src   += components/kcditto/bom_copier.c components/kcditto/copy_kernels.c \
	     components/kcditto/kcditto.c
test-src  += components/kcditto/test/test_kcditto.c
guest-bin += kcditto
kcditto-src := components/kcditto/main.c
