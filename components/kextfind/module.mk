lib-src += $(patsubst %,components/kextfind/%.c,kextfind predicates query)
test-src += components/kextfind/test/test_kextfind.c
guest-bin += kextfind
kextfind-src := components/kextfind/main.c
