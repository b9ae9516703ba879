lib-src     += components/csrutil/csrutil.c
test-src    += components/csrutil/test/test_csrutil.c
guest-bin   += csrutil
csrutil-src := components/csrutil/main.c
