lib-src      += $(patsubst %,components/diskutil/%.c,diskutil kernel_call volume_list)
test-src     += components/diskutil/test/test_diskutil.c
guest-bin    += diskutil
diskutil-src := components/diskutil/main.c
