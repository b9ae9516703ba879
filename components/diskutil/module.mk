lib-src      += $(patsubst %,components/diskutil/%.c,diskutil list snapshots)
test-src     += components/diskutil/test/test_diskutil.c
guest-bin    += diskutil
diskutil-src := components/diskutil/main.c
