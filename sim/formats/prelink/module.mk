lib-src  += sim/formats/prelink/lzss.c sim/formats/prelink/lzvn.c sim/formats/prelink/pack.c \
	    sim/formats/prelink/ioxml_write.c sim/formats/prelink/ioxml_parse.c \
	    sim/formats/prelink/kcid.c sim/formats/prelink/build.c \
	    sim/formats/prelink/kernel_version.c sim/formats/prelink/prelink.c sim/formats/prelink/verify.c
test-src += sim/formats/prelink/test/test_lz.c sim/formats/prelink/test/test_ioxml.c \
	    sim/formats/prelink/test/test_pack.c
fuzz-src += sim/formats/prelink/test/fuzz_lz.c sim/formats/prelink/test/fuzz_prelink.c
host-bin += build/bench-lz
bench-lz-src := sim/formats/prelink/test/bench_lz.c
