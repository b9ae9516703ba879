/* SPDX-License-Identifier: MIT */
/* csrutil(8) on a folder that stands for /dev/xnu. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "components/csrutil/csrutil.h"
#include "components/nvram/nvram_tool.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"

#define ENABLED  "System Integrity Protection status: enabled.\n"
#define DISABLED "System Integrity Protection status: disabled.\n"
#define RESTART  "Please restart the machine for the changes to take effect.\n"

static char csr[512], nvram[512];
static const struct csrutil_paths paths = {csr, nvram};
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
		CU_ASSERT_STRING_EQUAL(
		    buf_str(&err_out),
		    "csrutil: failed to modify system integrity configuration. This tool "
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
	buf_release(&out);
	buf_release(&err_out);
}

TEST_MAIN("csrutil", {"status of the running system", status_of_the_running_system},
	  {"Recovery changes the setting", recovery_changes_the_setting},
	  {"elsewhere it refuses", elsewhere_it_refuses}, {"bad usage", bad_usage})
