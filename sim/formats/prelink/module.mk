lib-src  += sim/formats/prelink/lzss.c sim/formats/prelink/lzvn.c sim/formats/prelink/pack.c \
	    sim/formats/prelink/ioxml_write.c sim/formats/prelink/ioxml_parse.c \
	    sim/formats/prelink/kcid.c sim/formats/prelink/build.c \
	    sim/formats/prelink/prelink.c sim/formats/prelink/verify.c
