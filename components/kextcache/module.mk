lib-src   += components/kextcache/usage.c components/kextcache/options.c \
	     components/kextcache/check.c components/kextcache/protect.c \
	     components/kextcache/choose.c components/kextcache/signing.c components/kextcache/stage.c components/kextcache/link.c \
	     components/kextcache/build.c components/kextcache/create.c \
	     components/kextcache/create_sip.c components/kextcache/create_build.c \
	     components/kextcache/write_plk.c components/kextcache/deferred.c \
	     components/kextcache/mount_point.c components/kextcache/recompress.c \
	     components/kextcache/freshness.c components/kextcache/kextd_client.c \
	     components/kextcache/lock.c components/kextcache/rebuild_command.c \
	     components/kextcache/update.c components/kextcache/kextcache.c
test-src  += components/kextcache/test/test_freshness.c \
	     components/kextcache/test/test_lock.c \
	     components/kextcache/test/test_kextcache.c \
	     components/kextcache/test/test_staged.c
test-lib-src += components/kextcache/test/kextcache_fixture.c
guest-bin += kextcache
kextcache-src := components/kextcache/main.c
