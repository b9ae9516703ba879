lib-src  += sim/formats/gpt/gpt.c
test-src += sim/formats/gpt/test/test_gpt.c
fuzz-src += sim/formats/gpt/test/fuzz_gpt.c
