lib-src  += $(patsubst %,components/oskext/%.c,kernel_request load repository)
test-src += components/oskext/test/test_oskext.c
test-lib-src += components/oskext/test/running_kernel.c
