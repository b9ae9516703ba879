lib-src  += sim/formats/gpt/gpt.c
test-src += sim/formats/gpt/test/test_gpt.c
