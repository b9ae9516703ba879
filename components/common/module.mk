lib-src  += components/common/boot_args.c components/common/digit_pairs.c components/common/kernel_call.c components/common/log.c components/common/packet.c components/common/policy_client.c \
	    components/common/spawn.c components/common/this_release.c \
	    components/common/unified_log.c components/common/volume_list.c
test-src += components/common/test/test_common.c
test-lib-src += components/common/test/fake_kernel.c
