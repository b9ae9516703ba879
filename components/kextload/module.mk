lib-src      += components/kextload/kextload.c components/kextload/options.c
test-src     += components/kextload/test/test_kextload.c
guest-bin    += kextload
kextload-src := components/kextload/main.c
