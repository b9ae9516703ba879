lib-src  += sim/formats/plist/pl.c sim/formats/plist/get.c sim/formats/plist/guard.c sim/formats/plist/where.c
test-src += sim/formats/plist/test/test_plist.c
fuzz-src += sim/formats/plist/test/fuzz_plist.c
