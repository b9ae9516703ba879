host-src  += harness/arena.c harness/ydoc.c harness/schema.c harness/match.c \
	     harness/expect.c harness/step.c harness/scenario.c \
	     harness/plan.c harness/plan_bundle.c harness/plan_system.c harness/plan_show.c \
	     harness/macfs.c harness/live_files.c harness/evidence.c harness/boot_story.c harness/result.c \
	     harness/kernel_info.c harness/kernel_place.c harness/engine.c harness/engine_power.c harness/system_log.c \
	     harness/step_files.c harness/step_seal.c harness/step_wait.c harness/step_allow.c harness/lab_program.c harness/log_wait.c harness/kext_check.c harness/judges.c \
	     harness/expect_judge.c harness/expect_seal.c harness/expect_files.c harness/expect_console.c \
	     harness/subprocess.c harness/disk_files.c harness/disk_seal.c harness/machine_vm.c \
	     harness/report_json.c harness/result_json.c harness/pool.c harness/report_xml.c harness/report_text.c harness/run.c \
	     harness/language.c

test-lib-src += harness/test/fake.c harness/test/engine_world.c
test-src  += harness/test/test_scenario.c harness/test/test_engine.c harness/test/test_log_wait.c harness/test/test_engine_seal.c \
	     harness/test/test_report.c harness/test/test_pool.c harness/test/test_run.c \
	     harness/test/test_cli.c harness/test/test_kext_check.c harness/test/test_cmd_seal.c harness/test/test_cmd_kernel.c harness/test/test_image_mount.c
fuzz-src  += harness/test/fuzz_scenario.c

# Handed to the guest by the steps `wait` and `allow_kext`; no programs of the Mac.
guest-bin += kextwait allowclick logwait
kextwait-src := harness/guest/kextwait.c
allowclick-src := harness/guest/allowclick.c
logwait-src := harness/guest/logwait.c harness/log_wait.c harness/match.c

host-bin    += build/kextlab
kextlab-src := harness/kextlab.c harness/ui.c harness/select.c harness/cmd_run.c harness/cmd_run_jobs.c \
	       harness/cmd_scenarios.c harness/cmd_image.c harness/cmd_image_mount.c harness/cmd_doctor.c \
	       harness/cmd_seal.c harness/cmd_seal_show.c harness/cmd_seal_verify.c \
	       harness/cmd_seal_explain.c harness/cmd_seal_make.c harness/cmd_seal_change.c harness/new_file.c \
	       harness/cmd_kext.c harness/cmd_kext_check.c harness/cmd_kext_sign.c harness/cmd_kext_signature.c harness/cmd_kext_identities.c \
	       harness/actions.c harness/cmd_kernel.c harness/cmd_kernel_show.c \
	       harness/cmd_kernel_build.c harness/cmd_kernel_diff.c harness/cmd_kernel_extract.c
