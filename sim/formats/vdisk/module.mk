lib-src  += sim/formats/vdisk/vdisk.c sim/formats/vdisk/qcow2.c
test-src += sim/formats/vdisk/test/test_vdisk.c
