lib-src  += sim/formats/ustar/ustar.c
test-src += sim/formats/ustar/test/test_ustar.c
