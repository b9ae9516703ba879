/* SPDX-License-Identifier: MIT */
/* csr semantics (xnu bsd/kern/kern_csr.c) and the waits that a scenario scales. */
#include <stdio.h>
#include <string.h>

#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/platform/csr.h"
#include "sim/platform/waits.h"

static uint32_t effective_of(uint32_t valid, const char *bytes, size_t len, bool recovery)
{
	struct csr_boot b;

	csr_boot_init(&b, valid, bytes, len, recovery);
	return csr_effective(&b);
}

static uint32_t effective(const char *bytes, size_t len, bool recovery)
{
	return effective_of(CSR_VALID_FLAGS, bytes, len, recovery);
}

static void absent_means_all_on(void)
{
	CU_ASSERT_EQUAL(effective(NULL, 0, false), 0);
	CU_ASSERT_EQUAL(effective("w", 1, false), 0);
	CU_ASSERT_EQUAL(effective("\x77\0\0\0\0", 5, false), 0);
}

static void booter_strips_apple_internal(void)
{
	/* 0x77 becomes 0x67; an untrusted kext implies the kernel debugger. */
	CU_ASSERT_EQUAL(effective("\x77\0\0\0", 4, false),
			0x67u | CSR_ALLOW_KERNEL_DEBUGGER);
	CU_ASSERT_EQUAL(effective("\x10\0\0\0", 4, false), 0);
}

static void unknown_bits_are_masked(void)
{
	CU_ASSERT_EQUAL(effective("\x02\xf8\xff\xff", 4, false),
			CSR_ALLOW_UNRESTRICTED_FS);
}

static void eleven_knows_the_authenticated_root(void)
{
	uint32_t valid = CSR_VALID_FLAGS | CSR_ALLOW_UNAUTHENTICATED_ROOT;

	CU_ASSERT_EQUAL(effective("\x00\x08\0\0", 4, false), 0);
	CU_ASSERT_EQUAL(effective_of(valid, "\x00\x08\0\0", 4, false),
			CSR_ALLOW_UNAUTHENTICATED_ROOT);
	CU_ASSERT(csr_allows(effective_of(valid, NULL, 0, true),
			     CSR_ALLOW_UNAUTHENTICATED_ROOT));
}

static uint32_t of_policy(uint64_t sip0, bool sip1, bool recovery)
{
	struct csr_boot b;

	csr_boot_init_policy(&b, CSR_VALID_FLAGS | CSR_ALLOW_UNAUTHENTICATED_ROOT, sip0,
			     sip1, recovery);
	return csr_effective(&b);
}

/* The root is authenticated or not by sip1, whatever the flags in sip0 say. */
static void local_policy_says_it_in_two_fields(void)
{
	CU_ASSERT_EQUAL(of_policy(0, false, false), 0);
	CU_ASSERT_EQUAL(of_policy(0x77, false, false), 0x6fu);
	CU_ASSERT_EQUAL(of_policy(CSR_ALLOW_UNAUTHENTICATED_ROOT, false, false), 0);
	CU_ASSERT_EQUAL(of_policy(0, true, false), CSR_ALLOW_UNAUTHENTICATED_ROOT);
	CU_ASSERT_EQUAL(of_policy(0, false, true),
			CSR_ALLOW_UNRESTRICTED_FS | CSR_ALLOW_DEVICE_CONFIGURATION);
}

static void device_configuration_is_the_booters_word(void)
{
	uint32_t normal = effective("\xff\x07\0\0", 4, false);
	uint32_t recovery = effective(NULL, 0, true);

	CU_ASSERT_FALSE(csr_allows(normal, CSR_ALLOW_DEVICE_CONFIGURATION));
	CU_ASSERT_TRUE(csr_allows(recovery, CSR_ALLOW_DEVICE_CONFIGURATION));
}

static void recovery_allows_all_but_what_is_always_enforced(void)
{
	uint32_t m = effective(NULL, 0, true);

	CU_ASSERT_TRUE(
	    csr_allows(m, CSR_ALLOW_UNRESTRICTED_FS | CSR_ALLOW_UNTRUSTED_KEXTS |
			      CSR_ALLOW_UNRESTRICTED_NVRAM | CSR_ALLOW_APPLE_INTERNAL));
	CU_ASSERT_FALSE(csr_allows(m, CSR_ALLOW_ANY_RECOVERY_OS));
	CU_ASSERT_TRUE(
	    csr_allows(effective("\0\1\0\0", 4, true), CSR_ALLOW_ANY_RECOVERY_OS));
}

static const char *file_with(const char *name, const char *text, size_t len)
{
	static char path[512];
	struct err e = ERR_INIT;

	snprintf(path, sizeof(path), "%s/%s", test_tmpdir(), name);
	ASSERT_OK(fsio_write_atomic(path, text, len, 0644, &e), &e);
	return path;
}

static void reads_the_kernels_mask(void)
{
	struct err e = ERR_INIT;
	uint32_t m = 0;

	ASSERT_OK(csr_read(file_with("csr", "\x67\0\0\0", 4), &m, &e), &e);
	CU_ASSERT_EQUAL(m, 0x67);
	ASSERT_FAILS(csr_read(file_with("csr", "\x67", 1), &m, &e), E_CORRUPT);
	ASSERT_FAILS(csr_read("/nonexistent/csr", &m, &e), E_NOTFOUND);
}

static void waits_scale(void)
{
	struct err e = ERR_INIT;
	struct waits w;

	ASSERT_OK(waits_read(&w, "/nonexistent/factor", &e), &e);
	CU_ASSERT_EQUAL(waits_ns(&w, WAIT_KEXTD_AUTO_UPDATE_DELAY), 300000000000);
	ASSERT_OK(waits_read(&w, file_with("f", "0.01\n", 5), &e), &e);
	CU_ASSERT_EQUAL(waits_ns(&w, WAIT_KEXTD_SETTLE), 50000000);
	ASSERT_OK(waits_read(&w, file_with("f", "0", 1), &e), &e);
	CU_ASSERT_EQUAL(waits_ns(&w, WAIT_KEXTD_SETTLE), 0);
}

static void waits_refuse_what_is_no_number(void)
{
	static const char *const bad[] = {"", "x", "-1", "1e3", "0x1", "inf", "1001", ".",
					  "1 ", "1\n\n", "1.0000000000000"};
	struct err e = ERR_INIT;
	struct waits w;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ASSERT_FAILS(waits_read(&w, file_with("f", bad[i], strlen(bad[i])), &e),
			     E_CORRUPT);
}

TEST_MAIN("csr", {"absent setting means all protections on", absent_means_all_on},
	  {"the booter strips Apple Internal", booter_strips_apple_internal},
	  {"unknown bits are masked", unknown_bits_are_masked},
	  {"release 11 knows the authenticated root",
	   eleven_knows_the_authenticated_root},
	  {"a LocalPolicy says it in two fields", local_policy_says_it_in_two_fields},
	  {"device configuration is the booter's word",
	   device_configuration_is_the_booters_word},
	  {"Recovery allows all but what is always enforced",
	   recovery_allows_all_but_what_is_always_enforced},
	  {"reads the kernel's mask", reads_the_kernels_mask},
	  {"waits are scaled by one factor", waits_scale},
	  {"a factor that is no number is refused", waits_refuse_what_is_no_number})
