/* SPDX-License-Identifier: MIT */
/* Image4 byte for byte: known vectors, what comes back, what is refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/fsio.h"
#include "sim/base/idtext.h"
#include "sim/base/test.h"
#include "sim/formats/image4/fourcc.h"
#include "sim/formats/image4/img4.h"
#include "sim/formats/image4/isys.h"
#include "sim/formats/image4/p384.h"

static bool is_hex(const struct buf *b, const char *hex)
{
	char *text = malloc(2 * b->len + 1);
	bool same;

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	hex_text(b->data, b->len, text);
	same = !strcmp(text, hex);
	if (!same)
		printf("      got  %s\n      want %s\n", text, hex);
	free(text);
	return same;
}

static size_t from_hex(const char *hex, uint8_t *out, size_t size)
{
	size_t n = 0;
	unsigned v;

	for (; hex[0] && n < size; hex += 2) {
		CU_ASSERT_EQUAL_FATAL(sscanf(hex, "%2x", &v), 1);
		out[n++] = (uint8_t)v;
	}
	return n;
}

static const struct {
	const char *name, *tag;
} tags[] = {
	{"MANB", "ff84ea859c42"}, {"MANP", "ff84ea859c50"}, {"DGST", "ff84a29da654"},
	{"BNCN", "ff8492b9864e"}, {"ECID", "ff84aa8d9244"}, {"CHIP", "ff849aa19250"},
	{"BORD", "ff8492bda444"}, {"CEPO", "ff849a95a04f"}, {"SDOM", "ff859a919e4d"},
	{"CPRO", "ff849ac1a44f"}, {"CSEC", "ff849acd8a43"}, {"krnl", "ff86dbc9dc6c"},
	{"ibot", "ff86cb89de74"}, {"isys", "ff86cbcdf273"}, {"lpol", "ff86e3c1de6c"},
	{"auxk", "ff868bd5f06b"}, {"nsih", "ff86f3cdd268"}, {"lpnh", "ff86e3c1dc68"},
	{"smb0", "ff879bb5c430"}, {"sip1", "ff879ba5e031"}, {"vuid", "ff87b3d5d264"},
};
#define N_TAGS (sizeof(tags) / sizeof(tags[0]))

static uint32_t fourcc(const char *s)
{
	return FOURCC(s[0], s[1], s[2], s[3]);
}

static void tags_are_the_known_bytes(void)
{
	for (size_t i = 0; i < N_TAGS; i++) {
		struct err e = ERR_INIT;
		struct buf b = BUF_INIT;
		struct der_writer w;
		struct der_named m;
		struct der d, in;
		char head[13];
		uint32_t name;

		der_write_init(&w, &b, &e);
		m = der_open_named(&w, fourcc(tags[i].name));
		der_close_named(&w, m);
		ASSERT_OK(der_write_end(&w), &e);
		hex_text(b.data, 6, head);
		CU_ASSERT_STRING_EQUAL(head, tags[i].tag);
		ASSERT_OK(der_init(&d, b.data, b.len, &e), &e);
		ASSERT_OK(der_into_named(&d, &name, &in, &e), &e);
		CU_ASSERT_EQUAL(name, fourcc(tags[i].name));
		CU_ASSERT_TRUE(der_done(&d) && der_done(&in));
		buf_release(&b);
	}
}

/* OpenSSL's own program sees the tags as we do. */
static void asn1parse_reads_the_tags(void)
{
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT;
	char path[512];

	if (test_shell("command -v openssl >/dev/null"))
		TEST_SKIP("no openssl");
	for (size_t i = 0; i < N_TAGS; i++) {
		struct der_writer w;
		struct der_named m;

		buf_clear(&b);
		der_write_init(&w, &b, &e);
		m = der_open_named(&w, fourcc(tags[i].name));
		der_put_boolean(&w, true);
		der_close_named(&w, m);
		ASSERT_OK(der_write_end(&w), &e);
		snprintf(path, sizeof(path), "%s/tag.der", test_tmpdir());
		ASSERT_OK(fsio_write_atomic(path, b.data, b.len, 0644, &e), &e);
		CU_ASSERT_EQUAL(
			test_shell("openssl asn1parse -inform DER -in %s > %s.txt &&"
				   " grep -q 'priv \\[ %u \\]' %s.txt &&"
				   " grep -q 'IA5STRING *:%s' %s.txt &&"
				   " grep -q 'BOOLEAN *:255' %s.txt",
				   path, path, fourcc(tags[i].name), path, tags[i].name,
				   path, path),
			0);
	}
	buf_release(&b);
}

static void payload_is_the_known_bytes(void)
{
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT;
	struct im4p p;

	ASSERT_OK(im4p_make(fourcc("krnl"), "sim-1", "hello", 5, &b, &e), &e);
	CU_ASSERT_TRUE(is_hex(&b, "301a1604494d345016046b726e6c160573696d2d31"
				  "040568656c6c6f"));
	ASSERT_OK(im4p_parse(b.data, b.len, &p, &e), &e);
	CU_ASSERT_EQUAL(p.type, fourcc("krnl"));
	CU_ASSERT_EQUAL(p.whole.len, b.len);
	CU_ASSERT_TRUE(p.description.len == 5 && !memcmp(p.description.p, "sim-1", 5));
	CU_ASSERT_TRUE(p.data.len == 5 && !memcmp(p.data.p, "hello", 5));
	CU_ASSERT_PTR_NULL(p.keybags.p);
	CU_ASSERT_FALSE(p.compressed);
	CU_ASSERT_EQUAL(img4_props_count(&p.payp), 0);
	buf_clear(&b);
	ASSERT_OK(im4p_make(fourcc("none"), "Unknown", "", 1, &b, &e), &e);
	CU_ASSERT_EQUAL(b.len, 2 + 24);
	buf_release(&b);
}

static void restore_info_is_the_known_bytes(void)
{
	static const uint8_t zeros[IMG4_GENERATOR_LEN];
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT;

	ASSERT_OK(im4r_write(zeros, &b, &e), &e);
	CU_ASSERT_TRUE(is_hex(&b, "30211604494d34523119ff8492b9864e1230101604424e434e"
				  "04080000000000000000"));
	buf_release(&b);
}

static void every_part_of_a_payload_comes_back(void)
{
	struct im4p p = {.type = fourcc("krnl"),
			 .description = {(const uint8_t *)"d", 1},
			 .data = {(const uint8_t *)"bvx2", 4},
			 .keybags = {(const uint8_t *)"\x30\0", 2},
			 .compressed = true,
			 .algorithm = IM4P_LZFSE,
			 .full_size = UINT64_C(0x123456789a)},
		    back;
	struct img4_prop payp[] = {img4_number(fourcc("kcep"), UINT64_MAX),
				   img4_number(fourcc("kclo"), 0)},
			 got;
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT, again = BUF_INIT;

	ASSERT_OK(im4p_write(&p, payp, 2, &b, &e), &e);
	ASSERT_OK(im4p_parse(b.data, b.len, &back, &e), &e);
	CU_ASSERT_EQUAL(back.keybags.len, 2);
	CU_ASSERT_TRUE(back.compressed);
	CU_ASSERT_EQUAL(back.algorithm, IM4P_LZFSE);
	CU_ASSERT_EQUAL(back.full_size, UINT64_C(0x123456789a));
	CU_ASSERT_TRUE(img4_props_get(&back.payp, fourcc("kcep"), &got));
	CU_ASSERT_EQUAL(got.number, UINT64_MAX);
	CU_ASSERT_TRUE(img4_props_get(&back.payp, fourcc("kclo"), &got));
	CU_ASSERT_EQUAL(got.number, 0);
	CU_ASSERT_FALSE(img4_props_get(&back.payp, fourcc("kcxx"), &got));
	ASSERT_OK(im4p_write(&back, payp, 2, &again, &e), &e);
	CU_ASSERT_TRUE(again.len == b.len && !memcmp(again.data, b.data, b.len));
	buf_release(&b);
	buf_release(&again);
}

static void numbers_are_as_short_as_possible(void)
{
	static const struct {
		uint64_t v;
		const char *der;
	} cases[] = {
		{0, "020100"},		{1, "020101"},
		{127, "02017f"},	{128, "02020080"},
		{255, "020200ff"},	{256, "02020100"},
		{0x8103, "0203008103"}, {UINT64_MAX, "020900ffffffffffffffff"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e = ERR_INIT;
		struct buf b = BUF_INIT;
		struct der_writer w;
		struct der d;
		uint64_t v;

		der_write_init(&w, &b, &e);
		der_put_number(&w, cases[i].v);
		ASSERT_OK(der_write_end(&w), &e);
		CU_ASSERT_TRUE(is_hex(&b, cases[i].der));
		ASSERT_OK(der_init(&d, b.data, b.len, &e), &e);
		ASSERT_OK(der_number(&d, &v, &e), &e);
		CU_ASSERT_EQUAL(v, cases[i].v);
		buf_release(&b);
	}
}

/* The payload above with one thing wrong, and the offset that the error has to name. */
static const struct {
	const char *what, *hex, *says;
} bad[] = {
	{"nothing", "", "offset 0"},
	{"cut off", "301a1604494d345016046b726e6c160573696d2d31040568656c6c", "offset 0"},
	{"indefinite length",
	 "30801604494d345016046b726e6c160573696d2d31040568656c6c6f0000", "offset 0"},
	{"padded length", "30811a1604494d345016046b726e6c160573696d2d31040568656c6c6f",
	 "offset 0"},
	{"padded inner length",
	 "301b1604494d345016046b726e6c160573696d2d3104810568656c6c6f", "offset 21"},
	{"too long inside", "301a1604494d345016046b726e6c160573696d2d31040668656c6c6f",
	 "offset 21"},
	{"other name", "301a1604494d345116046b726e6c160573696d2d31040568656c6c6f",
	 "offset 2: name 'IM4Q' where 'IM4P' has to be"},
	{"name of three", "30191604494d345016036b726e160573696d2d31040568656c6c6f",
	 "offset 8"},
	{"control character in the type",
	 "301a1604494d345016046b72016c160573696d2d31040568656c6c6f", "offset 8"},
	{"8-bit description", "301a1604494d345016046b726e6c160573696dfd31040568656c6c6f",
	 "offset 14"},
	{"bytes behind", "301a1604494d345016046b726e6c160573696d2d31040568656c6c6f00",
	 "offset 28: 1 bytes behind IM4P"},
	{"bytes inside behind",
	 "301c1604494d345016046b726e6c160573696d2d31040568656c6c6f0500", "offset 28"},
	{"data is an IA5String",
	 "301a1604494d345016046b726e6c160573696d2d31160568656c6c6f", "offset 21"},
	{"constructed octets",
	 "301c1604494d345016046b726e6c160573696d2d312407040568656c6c6f", "offset 21"},
	{"set for sequence", "311a1604494d345016046b726e6c160573696d2d31040568656c6c6f",
	 "offset 0"},
	{"negative algorithm",
	 "30221604494d345016046b726e6c160573696d2d31040568656c6c6f3006020180020105",
	 "offset 30"},
	{"padded integer",
	 "30231604494d345016046b726e6c160573696d2d31040568656c6c6f300702020001020105",
	 "offset 30"},
};

static void bad_payloads_are_refused_with_the_offset(void)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t bytes[64];
		size_t n = from_hex(bad[i].hex, bytes, sizeof(bytes));
		struct err e = ERR_INIT;
		struct im4p p;

		CU_ASSERT_EQUAL(im4p_parse(bytes, n, &p, &e), -(int)E_CORRUPT);
		if (!strstr(e.msg, bad[i].says)) {
			printf("      %s: %s\n", bad[i].what, e.msg);
			CU_FAIL("the error names another place");
		}
	}
}

/* A header of 2^31 bytes or tags with zeros in front: not ours, and nothing overflows. */
static void headers_that_lie(void)
{
	static const char *const lies[] = {
		"3084ffffffff00", "30847fffffff00",	"3088ffffffffffffffff",
		"ff80ea859c4200", "ffffffffffffff7f00", "1f1e00",
		"ff1e00",	  "ff84ea859c",		"ff",
	};

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		uint8_t bytes[64];
		size_t n = from_hex(lies[i], bytes, sizeof(bytes));
		struct err e = ERR_INIT;
		struct der_item item;
		struct der d;

		ASSERT_OK(der_init(&d, bytes, n, &e), &e);
		CU_ASSERT_EQUAL(der_next(&d, &item, &e), -(int)E_CORRUPT);
	}
}

static void booleans_are_00_or_ff(void)
{
	for (unsigned v = 0; v < 256; v++) {
		uint8_t bytes[] = {1, 1, (uint8_t)v};
		struct err e = ERR_INIT;
		struct der d;
		bool b;

		ASSERT_OK(der_init(&d, bytes, sizeof(bytes), &e), &e);
		CU_ASSERT_EQUAL(der_boolean(&d, &b, &e),
				v == 0 || v == 0xff ? 0 : -(int)E_CORRUPT);
	}
}

static void write_props(struct buf *b, const struct img4_prop *p, size_t n)
{
	struct err e = ERR_INIT;
	struct der_writer w;

	buf_clear(b);
	der_write_init(&w, b, &e);
	img4_props_write(&w, p, n);
	ASSERT_OK(der_write_end(&w), &e);
}

static void sets_have_limits_and_no_doubles(void)
{
	struct img4_prop p[IMG4_PROPS_MAX + 1];
	struct img4_props set;
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT;
	struct der d;

	for (size_t i = 0; i <= IMG4_PROPS_MAX; i++)
		p[i] = img4_number(
			fourcc("aaaa") + (uint32_t)(i / 10 << 8) + (uint32_t)(i % 10), i);
	write_props(&b, p, IMG4_PROPS_MAX);
	ASSERT_OK(der_init(&d, b.data, b.len, &e), &e);
	ASSERT_OK(img4_props_parse(&d, false, &set, &e), &e);
	CU_ASSERT_EQUAL(img4_props_count(&set), IMG4_PROPS_MAX);
	write_props(&b, p, IMG4_PROPS_MAX + 1);
	ASSERT_OK(der_init(&d, b.data, b.len, &e), &e);
	CU_ASSERT_EQUAL(img4_props_parse(&d, false, &set, &e), -(int)E_OVERFLOW);
	p[5].name = p[2].name;
	write_props(&b, p, 6);
	ASSERT_OK(der_init(&d, b.data, b.len, &e), &e);
	CU_ASSERT_EQUAL(img4_props_parse(&d, false, &set, &e), -(int)E_CORRUPT);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "comes twice"));
	buf_release(&b);
}

/* What a certificate demands is not a value: manifests cannot have it. */
static void demands_are_for_certificates(void)
{
	struct img4_prop p[] = {{.name = fourcc("ECID"), .kind = IMG4_MUST},
				{.name = fourcc("BNCH"), .kind = IMG4_MAY}},
			 got;
	struct img4_props set;
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT;
	struct der d;

	write_props(&b, p, 2);
	ASSERT_OK(der_init(&d, b.data, b.len, &e), &e);
	CU_ASSERT_EQUAL(img4_props_parse(&d, false, &set, &e), -(int)E_CORRUPT);
	ASSERT_OK(der_init(&d, b.data, b.len, &e), &e);
	ASSERT_OK(img4_props_parse(&d, true, &set, &e), &e);
	CU_ASSERT_TRUE(img4_props_get(&set, fourcc("ECID"), &got));
	CU_ASSERT_EQUAL(got.kind, IMG4_MUST);
	CU_ASSERT_TRUE(img4_props_get(&set, fourcc("BNCH"), &got));
	CU_ASSERT_EQUAL(got.kind, IMG4_MAY);
	buf_release(&b);
}

static void isys_comes_back_and_is_picky(void)
{
	struct isys s = {.version = ISYS_VERSION, .hash_type = ISYS_HASH_TYPE}, back;
	uint8_t raw[ISYS_SIZE];
	struct err e = ERR_INIT;
	const uint8_t *hash;

	memset(s.hash[0], 0xa4, ISYS_HASH_LEN);
	memset(s.hash[2], 0x16, ISYS_HASH_LEN);
	isys_write(&s, raw);
	CU_ASSERT_TRUE(raw[0] == 2 && raw[8] == 1 && raw[12] == 32);
	CU_ASSERT_TRUE(raw[16] == 0xa4 && raw[80] == 0 && raw[144] == 0x16);
	ASSERT_OK(isys_parse(raw, sizeof(raw), &back, &e), &e);
	ASSERT_OK(isys_hash(&back, 4096, &hash, &e), &e);
	CU_ASSERT_EQUAL(memcmp(hash, s.hash[0], ISYS_HASH_LEN), 0);
	ASSERT_OK(isys_hash(&back, 16384, &hash, &e), &e);
	CU_ASSERT_EQUAL(memcmp(hash, s.hash[2], ISYS_HASH_LEN), 0);
	ASSERT_FAILS(isys_hash(&back, 8192, &hash, &e), E_NOTFOUND);
	ASSERT_FAILS(isys_hash(&back, 512, &hash, &e), E_NOTFOUND);
	ASSERT_FAILS(isys_parse(raw, sizeof(raw) - 1, &back, &e), E_CORRUPT);
	/* Every byte but those of a digest is known. */
	for (size_t i = 0; i < sizeof(raw); i++) {
		bool digest = i >= 16 && (i - 16) % 64 < 32;

		raw[i] ^= 1;
		CU_ASSERT_EQUAL(isys_parse(raw, sizeof(raw), &back, &e) == 0, digest);
		raw[i] ^= 1;
	}
}

/* RFC 6979, A.2.6: P-384, SHA-384, message "sample". */
static void signature_is_that_of_rfc_6979(void)
{
	static const char scalar[] = "6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA"
				     "9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5";
	static const char want[] =
		"3066"
		"02310094edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81"
		"a648152e44acf96e36dd1e80fabe46"
		"02310099ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa3"
		"29c145786e679e7b82c71a38628ac8";
	uint8_t x[P384_SCALAR_LEN], digest[IMG4_DIGEST_LEN];
	struct err e = ERR_INIT;
	struct buf sig = BUF_INIT;
	EVP_PKEY *key = NULL;

	from_hex(scalar, x, sizeof(x));
	x[P384_SCALAR_LEN - 1]--; /* the key is x modulo n - 1, plus 1 */
	ASSERT_OK(p384_from_bytes(x, &key, &e), &e);
	ASSERT_OK(img4_digest((struct span){(const uint8_t *)"sample", 6}, digest, &e),
		  &e);
	ASSERT_OK(p384_sign(key, digest, &sig, &e), &e);
	CU_ASSERT_TRUE(is_hex(&sig, want));
	EVP_PKEY_free(key);
	buf_release(&sig);
}

TEST_MAIN("image4", {"tags are the known bytes", tags_are_the_known_bytes},
	  {"openssl asn1parse reads the tags", asn1parse_reads_the_tags},
	  {"IM4P is the known bytes", payload_is_the_known_bytes},
	  {"IM4R is the known bytes", restore_info_is_the_known_bytes},
	  {"every part of a payload comes back", every_part_of_a_payload_comes_back},
	  {"numbers are as short as possible", numbers_are_as_short_as_possible},
	  {"bad payloads are refused with the offset",
	   bad_payloads_are_refused_with_the_offset},
	  {"headers that lie", headers_that_lie},
	  {"booleans are 00 or FF", booleans_are_00_or_ff},
	  {"sets have limits and no doubles", sets_have_limits_and_no_doubles},
	  {"demands are for certificates", demands_are_for_certificates},
	  {"isys comes back and is picky", isys_comes_back_and_is_picky},
	  {"a signature is that of RFC 6979", signature_is_that_of_rfc_6979})
