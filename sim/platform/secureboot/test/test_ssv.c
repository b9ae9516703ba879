/* SPDX-License-Identifier: MIT */
/* The decision about the root hash: every edge, and that it costs the same for all. */
#include <stdio.h>
#include <string.h>

#include "sim/base/clock.h"
#include "sim/base/test.h"
#include "sim/platform/csr.h"
#include "sim/platform/secureboot/ssv.h"

#define UUID "8E3B9A4C-0000-4000-8000-00000000C0DE"
#define NAME "com.apple.os.update-A4"

static uint8_t payload[ISYS_SIZE], on_disk[ISYS_HASH_LEN];

static const struct release_apfs *apfs_of(const char *release)
{
	const struct release *r = release_by_name(release);

	CU_ASSERT_PTR_NOT_NULL_FATAL(r);
	return &r->apfs;
}

/* An M1 whose snapshot is the one that was signed. */
static struct ssv_in good(void)
{
	struct isys isys = {.version = ISYS_VERSION, .hash_type = ISYS_HASH_TYPE};

	memset(on_disk, 0xa4, sizeof(on_disk));
	memset(isys.hash[0], 0xa4, ISYS_HASH_LEN);
	isys_write(&isys, payload);
	return (struct ssv_in){
		.need.apple_silicon = true,
		.ending = SEAL_END_RECOVERY,
		.apfs = apfs_of("12.1"),
		.device = "disk3s1",
		.volume_uuid = UUID,
		.snapshot = NAME,
		.found = true,
		.snapshot_xid = 183952,
		.sealed = true,
		.root_hash = on_disk,
		.block_size = 4096,
		.payload = payload,
		.payload_len = sizeof(payload),
		.payload_result = IMG4_OK,
	};
}

static char told[1024];

static void tell(void *ctx, const char *line)
{
	size_t len = strlen(told);

	(void)ctx;
	snprintf(told + len, sizeof(told) - len, "%s\n", line);
}

static void a_good_snapshot_says_what_the_mac_says(void)
{
	static const char want[] =
		"is_root_hash_authentication_required_osx:369: disk3s1 Release kext with "
		"internal build: 0, ARV disabled: 0, booting xid: 0\n"
		"is_root_hash_authentication_required:478: disk3s1 root volume, root "
		"hash "
		"authentication is required\n"
		"authenticate_root_hash:546: disk3s1 successfully validated on-disk root "
		"hash\n";
	struct ssv_in in = good();
	struct ssv_out out;

	in.line = tell;
	ssv_decide(&in, &out);
	CU_ASSERT_EQUAL(out.outcome, SSV_BOOTS);
	CU_ASSERT_EQUAL(out.error, 0);
	CU_ASSERT_STRING_EQUAL(told, want);
	CU_ASSERT_EQUAL(out.n_lines, 3);
	CU_ASSERT_STRING_EQUAL(out.panic, "");
	CU_ASSERT_EQUAL(out.n_nvram, 0);
	CU_ASSERT_PTR_NULL(ssv_rootauth(machine_by_name("m1"), &in.need, &out));
}

static void who_asks_for_an_authenticated_root(void)
{
	static const struct {
		struct ssv_need need;
		bool want;
	} cases[] = {
		{{.apple_silicon = true}, true},
		{{.apple_silicon = true, .csr = CSR_ALLOW_UNAUTHENTICATED_ROOT}, true},
		{{.apple_silicon = true, .lp_sip1 = true}, false},
		{{.apple_silicon = true, .image_boot = true}, false},
		{{.csr = 0x77}, true},
		{{.lp_sip1 = true}, true},
		{{.csr = CSR_ALLOW_UNAUTHENTICATED_ROOT}, false},
		{{.csr = 0x802}, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CU_ASSERT_EQUAL(ssv_need_auth(&cases[i].need), cases[i].want);
}

static void refused(struct ssv_in in)
{
	struct ssv_out out;

	ssv_decide(&in, &out);
	CU_ASSERT_EQUAL(out.outcome, SSV_REFUSED);
	CU_ASSERT_EQUAL(out.error, 80);
	CU_ASSERT_EQUAL(out.n_lines, 3);
	CU_ASSERT_STRING_EQUAL(out.panic, "");
	CU_ASSERT_EQUAL_FATAL(out.n_nvram, 2);
	CU_ASSERT_STRING_EQUAL(out.nvram[0].name, "recovery-broken-seal-uuid");
	CU_ASSERT_STRING_EQUAL(out.nvram[0].value, UUID);
	CU_ASSERT_STRING_EQUAL(out.nvram[1].name, "recovery-boot-mode");
	CU_ASSERT_STRING_EQUAL(out.nvram[1].value, "ssv-seal-broken");
	CU_ASSERT_PTR_NOT_NULL(ssv_rootauth(machine_by_name("m1"), &in.need, &out));
	in.ending = SEAL_END_PANIC;
	ssv_decide(&in, &out);
	CU_ASSERT_EQUAL(out.outcome, SSV_REFUSED);
	CU_ASSERT_EQUAL(out.n_nvram, 0);
	CU_ASSERT_STRING_EQUAL(out.panic, "cannot mount root, errno = 80");
	/* The owner does not ask: it boots. */
	in.need.lp_sip1 = true;
	ssv_decide(&in, &out);
	CU_ASSERT_EQUAL(out.outcome, SSV_UNCHECKED);
	CU_ASSERT_EQUAL(out.n_lines, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(out.line[0], "ARV disabled: 1"));
	CU_ASSERT_PTR_NULL(ssv_rootauth(machine_by_name("m1"), &in.need, &out));
}

static void not_sealed_broken_and_other_hashes_are_refused(void)
{
	struct ssv_in in = good();

	in.sealed = false;
	in.root_hash = NULL;
	refused(in);
	in = good();
	in.broken = true;
	refused(in);
	for (size_t bit = 0; bit < ISYS_HASH_LEN * 8; bit++) {
		in = good();
		on_disk[bit / 8] ^= (uint8_t)(1 << bit % 8);
		refused(in);
	}
	/* The hash for other block sizes is not this one's. */
	in = good();
	in.block_size = 8192;
	refused(in);
}

static void a_hash_that_nobody_signed_panics(void)
{
	struct ssv_in in = good();
	struct ssv_out out;

	in.payload_result = IMG4_EAUTH;
	ssv_decide(&in, &out);
	CU_ASSERT_EQUAL(out.outcome, SSV_PANICS);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(out.panic, "could not authenticate personalized root hash! ("));
	CU_ASSERT_PTR_NOT_NULL(strstr(out.panic, ", 208)"));
	in = good();
	in.payload = NULL;
	in.payload_len = 0;
	ssv_decide(&in, &out);
	CU_ASSERT_EQUAL(out.outcome, SSV_PANICS);
	CU_ASSERT_PTR_NOT_NULL(strstr(out.line[2], "apfs_extract_root_hash_and_manifest "
						   "failed with error: Invalid argument "
						   "(22)"));
	in.need.lp_sip1 = true;
	ssv_decide(&in, &out);
	CU_ASSERT_EQUAL(out.outcome, SSV_UNCHECKED);
}

static void without_a_snapshot(void)
{
	struct ssv_in in = good();
	struct ssv_out out;

	in.found = false;
	ssv_decide(&in, &out);
	CU_ASSERT_EQUAL(out.outcome, SSV_PANICS);
	CU_ASSERT_STRING_EQUAL(out.panic,
			       "Failed to find the root snapshot: " NAME " (2). Rooting "
			       "from the live fs of a sealed volume is not allowed on a "
			       "RELEASE build @apfs_vfsops.c:2204");
	in.apfs = apfs_of("11.0.1");
	ssv_decide(&in, &out);
	CU_ASSERT_STRING_EQUAL(out.panic,
			       "Failed to find the root snapshot. Rooting from the live "
			       "fs of a sealed volume is not allowed on a RELEASE build "
			       "@apfs_vfsops.c:2175");
	in.need = (struct ssv_need){.csr = CSR_ALLOW_UNAUTHENTICATED_ROOT};
	ssv_decide(&in, &out);
	CU_ASSERT_EQUAL(out.outcome, SSV_BOOTS_LIVE);
	CU_ASSERT_PTR_NULL(ssv_rootauth(machine_by_name("intel"), &in.need, &out));
}

/* 32 bytes are compared, and nothing else: microseconds, for a volume of any size. */
static void it_takes_microseconds(void)
{
	struct ssv_in in = good();
	int64_t best = INT64_MAX;
	struct ssv_out out;

	for (int i = 0; i < 1000; i++) {
		ssv_decide(&in, &out);
		if (out.compare_ns < best)
			best = out.compare_ns;
	}
	CU_ASSERT_TRUE(best < 100000);
}

TEST_MAIN("ssv",
	  {"a good snapshot says what the Mac says",
	   a_good_snapshot_says_what_the_mac_says},
	  {"who asks for an authenticated root", who_asks_for_an_authenticated_root},
	  {"not sealed, broken and other hashes are refused",
	   not_sealed_broken_and_other_hashes_are_refused},
	  {"a hash that nobody signed panics", a_hash_that_nobody_signed_panics},
	  {"without a snapshot", without_a_snapshot},
	  {"it takes microseconds", it_takes_microseconds})
