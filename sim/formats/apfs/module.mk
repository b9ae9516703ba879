host-src += $(addprefix sim/formats/apfs/,blockout.c btree_build.c common.c container.c \
	content.c fsnumber.c fsrecords.c fsstream.c layout.c omap_write.c records.c \
	outbatch.c seal_make.c snapshot_write.c spaceman.c state.c state_parts.c streams.c volume.c)
host-bin += $(OUT)/bench-apfs-write
bench-apfs-write-src := sim/formats/apfs/test/bench_write.c
test-src += $(addprefix sim/formats/apfs/test/,test_common.c test_writer.c \
	test_seal_write.c test_state_write.c)
host-src += sim/formats/apfs/test/image.c
HOST_LIBS += -lutf8proc

# the reader
host-src += $(addprefix sim/formats/apfs/,reader_block.c reader_btree.c \
	reader_checkpoint.c reader_chunk.c reader_container.c reader_decmpfs.c reader_dir.c reader_file.c \
	reader_inode.c reader_key.c reader_node.c reader_omap.c reader_path.c \
	reader_seen.c reader_verify.c reader_volume.c reader_walk.c reader_xattr.c extract.c inoset.c)
host-src += $(addprefix sim/formats/apfs/seal_,break.c check.c data.c explain.c info.c nodes.c \
	paths.c pool.c records.c report.c)
test-src += $(addprefix sim/formats/apfs/test/,test_reader.c test_reader_apple.c \
	test_reader_damage.c test_reader_extract.c test_seal.c test_seal_forged.c)
test-lib-src += sim/formats/apfs/test/seal_image.c
host-bin += $(OUT)/apfs-tool
apfs-tool-src := sim/formats/apfs/test/apfs_tool.c
apfs-tool-libs := -Wl,--as-needed
fuzz-src += sim/formats/apfs/test/fuzz_reader.c sim/formats/apfs/test/fuzz_edit.c

# transactions, and what they need of the writer: for guest programs that change a disk
# themselves, beside boot-apfs, the reader's part
edit-apfs := $(addprefix sim/formats/apfs/,edit.c edit_alloc.c edit_bits.c \
	edit_checkpoint.c edit_checkpoint_write.c edit_disk.c edit_extents.c edit_import.c \
	edit_omap.c edit_queue.c edit_queue_write.c edit_refs.c edit_replace.c \
	edit_revert.c edit_seal.c edit_snapshot.c edit_snapshots.c edit_space.c \
	edit_space_write.c edit_sweep.c edit_tree.c edit_volume.c edit_volume_write.c)
edit-apfs-writer := $(addprefix sim/formats/apfs/,blockout.c btree_build.c content.c \
	fsnumber.c fsrecords.c fsstream.c omap_write.c outbatch.c records.c \
	snapshot_write.c state.c state_parts.c streams.c)
host-src += $(edit-apfs)
test-src += $(addprefix sim/formats/apfs/test/,test_edit.c test_edit_sequence.c \
	test_edit_power.c test_edit_foreign.c test_edit_damage.c test_edit_space.c)
host-src += sim/formats/apfs/test/patch_disk.c
test-lib-src += sim/formats/apfs/test/edit_case.c
host-bin += $(OUT)/apfs-edit
apfs-edit-src := sim/formats/apfs/test/edit_tool.c
apfs-edit-libs := -Wl,--as-needed
