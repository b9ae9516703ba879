/* SPDX-License-Identifier: MIT */
/* What kextlibs says of the fixtures, with System.kext made of the tables. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "components/kextlibs/kextlibs.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/platform/kpi/kpi.h"

static char system_kext[PATH_MAX];
static struct buf out = BUF_INIT, err_out = BUF_INIT;

static bool start(void)
{
	struct err e = ERR_INIT;

	if (!fsio_exists(test_source("build/fixtures/ExampleClient-1.0.kext"))) {
		test_skip("needs build/fixtures");
		return false;
	}
	snprintf(system_kext, sizeof(system_kext), "%s/System.kext", test_tmpdir());
	ASSERT_OK(kpi_system_kext_write(release_by_name("10.15.0"), system_kext, &e), &e);
	return true;
}

static int run(const char *fixture, const char *library, struct kextlibs_options o)
{
	char kext[1024], lib[1024];
	struct err e = ERR_INIT;
	int status = EX_OK;

	buf_release(&out);
	buf_release(&err_out);
	snprintf(kext, sizeof(kext), "%s/%s.kext", test_source("build/fixtures"), fixture);
	snprintf(lib, sizeof(lib), "%s/%s.kext", test_source("build/fixtures"),
		 library ? library : "");
	o.kext = kext;
	o.folder[o.n_folders++] = system_kext;
	if (library)
		o.folder[o.n_folders++] = lib;
	ASSERT_OK(kextlibs_run(&o, &out, &err_out, &status, &e), &e);
	return status;
}

static void finds_libraries(void)
{
	if (!start())
		return;
	CU_ASSERT_EQUAL(run("ExampleHelper-1.0", "ExampleLib-1.0",
			    (struct kextlibs_options){.xml = true}),
			EX_OK);
	CU_ASSERT_STRING_EQUAL(buf_str(&out), "\t<key>OSBundleLibraries</key>\n\t<dict>\n"
					      "\t\t<key>com.apple.kpi.libkern</key>\n"
					      "\t\t<string>19.0.0</string>\n"
					      "\t\t<key>com.example.lib</key>\n"
					      "\t\t<string>1.0</string>\n\t</dict>\n");
	CU_ASSERT_STRING_EQUAL(buf_str(&err_out), "\n");
	CU_ASSERT_EQUAL(run("ExampleHelper-1.0", "ExampleLib-2.0",
			    (struct kextlibs_options){.compatible = true, .onedef = true}),
			EX_OK);
	CU_ASSERT_STRING_EQUAL(buf_str(&out), "    com.apple.kpi.libkern = 8.0.0d0\n"
					      "    com.example.lib = 2.0\n");
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&err_out),
				      "    _example_lib_register in com.example.lib "
				      "(compatible version 2.0)\n"));
	/* Only the KPI that have a symbol of it. */
	CU_ASSERT_EQUAL(run("ExampleFilter-2.0", NULL, (struct kextlibs_options){.xml = false}),
			EX_OK);
	CU_ASSERT_PTR_NULL(strstr(buf_str(&out), "com.apple.kpi.iokit"));
}

static void names_what_is_missing(void)
{
	if (!start())
		return;
	CU_ASSERT_EQUAL(run("ExampleHelper-1.0", NULL,
			    (struct kextlibs_options){.undef = true}),
			KEXTLIBS_UNDEFINED);
	CU_ASSERT_STRING_EQUAL(buf_str(&err_out),
			       "For all architectures:\n\nFor x86_64:\n"
			       "    4 symbols not found in any library kext:\n"
			       "\t_example_lib_banner\n\t_example_lib_register\n"
			       "\t_example_lib_unregister\n\t_example_lib_users\n\n");
	CU_ASSERT_EQUAL(run("ExampleUnresolved-1.0", NULL, (struct kextlibs_options){.xml = 0}),
			KEXTLIBS_UNDEFINED);
	CU_ASSERT_EQUAL(run("ExampleCodeless-1.0", NULL, (struct kextlibs_options){.xml = 0}),
			EX_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(buf_str(&err_out), "does not need to declare"));
	CU_ASSERT_EQUAL(run("ExampleTruncated-1.0", NULL, (struct kextlibs_options){.xml = 0}),
			EX_SOFTWARE);
	CU_ASSERT_EQUAL(run("None-1.0", NULL, (struct kextlibs_options){.xml = 0}),
			EX_SOFTWARE);
	buf_release(&out);
	buf_release(&err_out);
}

TEST_MAIN("kextlibs", {"finds libraries", finds_libraries},
	  {"names what is missing", names_what_is_missing})
