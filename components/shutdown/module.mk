lib-src      += components/shutdown/countdown.c components/shutdown/going_down.c \
		components/shutdown/options.c components/shutdown/shutdown.c
guest-bin    += shutdown
shutdown-src := components/shutdown/main.c
