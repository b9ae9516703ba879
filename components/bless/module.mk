lib-src   += components/bless/bless.c components/bless/options.c
test-src  += components/bless/test/test_bless.c
guest-bin += bless
bless-src := components/bless/main.c
