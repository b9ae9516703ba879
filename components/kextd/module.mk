lib-src      += components/kextd/kextd.c components/kextd/load.c components/kextd/locks.c \
		components/kextd/mounts.c components/kextd/update.c \
		components/kextd/volume.c components/kextd/watch.c
test-src     += components/kextd/test/test_kextd.c
test-lib-src += components/kextd/test/kextd_fixture.c
guest-bin    += kextd
kextd-src    := components/kextd/main.c
