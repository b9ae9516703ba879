lib-src  += sim/formats/vdisk/vdisk.c sim/formats/vdisk/qcow2.c sim/formats/vdisk/qcow2_write.c
test-src += sim/formats/vdisk/test/test_vdisk.c sim/formats/vdisk/test/test_vdisk_write.c
