lib-src   += components/apfs_systemsnapshot/systemsnapshot.c
test-src  += components/apfs_systemsnapshot/test/test_systemsnapshot.c
guest-bin += apfs_systemsnapshot
apfs_systemsnapshot-src := components/apfs_systemsnapshot/main.c
