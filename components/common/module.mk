lib-src  += $(patsubst %,components/common/%.c,ask boot_args csr_setting digit_pairs kernel_call loaded_kexts log log_option \
	    mac_errors os_return packet policy_client spawn this_release tool_end trusted_path \
	    unified_log volume_list)
test-src += components/common/test/test_common.c
test-lib-src += components/common/test/fake_kernel.c components/common/test/mac_folder.c \
		components/common/test/volumes_fixture.c
