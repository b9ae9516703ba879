lib-src   += components/touch/touch.c
test-src  += components/touch/test/test_touch.c
guest-bin += touch
touch-src := components/touch/main.c
