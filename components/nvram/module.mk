lib-src   += components/nvram/nvram_tool.c
test-src  += components/nvram/test/test_nvram_tool.c
guest-bin += nvram
nvram-src := components/nvram/main.c
