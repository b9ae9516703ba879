lib-src  += sim/platform/release.c sim/platform/csr.c sim/platform/waits.c
lib-src  += sim/platform/rootless.c sim/platform/nvram.c sim/platform/nvram_store.c
test-src += sim/platform/test/test_csr.c sim/platform/test/test_rootless.c
test-src += sim/platform/test/test_nvram.c
fuzz-src += sim/platform/test/fuzz_nvram.c
lib-src  += sim/platform/filevault.c
test-src += sim/platform/test/test_filevault.c
