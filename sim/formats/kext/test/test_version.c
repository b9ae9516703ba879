/* SPDX-License-Identifier: MIT */
/* The table was made by running xnu-6153's OSKextVersion.c. */
#include <stdio.h>

#include "sim/base/test.h"
#include "sim/formats/kext/version.h"

static const struct {
	const char *in;
	int64_t value;
	const char *out;
} truth[] = {
	{"1", 1000000009000, "1.0"},
	{"1.0.0", 1000000009000, "1.0"},
	{"01.002.0003", 1000200039000, "1.2.3"},
	{"0", 9000, "0.0"},
	{"9999.9999.9999", 9999999999999000, "9999.9999.9999"},
	{"10000", -1, "(invalid)"},
	{"1.10000", -1, "(invalid)"},
	{"1.2.10000", -1, "(invalid)"},
	{"1.", 1000000009000, "1.0"},
	{"1.2.", 1000200009000, "1.2"},
	{"1.2.3.", -1, "(invalid)"},
	{"1.2.3456.", 1000234569000, "1.2.3456"},
	{"1.2.3456.d5", 1000234561005, "1.2.3456d5"},
	{"1.2.3456.7", -1, "(invalid)"},
	{"1..2", 1000000029000, "1.0.2"},
	{"..1", -1, "(invalid)"},
	{".1", -1, "(invalid)"},
	{"", -1, "(invalid)"},
	{" 1", -1, "(invalid)"},
	{"1 junk", 1000000009000, "1.0"},
	{"1\n", 1000000009000, "1.0"},
	{"1.0 d1", 1000000009000, "1.0"},
	{"8.0.0b1", 8000000005001, "8.0b1"},
	{"19.0.0", 19000000009000, "19.0"},
	{"0.0.0d0", 1000, "0.0d0"},
	{"1d0", 1000000001000, "1.0d0"},
	{"1d255", 1000000001255, "1.0d255"},
	{"1d256", -1, "(invalid)"},
	{"1d0255", -1, "(invalid)"},
	{"1a1", 1000000003001, "1.0a1"},
	{"1b12", 1000000005012, "1.0b12"},
	{"1f1", 1000000007001, "1.0f1"},
	{"1fc1", 1000000007001, "1.0f1"},
	{"1f0", -1, "(invalid)"},
	{"1fc0", -1, "(invalid)"},
	{"1fc255", 1000000007255, "1.0f255"},
	{"1c1", -1, "(invalid)"},
	{"1F1", -1, "(invalid)"},
	{"1d", -1, "(invalid)"},
	{"1.d1", 1000000001001, "1.0d1"},
	{"1.2.d1", 1000200001001, "1.2d1"},
	{"1.0.0d1x", -1, "(invalid)"},
	{"1.0d1.2", -1, "(invalid)"},
	{"1.0.0d1 x", 1000000001001, "1.0d1"},
	{"1.2.3.4", -1, "(invalid)"},
	{"1.0-2", -1, "(invalid)"},
	{"+1", -1, "(invalid)"},
	{"-1", -1, "(invalid)"},
	{"1.0.0b1000", -1, "(invalid)"},
	{"8.0.0d0", 8000000001000, "8.0d0"},
	{"17.7.0fc10", 17000700007010, "17.7f10"},
	{"0.0.0d1", 1001, "0.0d1"},
};

static void truth_table(void)
{
	char out[KEXT_VERSION_MAX];

	for (size_t i = 0; i < sizeof(truth) / sizeof(truth[0]); i++) {
		int64_t got = kext_version_parse(truth[i].in);

		if (got != truth[i].value)
			printf("# '%s': %lld\n", truth[i].in, (long long)got);
		CU_ASSERT_EQUAL(got, truth[i].value);
		CU_ASSERT_EQUAL(kext_version_parse_user(truth[i].in), truth[i].value);
		CU_ASSERT_STRING_EQUAL(kext_version_render(got, out), truth[i].out);
	}
	CU_ASSERT_STRING_EQUAL(kext_version_render(0, out), "(missing)");
	CU_ASSERT_EQUAL(kext_version_parse(NULL), KEXT_VERSION_INVALID);
}

static void order_of_stages(void)
{
	static const char *const rising[] = {"1.0d1", "1.0a1", "1.0b1",
					     "1.0f1", "1.0",   "1.0.1d1"};

	for (size_t i = 1; i < sizeof(rising) / sizeof(rising[0]); i++)
		CU_ASSERT(kext_version_parse(rising[i - 1]) <
			  kext_version_parse(rising[i]));
}

static void programs_read_less(void)
{
	/* 19 characters fit into the buffer of 20, 20 do not; the kernel has no limit. */
	CU_ASSERT_EQUAL(kext_version_parse_user("1.0                "), 1000000009000);
	CU_ASSERT_EQUAL(kext_version_parse_user("1.0                 "), -1);
	CU_ASSERT_EQUAL(kext_version_parse("1.0                 "), 1000000009000);
	CU_ASSERT_EQUAL(kext_version_parse_user("1.0 \xc3\xa4"), -1);
	CU_ASSERT_EQUAL(kext_version_parse("1.0 \xc3\xa4"), 1000000009000);
}

static void longest_fits(void)
{
	char out[KEXT_VERSION_MAX];

	CU_ASSERT_STRING_EQUAL(
		kext_version_render(kext_version_parse("9999.9999.9999fc255"), out),
		"9999.9999.9999f255");
}

TEST_MAIN("kext version", {"truth table of OSKextVersion.c", truth_table},
	  {"order of stages", order_of_stages},
	  {"programs read less", programs_read_less}, {"longest fits", longest_fits})
