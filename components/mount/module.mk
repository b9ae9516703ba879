lib-src   += components/mount/list.c components/mount/mount_tool.c
test-src  += components/mount/test/test_mount_tool.c
guest-bin += mount
mount-src := components/mount/main.c
