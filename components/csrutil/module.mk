lib-src     += components/csrutil/csrutil.c components/csrutil/in_nvram.c \
	       components/csrutil/in_policy.c
test-src    += components/csrutil/test/test_csrutil.c
guest-bin   += csrutil
csrutil-src := components/csrutil/main.c
