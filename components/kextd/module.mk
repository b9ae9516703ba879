lib-src   += components/kextd/kextd.c components/kextd/locks.c components/kextd/mounts.c \
	     components/kextd/update.c components/kextd/volume.c components/kextd/watch.c
guest-bin += kextd
kextd-src := components/kextd/main.c
