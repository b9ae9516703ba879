/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "sim/base/test.h"
#include "sim/platform/csr.h"
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
	  {"love is the build in numbers", love_is_the_build_in_numbers})
