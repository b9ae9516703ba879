lib-src  += components/staging/staging.c components/staging/prune.c
test-src += components/staging/test/test_staging.c
