lib-src      += components/shutdown/countdown.c components/shutdown/going_down.c \
		components/shutdown/options.c components/shutdown/shutdown.c
test-src     += components/shutdown/test/test_shutdown.c
guest-bin    += shutdown
shutdown-src := components/shutdown/main.c
