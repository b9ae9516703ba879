lib-src  += sim/formats/kext/version.c sim/formats/kext/diag.c sim/formats/kext/kext.c \
	    sim/formats/kext/validate.c sim/formats/kext/auth.c sim/formats/kext/signature.c sim/formats/kext/exclude.c \
	    sim/formats/kext/set.c sim/formats/kext/resolve.c sim/formats/kext/input.c \
	    sim/formats/kext/link_deps.c sim/formats/kext/copyright.c sim/formats/kext/targets.c \
	    sim/formats/kext/identity.c sim/formats/kext/signer.c
test-src += sim/formats/kext/test/test_version.c sim/formats/kext/test/test_kext.c \
	    sim/formats/kext/test/test_resolve.c sim/formats/kext/test/test_signer.c \
	    sim/formats/kext/test/test_signature.c
fuzz-src += sim/formats/kext/test/fuzz_info.c
