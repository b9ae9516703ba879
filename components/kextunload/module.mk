lib-src        += components/kextunload/kextunload.c components/kextunload/options.c
test-src       += components/kextunload/test/test_kextunload.c
guest-bin      += kextunload
kextunload-src := components/kextunload/main.c
