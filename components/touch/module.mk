lib-src   += components/touch/touch.c
guest-bin += touch
touch-src := components/touch/main.c
