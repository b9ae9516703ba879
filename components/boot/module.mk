lib-src   += $(patsubst %,components/boot/%.c,entitlements firmlinks kernelcache klog)
# The APFS reader is the host's; of the guest's programs only boot reads a disk itself.
boot-apfs := $(patsubst %,sim/formats/apfs/%.c,common reader_block reader_btree \
	     reader_checkpoint reader_container reader_decmpfs reader_dir reader_file \
	     reader_inode reader_key reader_node reader_omap reader_path reader_verify \
	     reader_volume reader_xattr seal_info)
host-src  += components/boot/volumes.c
test-src  += components/boot/test/test_boot.c components/boot/test/test_klog.c
guest-bin += boot
boot-src  := $(patsubst %,components/boot/%.c,main catalina channel devices policy service \
	     tree tree_catalina tree_firmlinks tree_recovery userspace volumes worlds xnu) \
	     sim/carrier/sip/sip.c $(boot-apfs)
boot-libs := -lbpf -lutf8proc

# What the macOS 11 world stands on: the sealed root's server, the overlay, the CPUs.
boot-src += $(patsubst %,components/boot/%.c,cpus overlay overlay_apply sealed_root)
