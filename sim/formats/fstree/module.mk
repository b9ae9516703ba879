lib-src  += sim/formats/fstree/fstree.c sim/formats/fstree/import.c
test-src += sim/formats/fstree/test/test_fstree.c
