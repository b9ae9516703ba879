# The FUSE server of APFS volumes: for the host's `kextlab image mount`, and for the
# carrier, which serves the Mac's sealed root by it.
apfs-fs   := $(patsubst %,components/apfs/%.c,complaints files fs requests serve xattrs)
host-src  += $(apfs-fs)
HOST_LIBS += -lfuse3
test-src  += components/apfs/test/test_fs.c components/apfs/test/test_fs_seal.c

# /sbin/apfs of the carrier.
guest-bin += apfs
apfs-src   = components/apfs/main.c $(apfs-fs) $(boot-apfs)
apfs-libs := -lfuse3 -lutf8proc
