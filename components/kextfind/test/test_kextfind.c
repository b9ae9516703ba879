/* SPDX-License-Identifier: MIT */
/* Queries over the fixtures and System.kext. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "components/kextfind/kextfind.h"
#include "components/kextcache/test/kextcache_fixture.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/platform/paths.h"

#define LOADED                                                                             \
	"<plist version=\"1.0\"><array><dict><key>CFBundleIdentifier</key><string>com."    \
	"example.lib</string></dict><true/></array></plist>"

/* What is found, as names joined by spaces; "?" and the status for an error. */
static const char *find(const char *line)
{
	static char found[4096], text[1024];
	const struct kextfind_world w = {root, loaded};
	struct buf out = BUF_INIT, err_out = BUF_INIT;
	struct err e = ERR_INIT;
	char *argv[64] = {(char[]){"kextfind"}, (char[]){"-no-paths"}}, *rest = NULL;
	int argc = 2, status = -1;

	snprintf(text, sizeof(text), "%s", line);
	for (char *s = strtok_r(text, " ", &rest); s; s = strtok_r(NULL, " ", &rest))
		argv[argc++] = s;
	ASSERT_OK(kextfind_run(&w, argc, argv, &out, &err_out, &status, &e), &e);
	snprintf(found, sizeof(found), "%s", buf_str(&out));
	for (char *c = found; *c; c++)
		if (*c == '\n')
			*c = c[1] ? ' ' : '\0';
	if (status)
		snprintf(found, sizeof(found), "?%d %s", status, buf_str(&err_out));
	buf_release(&out);
	buf_release(&err_out);
	return found;
}

static bool start(void)
{
	struct err e = ERR_INIT;

	if (!volume())
		return false;
	install("ExampleLib-1.0", "ExampleLib");
	install("ExampleHelper-1.0", "ExampleHelper");
	install("ExampleClient-2.0", "ExampleClient");
	install("ExampleCodeless-1.0", "ExampleCodeless");
	CU_ASSERT_EQUAL(test_shell("chmod o+w '%s'",
				   at("/Library/Extensions/ExampleHelper.kext")),
			0);
	ASSERT_OK(fsio_write_atomic(loaded, LOADED, sizeof(LOADED) - 1, 0644, &e), &e);
	return true;
}

static void predicates(void)
{
	static const struct {
		const char *query, *found;
	} rows[] = {
		{"-b com.example.lib", "ExampleLib.kext"},
		{"-b -i COM.EXAMPLE.LIB", "ExampleLib.kext"},
		{"-b COM.EXAMPLE.LIB", ""},
		{"-bundle-id -s example.", "ExampleClient.kext ExampleCodeless.kext "
					   "ExampleFilter.kext ExampleHelper.kext "
					   "ExampleLib.kext"},
		{"-i -s -B codeless", "ExampleCodeless.kext"},
		{"-loaded", "ExampleLib.kext"},
		{"-lib -not -plugin -b -s example", "ExampleLib.kext"},
		{"-nx -b -s example", "ExampleCodeless.kext"},
		{"-p OSBundleRequired Root -b -s example -x -version ge2.0",
		 "ExampleClient.kext"},
		{"-root -b -s example -x -version ge2.0", "ExampleClient.kext"},
		{"-L -b -s example -x -version ge2.0", ""},
		{"-me IOMatchCategory", "ExampleCodeless.kext"},
		{"-m IOProviderClass IOMedia", "ExampleCodeless.kext"},
		{"-nd", "ExampleClient.kext"},
		{"-na -b -s example", "ExampleHelper.kext"},
		{"-dsym _example_lib_register", "ExampleLib.kext"},
		{"-rsym _example_lib_register", "ExampleClient.kext ExampleHelper.kext"},
		{"-b com.example.lib -or -b com.example.client",
		 "ExampleClient.kext ExampleLib.kext"},
		{"( -b com.example.lib -or -b com.example.client ) -and ! -d",
		 "ExampleClient.kext"},
		{"-has-plugins", "System.kext"},
		{"-compatible-with-version 8.0.0b1 -b com.apple.kpi.bsd", "BSDKernel.kext"},
		{"-w -b -s example", "ExampleCodeless.kext"},
	};

	if (!start())
		return;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *found = find(rows[i].query);

		if (strcmp(found, rows[i].found))
			printf("# %s: %s\n", rows[i].query, found);
		CU_ASSERT_STRING_EQUAL(found, rows[i].found);
	}
}

static void bad_queries(void)
{
	char deep[1024] = "";

	if (!start())
		return;
	CU_ASSERT_STRING_EQUAL(find("-zonk"), "?64 kextfind: unknown query element '-zonk'\n");
	CU_ASSERT_STRING_EQUAL(find("-b"), "?64 kextfind: argument missing behind -b\n");
	CU_ASSERT_STRING_EQUAL(find("-loaded -or"), "?64 kextfind: the query ends too early\n");
	CU_ASSERT_STRING_EQUAL(find("( -loaded"), "?64 kextfind: ')' is missing\n");
	CU_ASSERT_STRING_EQUAL(find("-loaded )"), "?64 kextfind: unexpected ')'\n");
	for (int i = 0; i < 60; i++)
		strcat(deep, "! ");
	strcat(deep, "-lib");
	CU_ASSERT_NOT_EQUAL(find(deep)[0], '?');
}

TEST_MAIN("kextfind", {"predicates", predicates}, {"bad queries", bad_queries})
