lib-src  += sim/formats/fileset/fileset.c sim/formats/fileset/check.c \
	    sim/formats/fileset/overlap.c sim/formats/fileset/links.c sim/formats/fileset/fixups.c \
	    sim/formats/fileset/fixups_write.c sim/formats/fileset/build.c \
	    sim/formats/fileset/layout.c sim/formats/fileset/info.c \
	    sim/formats/fileset/compose.c sim/formats/fileset/compose_header.c \
	    sim/formats/fileset/compose_fixups.c sim/formats/fileset/from_kexts.c
test-src += sim/formats/fileset/test/test_fileset.c sim/formats/fileset/test/test_classes.c
fuzz-src += sim/formats/fileset/test/fuzz_fileset.c
