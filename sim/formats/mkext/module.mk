lib-src  += sim/formats/mkext/build.c sim/formats/mkext/open.c
test-src += sim/formats/mkext/test/test_mkext.c
fuzz-src += sim/formats/mkext/test/fuzz_mkext.c
