lib-src  += $(addprefix sim/platform/secureboot/, \
	    authority.c breadcrumbs.c cert.c chain.c chain_checks.c chain_llb.c chain_rows.c \
	    chip.c install.c install_arm.c install_x86.c keys.c layout.c localpolicy.c \
	    localpolicy_file.c policy.c policy_files.c policy_json.c policy_read.c sep.c sep_sign.c ssv.c \
	    tree_files.c)
test-lib-src += sim/platform/secureboot/test/lab.c
test-src += sim/platform/secureboot/test/test_chain.c
test-src += sim/platform/secureboot/test/test_policy.c
test-src += sim/platform/secureboot/test/test_chip.c sim/platform/secureboot/test/test_ssv.c
fuzz-src += sim/platform/secureboot/test/fuzz_secureboot.c
