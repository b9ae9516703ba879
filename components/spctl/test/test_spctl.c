/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "components/common/csr_setting.h"
#include "components/spctl/spctl.h"
#include "sim/base/bytes.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"

#define RECOVERY 0x67f /* everything but what is always enforced, and ... */
#define CONFIG	 0x80  /* the right to change the setting */
#define TEAM	 "ABCDE12345"

static char csr[512], nvram[512];

static void start(uint32_t config)
{
	uint8_t bytes[4];
	struct err e = ERR_INIT;

	snprintf(csr, sizeof(csr), "%s/csr", test_tmpdir());
	snprintf(nvram, sizeof(nvram), "%s/nvram", test_tmpdir());
	put_le32(bytes, config);
	ASSERT_OK(fsio_mkdirs(nvram, 0755, &e), &e);
	ASSERT_OK(fsio_write_atomic(csr, bytes, 4, 0644, &e), &e);
}

/* Says what @line should, on either output. */
static void expect(const char *line, int want, const char *said)
{
	const struct spctl_paths p = {csr, nvram};
	struct buf out = BUF_INIT, err_out = BUF_INIT;
	struct err e = ERR_INIT;
	char text[256], *argv[8], *rest = NULL;
	int argc = 0, status = -1;

	snprintf(text, sizeof(text), "%s", line);
	for (char *w = strtok_r(text, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
		argv[argc++] = w;
	ASSERT_OK(spctl_run(&p, argc, argv, &out, &err_out, &status, &e), &e);
	CU_ASSERT_EQUAL(status, want);
	CU_ASSERT_STRING_EQUAL(buf_str(want ? &err_out : &out), said);
	buf_release(&out);
	buf_release(&err_out);
}

static void changes_in_recovery_only(void)
{
	uint32_t config;
	struct err e = ERR_INIT;

	start(RECOVERY | CONFIG);
	ASSERT_OK(csr_setting_change(nvram, 0xffff, 0x10, &e), &e);
	expect("kext-consent status", 0, "Kernel Extension User Consent: ENABLED\n");
	expect("kext-consent disable", 0,
	       "Kernel Extension User Consent: DISABLED\n"
	       "Please restart for changes to take effect.\n");
	expect("kext-consent status", 0, "Kernel Extension User Consent: DISABLED\n");
	ASSERT_OK(csr_setting_read(nvram, &config, &e), &e);
	CU_ASSERT_EQUAL(config, 0x210);
	expect("kext-consent add " TEAM, 0, "");
	expect("kext-consent add " TEAM, 1, "spctl: " TEAM " is in the list\n");
	expect("kext-consent list", 0, "Allowed Team Identifiers:\n" TEAM "\n");
	start(0x200);
	expect("kext-consent status", 0, "Kernel Extension User Consent: DISABLED\n");
	expect("kext-consent enable", 1, "spctl: failed to store new configuration.\n");
	expect("kext-consent remove " TEAM, 1, "spctl: failed to store new configuration.\n");
	expect("kext-consent list", 0, "Allowed Team Identifiers:\n" TEAM "\n");
	start(RECOVERY | CONFIG);
	expect("kext-consent remove " TEAM, 0, "");
	expect("kext-consent list", 0, "Allowed Team Identifiers:\n");
	expect("kext-consent add x", 1, "spctl: 'x' is no team identifier\n");
}

static void other_commands_are_refused(void)
{
	const struct spctl_paths p = {csr, nvram};
	struct buf out = BUF_INIT, err_out = BUF_INIT;
	struct err e = ERR_INIT;
	char *argv[] = {(char[]){"--assess"}, (char[]){"x"}};
	int status = 0;

	start(0);
	ASSERT_OK(spctl_run(&p, 2, argv, &out, &err_out, &status, &e), &e);
	CU_ASSERT_EQUAL(status, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&err_out), "remove <team-id>"));
	buf_release(&out);
	buf_release(&err_out);
}

TEST_MAIN("spctl", {"changes in Recovery only", changes_in_recovery_only},
	  {"other commands are refused", other_commands_are_refused})
