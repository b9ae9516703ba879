host-src += images/cachekey.c images/compose.c images/disk.c images/firmlinks.c
host-src += images/generate.c images/gpt.c images/manifest.c images/sparse.c images/update.c
test-src += images/test/test_manifest.c

# looking into disks
host-src += images/inspect.c images/inspect_text.c
test-src += images/test/test_inspect.c
