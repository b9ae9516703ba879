lib-src  += sim/formats/image4/der.c sim/formats/image4/der_write.c sim/formats/image4/props.c \
	    sim/formats/image4/im4p.c sim/formats/image4/im4m.c sim/formats/image4/im4m_sign.c \
	    sim/formats/image4/img4.c sim/formats/image4/p384.c sim/formats/image4/isys.c \
	    sim/formats/image4/constraints.c sim/formats/image4/img4_chain.c \
	    sim/formats/image4/img4_verify.c
test-src += sim/formats/image4/test/test_image4.c
test-src += sim/formats/image4/test/test_img4_verify.c
fuzz-src += sim/formats/image4/test/fuzz_image4.c
