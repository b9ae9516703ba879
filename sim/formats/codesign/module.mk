lib-src  += $(addprefix sim/formats/codesign/, \
	    anchors.c blob.c chain.c cms.c cms_read.c cms_verify.c code.c codedir.c \
	    codedir_write.c hash.c image.c image_room.c oid.c osstatus.c req_build.c req_eval.c \
	    req_match.c req_parse.c req_read.c req_text.c resources.c resources_check.c \
	    resources_seal.c rules.c sign.c timestamp.c trust.c verify.c verify_image.c)
test-lib-src += sim/formats/codesign/test/kit.c
test-src += sim/formats/codesign/test/test_codesign.c sim/formats/codesign/test/test_req.c
fuzz-src += sim/formats/codesign/test/fuzz_codesign.c
