lib-src   += components/launchd/bootstrap.c components/launchd/hooks.c \
	     components/launchd/job.c components/launchd/launchd.c \
	     components/launchd/log.c \
	     components/launchd/supervisor.c components/launchd/teardown.c
test-src  += components/launchd/test/test_job.c components/launchd/test/test_launchd.c \
	     components/launchd/test/test_teardown.c
guest-bin += launchd launchctl
launchd-src   := components/launchd/main.c
launchctl-src := components/launchd/launchctl.c
