/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "sim/base/test.h"
#include "sim/platform/csr.h"
#include "sim/platform/kernel_banner.h"
#include "sim/platform/machine.h"
#include "sim/platform/release.h"

static void rows_are_found_and_in_order(void)
{
	for (size_t i = 0; release_at(i); i++) {
		const struct release *r = release_at(i);

		CU_ASSERT_PTR_EQUAL(release_by_name(r->name), r);
		CU_ASSERT_PTR_EQUAL(release_by_build(r->build), r);
		CU_ASSERT(i == 0 || release_at(i - 1)->date < r->date);
	}
}

/* What follows from being sealed, so that nobody asks for a NULL. */
static void rows_are_complete(void)
{
	for (size_t i = 0; release_at(i); i++) {
		const struct release *r = release_at(i);
		bool kc = r->kernel_collections;

		CU_ASSERT_EQUAL(r->sealed_system, kc);
		CU_ASSERT_EQUAL(r->snapshot_root, kc);
		CU_ASSERT_EQUAL(!r->staged_kernel, kc);
		CU_ASSERT_EQUAL(r->iboot && r->kernelmanagement && r->corecrypto, kc);
		CU_ASSERT_EQUAL(r->apfs.version && r->apfs.date, kc);
		CU_ASSERT_EQUAL(r->image4.version && r->image4.source, kc);
		CU_ASSERT_EQUAL(csr_allows(r->csr_flags, CSR_ALLOW_UNAUTHENTICATED_ROOT),
				kc);
		CU_ASSERT_EQUAL(r->rosp.file_error != 0, r->staged_kernel);
	}
}

/* Each kernel that a machine can be started with has a date of its own. */
static void every_pair_has_a_banner(void)
{
	char out[RELEASE_BANNER_MAX];
	unsigned pairs = 0;

	for (size_t i = 0; release_at(i); i++)
		for (size_t j = 0; machine_at(j); j++) {
			const struct release *r = release_at(i);

			if (!machine_runs(machine_at(j), r))
				continue;
			pairs++;
			release_kernel_banner(r, machine_at(j), out);
			CU_ASSERT_PTR_NOT_NULL(strstr(out, machine_at(j)->kernel));
			CU_ASSERT_EQUAL(strstr(out, " GMT ") == NULL,
					r->kernel_collections);
		}
	CU_ASSERT_EQUAL(pairs, 4 * 2 + 2 * 3 + 2 * 5);
}

static void banners_are_those_of_the_logs(void)
{
	const struct release *r = release_by_name("12.1");
	char out[RELEASE_BANNER_MAX];

	release_kernel_banner(r, machine_by_name("m1-max"), out);
	CU_ASSERT_STRING_EQUAL(
		out, "Darwin Kernel Version 21.2.0: Sun Nov 28 20:28:41 PST 2021; "
		     "root:xnu-8019.61.5~1/RELEASE_ARM64_T6000");
	release_kernel_banner(release_by_name("11.0.1"), machine_by_name("t2"), out);
	CU_ASSERT_STRING_EQUAL(
		out, "Darwin Kernel Version 20.1.0: Sat Oct 31 00:07:11 PDT 2020; "
		     "root:xnu-7195.50.7~2/RELEASE_X86_64");
	release_image4_banner(release_by_name("12.0.1"), machine_by_name("m1"), out);
	CU_ASSERT_STRING_EQUAL(
		out,
		"Darwin Image4 Validator Version 4.1.0: Thu Oct 14 00:45:51 PDT 2021; "
		"root:AppleImage4-157.40.10~248/AppleImage4/RELEASE_ARM64E");
	release_apfs_banner(r, out);
	CU_ASSERT_STRING_EQUAL(
		out,
		"com.apple.filesystems.apfs, v1933.61.1, apfs-1933.61.1, 2021/11/30");
}

static void a_banner_tells_the_release(void)
{
	static const struct {
		const char *text, *darwin, *xnu; /* darwin NULL: no banner */
		const char *release;		 /* NULL: none */
	} rows[] = {
		{"Darwin Kernel Version 19.0.0: Wed Sep 25 20:18:50 PDT 2019; "
		 "root:xnu-6153.11.26~2/RELEASE_X86_64",
		 "19.0.0", "6153.11.26", "10.15.0"},
		{"Darwin Kernel Version 19.6.0: Thu Jun 18 20:49:00 PDT 2020; "
		 "root:xnu-6153.141.1~1/RELEASE_X86_64",
		 "19.6.0", "6153.141.1", NULL},
		{"Darwin Kernel Version 20.1.0: Sat Oct 31 00:07:11 PDT 2020; "
		 "root:xnu-7195.50.7~2/RELEASE_X86_64",
		 "20.1.0", "7195.50.7", "11.0.1"},
		/* The beginning of another's number is not that number. */
		{"Darwin Kernel Version 19.0.0: x; root:xnu-6153.11.2/R", "19.0.0",
		 "6153.11.2", NULL},
		{"Darwin Kernel Version : x; root:xnu-6153.11.26/R", NULL, NULL, NULL},
		{"Darwin Kernel Version 19.0.0: x; root:xnu-debug/R", NULL, NULL, NULL},
		{"Darwin Kernel Version 19.0.0", NULL, NULL, NULL},
		{"", NULL, NULL, NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kernel_banner b;
		const struct release *r;

		CU_ASSERT_EQUAL(kernel_banner_parse(rows[i].text, &b),
				rows[i].darwin != NULL);
		if (!rows[i].darwin)
			continue;
		CU_ASSERT_STRING_EQUAL(b.darwin, rows[i].darwin);
		CU_ASSERT_STRING_EQUAL(b.xnu, rows[i].xnu);
		r = kernel_banner_release(&b);
		CU_ASSERT_STRING_EQUAL(r ? r->name : "", rows[i].release ? rows[i].release : "");
		CU_ASSERT_EQUAL(kernel_banner_is_near(&b, release_by_name("10.15.1")),
				!strncmp(b.darwin, "19.", 3));
	}
}

/* What we make ourselves has to be known again. */
static void our_banners_are_read(void)
{
	char out[RELEASE_BANNER_MAX];
	struct kernel_banner b;

	for (size_t i = 0; release_at(i); i++) {
		release_kernel_banner(release_at(i), machine_by_name("intel"), out);
		CU_ASSERT_TRUE(kernel_banner_parse(out, &b));
		CU_ASSERT_TRUE(kernel_banner_is_of(&b, release_at(i)));
	}
}

static void love_is_the_build_in_numbers(void)
{
	char out[RELEASE_BANNER_MAX];

	release_love(release_by_name("12.0.1"), out);
	CU_ASSERT_STRING_EQUAL(out, "21.1.559.0.0,0");
	release_love(release_by_name("12.1"), out);
	CU_ASSERT_STRING_EQUAL(out, "21.3.52.0.0,0");
}

TEST_MAIN("release", {"rows are found and in order", rows_are_found_and_in_order},
	  {"rows are complete", rows_are_complete},
	  {"every pair of release and machine has a banner", every_pair_has_a_banner},
	  {"banners are those of the logs", banners_are_those_of_the_logs},
	  {"a banner tells the release", a_banner_tells_the_release},
	  {"our banners are read", our_banners_are_read},
	  {"love is the build in numbers", love_is_the_build_in_numbers})
