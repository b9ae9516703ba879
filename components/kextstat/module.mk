lib-src      += components/kextstat/kextstat.c
test-src     += components/kextstat/test/test_kextstat.c
guest-bin    += kextstat
kextstat-src := components/kextstat/main.c
