lib-src  += $(patsubst %,components/syspolicyd/%.c,client consent database decide mdm \
	    statement syspolicyd)
test-src += components/syspolicyd/test/test_database.c \
	    components/syspolicyd/test/test_syspolicyd.c
fuzz-src += components/syspolicyd/test/fuzz_kext_policy.c
guest-bin += syspolicyd
syspolicyd-src := components/syspolicyd/main.c
