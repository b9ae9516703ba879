host-src += sim/formats/apfs/common.c
test-src += sim/formats/apfs/test/test_common.c
HOST_LIBS += -lutf8proc
