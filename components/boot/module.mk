lib-src   += $(patsubst %,components/boot/%.c,collection entitlements firmlinks kernelcache kexts \
	     kexts_link kexts_load kexts_newcomers kexts_unload klog)
host-src  += $(patsubst %,components/boot/%.c,copy_upper environment live live_ops overlay overlay_apply \
	     pending root_snapshot sealed_root volumes)
test-src  += $(patsubst %,components/boot/test/test_%.c,boot environment kexts klog live)
fuzz-src  += components/boot/test/fuzz_entitlements.c components/boot/test/fuzz_system_files.c
# What reads a state of a volume: for /sbin/apfs, which serves the root.
boot-apfs := $(patsubst %,sim/formats/apfs/%.c,common reader_block reader_btree \
	     reader_checkpoint reader_chunk reader_container reader_decmpfs reader_dir reader_file \
	     reader_inode reader_key reader_node reader_omap reader_path reader_seen reader_verify \
	     reader_volume reader_xattr seal_info)
guest-bin += boot
boot-src  := $(patsubst %,components/boot/%.c,main catalina channel copy_upper devices \
	     environment firmware kernel kernel_kexts live live_ops mounts pending policy root root_snapshot \
	     secure_enclave service service_kext_requests service_kexts service_policy service_session \
	     service_snapshots service_volumes session tree tree_catalina tree_firmlinks \
	     tree_recovery volumes worlds xnu xnu_nodes) \
	     sim/carrier/sip/sip.c $(wildcard sim/formats/apfs/*.c)
boot-libs := -lbpf -lutf8proc

# What the macOS 11 world stands on: the sealed root's server, the overlay, the CPUs.
boot-src += $(patsubst %,components/boot/%.c,cpus overlay overlay_apply sealed_root)
