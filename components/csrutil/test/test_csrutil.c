/* SPDX-License-Identifier: MIT */
/* csrutil(8) on a folder that stands for /dev/xnu. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "components/common/test/fake_kernel.h"
#include "components/common/test/volumes_fixture.h"
#include "components/csrutil/csrutil.h"
#include "components/nvram/nvram_tool.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/platform/secureboot/localpolicy.h"

#define ENABLED	 "System Integrity Protection status: enabled.\n"
#define DISABLED "System Integrity Protection status: disabled.\n"
#define RESTART	 "Please restart the machine for the changes to take effect.\n"

static char csr[512], nvram[512];
static struct csrutil_paths paths = {
	.csr_config = csr, .nvram_dir = nvram, .flags = 0x7ff};
static struct err e;
static struct buf out, err_out;

/* @effective: what the kernel allows, little-endian. */
static void start(const char *effective)
{
	snprintf(csr, sizeof(csr), "%s/csr", test_tmpdir());
	snprintf(nvram, sizeof(nvram), "%s/nvram", test_tmpdir());
	ASSERT_OK(fsio_remove_tree(nvram, &e), &e);
	ASSERT_OK(fsio_mkdirs(nvram, 0755, &e), &e);
	ASSERT_OK(fsio_write_atomic(csr, effective, 4, 0644, &e), &e);
}

static void run(int want_status, const char *command)
{
	char words[256], *argv[16], *save = NULL;
	int argc = 0, status = -1;

	snprintf(words, sizeof(words), "%s", command);
	for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	buf_clear(&out);
	buf_clear(&err_out);
	ASSERT_OK(csrutil_run(&paths, argc, argv, &out, &err_out, &status, &e), &e);
	CU_ASSERT_EQUAL(status, want_status);
}

static void says(const char *text)
{
	CU_ASSERT_STRING_EQUAL(buf_str(&out), text);
}

static void setting_is(const char *shown)
{
	struct buf b = BUF_INIT;

	ASSERT_OK(nvram_tool_get(nvram, "csr-active-config", &b, &e), &e);
	CU_ASSERT_STRING_EQUAL(buf_str(&b), shown);
	buf_release(&b);
}

static void status_of_the_running_system(void)
{
	start("\0\0\0");
	run(0, "status");
	says(ENABLED);
	start("\x6f\0\0"); /* 0x77 in NVRAM, after booter and kernel */
	run(0, "status");
	says(DISABLED);
	start("\x02\0\0");
	run(0, "status");
	says("System Integrity Protection status: enabled (Custom Configuration).\n\n"
	     "Configuration:\n\tApple Internal: disabled\n\tKext Signing: enabled\n"
	     "\tFilesystem Protections: disabled\n\tDebugging Restrictions: enabled\n"
	     "\tDTrace Restrictions: enabled\n\tNVRAM Protections: enabled\n"
	     "\tBaseSystem Verification: enabled\n\n"
	     "This is an unsupported configuration, likely to break in the future and "
	     "leave "
	     "your machine in an unknown state.\n");
	/* Bits without a line of their own do not make a configuration. */
	start("\x88\x02\0");
	run(0, "status");
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&out), "enabled."));
}

static void recovery_changes_the_setting(void)
{
	start("\xff\x06\0");
	run(0, "disable");
	says("Successfully disabled System Integrity Protection. " RESTART);
	setting_is("csr-active-config\tw%00%00%00\n");
	run(0, "status");
	says(DISABLED);
	run(0, "enable");
	says("Successfully enabled System Integrity Protection. " RESTART);
	setting_is("csr-active-config\t%00%00%00%00\n");
	run(0, "status");
	says(ENABLED);
	run(0, "enable --without fs --without nvram");
	setting_is("csr-active-config\tB%00%00%00\n");
	run(0, "clear");
	run(0, "clear");
	ASSERT_FAILS(nvram_tool_get(nvram, "csr-active-config", &out, &e), E_NOTFOUND);
	run(0, "status");
	says(ENABLED);
}

static void elsewhere_it_refuses(void)
{
	static const char *const verbs[] = {"disable", "enable", "clear"};
	struct buf b = BUF_INIT;

	start("\x6f\0\0");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		run(EXIT_FAILURE, verbs[i]);
		says("");
		CU_ASSERT_STRING_EQUAL(buf_str(&err_out),
				       "csrutil: failed to modify system integrity "
				       "configuration. This tool "
				       "needs to be executed from the Recovery OS.\n");
	}
	ASSERT_FAILS(nvram_tool_get(nvram, "csr-active-config", &b, &e), E_NOTFOUND);
	buf_release(&b);
}

static void bad_usage(void)
{
	static const char *const lines[] = {"",
					    "frobnicate",
					    "disable now",
					    "enable --without",
					    "enable --without sandbox",
					    "enable fs"};

	start("\xff\x06\0");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		run(EXIT_FAILURE, lines[i]);
		CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&err_out), "usage: csrutil"));
	}
}

/* macOS 11 on an Intel Mac. */
static void the_authenticated_root_in_nvram(void)
{
	paths.flags = 0xfff;
	start("\xff\x0e\0");
	run(0, "authenticated-root status");
	says("Authenticated Root status: enabled\n");
	run(0, "authenticated-root disable");
	says("Successfully disabled Authenticated Root. " RESTART);
	setting_is("csr-active-config\t%00%08%00%00\n");
	run(0, "authenticated-root status");
	says("Authenticated Root status: disabled\n");
	/* SIP is a setting of its own, in the same variable. */
	run(0, "disable");
	setting_is("csr-active-config\t%7f%08%00%00\n");
	run(0, "authenticated-root enable");
	setting_is("csr-active-config\t%7f%00%00%00\n");
	run(EXIT_FAILURE, "authenticated-root maybe");
	start("\x00\x08\0");
	run(0, "authenticated-root status");
	says("Authenticated Root status: disabled\n");
	run(EXIT_FAILURE, "authenticated-root enable");
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&err_out), "from the Recovery OS"));
	start("\x02\x08\0");
	run(0, "status");
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&out),
				      "\tKernel Integrity Protections: enabled\n"
				      "\tAuthenticated Root Requirement: disabled\n"));
	paths.flags = 0x7ff;
	run(EXIT_FAILURE, "authenticated-root status"); /* Catalina has none */
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&err_out), "usage: csrutil"));
}

/* ---- Apple silicon ---- */

static struct {
	struct fake_kernel kernel;
	int environment, update_errno, sep;
	const char *policy; /* JSON of the fields */
	const char *const *answers;
	char volumes[512];
} mac;

static json_t *answer(void *ctx, const char *op, const json_t *req)
{
	(void)ctx;
	(void)req;
	if (!strcmp(op, "policy"))
		return json_pack("{s:i,s:i,s:b,s:o}", "errno", 0, "environment",
				 mac.environment, "paired", 1, "policy",
				 json_loads(mac.policy, 0, NULL));
	return json_pack("{s:i,s:i}", "errno", mac.update_errno, "sep", mac.sep);
}

static bool ask(void *ctx, const char *question, char *to, size_t size)
{
	(void)ctx;
	ASSERT_OK(buf_printf(&out, &e, "%s\n", question), &e);
	if (!mac.answers || !*mac.answers)
		return false;
	snprintf(to, size, "%s", *mac.answers++);
	return true;
}

static void on_apple_silicon(bool filevault, int want_status, const char *command)
{
	const struct volume_row system = {
		.device = "disk3s1",
		.name = "Macintosh HD",
		.role = "System",
		.group = "G",
		.read_only = true,
		.filevault = filevault,
	};

	volumes_write(&system, 1, mac.volumes, sizeof(mac.volumes));
	mac.kernel = (struct fake_kernel){.answer = answer};
	fake_kernel_start(&mac.kernel);
	paths = (struct csrutil_paths){.csr_config = csr,
				       .nvram_dir = nvram,
				       .kernel = mac.kernel.socket,
				       .volumes = mac.volumes,
				       .apple_silicon = true,
				       .flags = 0xfff,
				       .ask = ask};
	run(want_status, command);
	fake_kernel_stop(&mac.kernel);
}

static bool asked(const char *text)
{
	bool found = strstr(buf_str(&mac.kernel.asked), text) != NULL;

	fake_kernel_release(&mac.kernel);
	return found;
}

static void the_policy_is_changed_by_its_owner(void)
{
	static const char *const yes[] = {"y", "anna", "secret", NULL};
	static const char *const no[] = {"n", NULL};

	start("\x82\0\0"); /* what Recovery allows */
	mac.environment = SEP_1TR;
	mac.policy = "{\"lobo\":\"true\"}";
	mac.answers = yes;
	on_apple_silicon(false, 0, "disable");
	CU_ASSERT_PTR_NOT_NULL(strstr(
		buf_str(&out), "any kernel extensions for OS \"Macintosh HD\"? [y/n]: "));
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&out),
				      "System Integrity Protection is off.\nRestart the "
				      "machine for the changes to take effect.\n"));
	CU_ASSERT_TRUE(asked("\"level\":\"Permissive\",\"op\":\"policy_update\","
			     "\"password\":\"secret\",\"set\":{\"sip0\":127,\"sip1\":"
			     "null},\"user\":\"anna\""));
	mac.answers = no;
	on_apple_silicon(false, 1, "disable");
	CU_ASSERT_FALSE(asked("policy_update"));
	/* What is Permissive already is not made anew. */
	mac.policy = "{\"smb0\":\"true\",\"smb1\":\"true\",\"sip0\":\"0x7F\"}";
	mac.answers = yes;
	on_apple_silicon(false, 0, "authenticated-root disable");
	CU_ASSERT_TRUE(asked("\"op\":\"policy_update\",\"password\":\"secret\",\"set\":{"
			     "\"sip0\":127,\"sip1\":true}"));
	mac.answers = NULL;
	on_apple_silicon(false, 0, "enable");
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&out), "Protection is on."));
	CU_ASSERT_TRUE(asked("\"set\":{\"sip0\":null,\"sip1\":null}"));
	on_apple_silicon(false, 0, "status");
	says(DISABLED);
	fake_kernel_release(&mac.kernel);
}

static void what_a_policy_does_not_take(void)
{
	static const char *const yes[] = {"y", "anna", "secret", NULL};

	start("\x82\0\0");
	mac.environment = SEP_MACOS;
	mac.policy = "{}";
	on_apple_silicon(false, 1, "disable");
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&err_out), "from the Recovery OS"));
	CU_ASSERT_FALSE(asked("policy_update"));
	mac.environment = SEP_1TR;
	mac.answers = yes;
	on_apple_silicon(true, 1, "authenticated-root disable");
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&err_out), "FileVault"));
	CU_ASSERT_FALSE(asked("policy_update"));
	mac.update_errno = 1; /* EPERM */
	mac.sep = 17;
	mac.answers = yes;
	on_apple_silicon(false, 1, "disable");
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&err_out), "pairing (17)"));
	fake_kernel_release(&mac.kernel);
	mac.update_errno = 13; /* EACCES */
	mac.sep = 0;
	mac.answers = yes;
	on_apple_silicon(false, 1, "disable");
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&err_out), "authenticate"));
	fake_kernel_release(&mac.kernel);
	buf_release(&out);
	buf_release(&err_out);
}

TEST_MAIN("csrutil", {"status of the running system", status_of_the_running_system},
	  {"Recovery changes the setting", recovery_changes_the_setting},
	  {"elsewhere it refuses", elsewhere_it_refuses}, {"bad usage", bad_usage},
	  {"the authenticated root in NVRAM", the_authenticated_root_in_nvram},
	  {"the policy is changed by its owner", the_policy_is_changed_by_its_owner},
	  {"what a policy does not take", what_a_policy_does_not_take})
