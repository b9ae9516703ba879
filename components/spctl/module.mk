lib-src   += components/spctl/spctl.c
test-src  += components/spctl/test/test_spctl.c
guest-bin += spctl
spctl-src := components/spctl/main.c
