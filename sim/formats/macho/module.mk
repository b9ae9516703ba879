lib-src  += sim/formats/macho/arch.c sim/formats/macho/slice.c sim/formats/macho/macho.c sim/formats/macho/write.c \
	    sim/formats/macho/symdict.c \
	    sim/formats/macho/objlink.c sim/formats/macho/objlink_syms.c \
	    sim/formats/macho/objlink_reloc.c sim/formats/macho/splitinfo.c \
	    sim/formats/macho/objlink_x86_64.c sim/formats/macho/objlink_arm64.c \
	    sim/formats/macho/arm64.c sim/formats/macho/detach.c \
	    sim/formats/macho/kxld.c sim/formats/macho/kxld_exports.c \
	    sim/formats/macho/kxld_resolve.c sim/formats/macho/kxld_reloc.c \
	    sim/formats/macho/kxld_arm64.c sim/formats/macho/kxld_split.c \
	    sim/formats/macho/kxld_names.c sim/formats/macho/kxld_cxx.c \
	    sim/formats/macho/kxld_vtable.c sim/formats/macho/kxld_patch.c \
	    sim/formats/macho/kxld_classes.c
host-bin += build/kextld
kextld-src := sim/formats/macho/kextld.c
test-src += sim/formats/macho/test/test_objlink.c sim/formats/macho/test/test_kxld.c \
	    sim/formats/macho/test/test_split.c sim/formats/macho/test/test_vtable.c
fuzz-src += sim/formats/macho/test/fuzz_macho.c
test-lib-src += sim/formats/macho/test/darwin_cc.c
