lib-src += $(patsubst %,components/kextutil/%.c,examine kextutil options)
test-src += components/kextutil/test/test_kextutil.c
guest-bin += kextutil
kextutil-src := components/kextutil/main.c
