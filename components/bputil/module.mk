lib-src   += $(patsubst %,components/bputil/%.c,bputil change display options)
test-src  += components/bputil/test/test_bputil.c
guest-bin += bputil
bputil-src := components/bputil/main.c
