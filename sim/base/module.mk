lib-src  += sim/base/err.c sim/base/buf.c sim/base/fsio.c sim/base/nearest.c \
	    sim/base/prune.c sim/base/component_log.c sim/base/idtext.c \
	    sim/base/json_text.c sim/base/sha256.c sim/base/sha256_pair.c sim/base/tree_copy.c
test-src += sim/base/test/test_base.c sim/base/test/test_sha256.c
