lib-src += components/kextlibs/find.c components/kextlibs/kextlibs.c
test-src += components/kextlibs/test/test_kextlibs.c
guest-bin += kextlibs
kextlibs-src := components/kextlibs/main.c
