/* SPDX-License-Identifier: MIT */
/* The language of requirements: text to bytes, bytes to text, evaluation, rules. */
#include <string.h>

#include "sim/base/test.h"
#include "sim/formats/codesign/test/kit.h"

/* ---- text ---- */

static void text_and_bytes(void)
{
	/* Left: as written; right: as codesign would print it. */
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"anchor apple", NULL},
		{"anchor apple generic", NULL},
		{"identifier com.example.x", "identifier \"com.example.x\""},
		{"identifier \"a b\\\"c\"", NULL},
		{"identifier foo", NULL},
		{"identifier \"anchor\"", NULL},
		{"always or never and true", "always or never and always"},
		{"(always or never) and ! always", NULL},
		{"! (always and never)", NULL},
		{"a", ""},
		{"certificate leaf = H\"0123456789abcdef0123456789abcdef01234567\"", NULL},
		{"certificate root = H\"0123456789ABCDEF0123456789abcdef01234567\"",
		 "certificate root = H\"0123456789abcdef0123456789abcdef01234567\""},
		{"cdhash H\"0123456789abcdef0123456789abcdef01234567\"", NULL},
		{"certificate 1[field.1.2.840.113635.100.6.2.6]",
		 "certificate 1[field.1.2.840.113635.100.6.2.6] /* exists */"},
		{"certificate leaf[policy.2.5.29.32] absent",
		 "certificate leaf[policy.2.5.29.32] absent "},
		{"cert leaf[subject.OU] = AB12", "certificate leaf[subject.OU] = AB12"},
		{"certificate leaf[subject.CN] = \"A\"*", "certificate leaf[subject.CN] = A*"},
		{"certificate leaf[subject.CN] = *b", NULL},
		{"info[CFBundleVersion] >= \"1.2\"", NULL},
		{"entitlement[com.apple.x] exists", "entitlement[com.apple.x] /* exists */"},
		{"notarized or platform = 3", NULL},
		{"certificate leaf trusted or anchor trusted", NULL},
		{"anchor apple # a comment\n", "anchor apple"},
		{"anchor /* or so */ apple", "anchor apple"},
		/* What codesign prints is read again. */
		{"certificate 1[field.1.2.3] /* exists */ and always", NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf bytes = BUF_INIT, text = BUF_INIT;
		struct err e = ERR_INIT;
		const char *want = rows[i].out ? rows[i].out : rows[i].in;

		if (!*want) {
			ASSERT_FAILS(cs_req_parse(rows[i].in, &bytes, &e), E_INVAL);
			continue;
		}
		ASSERT_OK(cs_req_parse(rows[i].in, &bytes, &e), &e);
		CU_ASSERT_EQUAL(bytes.len % 4, 0);
		ASSERT_OK(cs_req_text(buf_span(&bytes), &text, &e), &e);
		CU_ASSERT_STRING_EQUAL(buf_str(&text), want);
		buf_release(&bytes);
		buf_release(&text);
	}
}

static void mistakes_have_a_column(void)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{"", "column 1: expected a requirement, found the end"},
		{"anchor apple and", "column 17: expected a requirement"},
		{"anchor apple x", "column 14: expected the end, found x"},
		{"(always", "column 8: expected )"},
		{"identifier", "column 11: expected a string"},
		{"cdhash H\"12\"", "expected 40 hexadecimal digits"},
		{"certificate leaf[field.x]", "expected an object identifier"},
		{"identifier \"open", "expected a closing quote"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf bytes = BUF_INIT;
		struct err e = ERR_INIT;

		ASSERT_FAILS(cs_req_parse(rows[i].text, &bytes, &e), E_INVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, rows[i].says));
		CU_ASSERT_EQUAL(bytes.len, 0);
		buf_release(&bytes);
	}
}

/* The bytes of two requirements that csreq -b writes: operations before operands. */
static void bytes_are_apples(void)
{
	static const uint8_t apple[] = {0xfa, 0xde, 0x0c, 0x00, 0, 0, 0, 16,
					0,    0,    0,	  1,	0, 0, 0, 3};
	static const uint8_t both[] = {0xfa, 0xde, 0x0c, 0x00, 0,   0,	 0,   36,  0,  0,
				       0,    1,	   0,	 0,    0,   6,	 0,   0,   0,  2,
				       0,    0,	   0,	 5,    'a', '.', 'b', '.', 'c', 0,
				       0,    0,	   0,	 0,    0,   15};
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	ASSERT_OK(cs_req_parse("anchor apple", &b, &e), &e);
	CU_ASSERT_EQUAL_FATAL(b.len, sizeof(apple));
	CU_ASSERT_EQUAL(memcmp(b.data, apple, sizeof(apple)), 0);
	buf_clear(&b);
	ASSERT_OK(cs_req_parse("identifier \"a.b.c\" and anchor apple generic", &b, &e),
		  &e);
	CU_ASSERT_EQUAL_FATAL(b.len, sizeof(both));
	CU_ASSERT_EQUAL(memcmp(b.data, both, sizeof(both)), 0);
	buf_release(&b);
}

/* ---- evaluation ---- */

struct world {
	struct cs_signer signer;
	struct cs_anchors anchors;
	plist_t info, entitlements;
	struct cs_req_context ctx;
};

static void world_init(struct world *w, enum signing_key leaf)
{
	struct err e = ERR_INIT;
	plist_t list = plist_new_array();

	*w = (struct world){.info = plist_new_dict(), .entitlements = plist_new_dict()};
	ASSERT_OK(signing_signer(kit_authority(), leaf, &w->signer, &e), &e);
	ASSERT_OK(signing_anchors(kit_authority(), &w->anchors, &e), &e);
	plist_dict_set_item(w->info, "CFBundleVersion", plist_new_string("10.10"));
	plist_dict_set_item(w->info, "No", plist_new_bool(0));
	plist_dict_set_item(w->entitlements, "yes", plist_new_bool(1));
	plist_array_append_item(list, plist_new_string("one"));
	plist_array_append_item(list, plist_new_string("two"));
	plist_dict_set_item(w->entitlements, "list", list);
	w->ctx = (struct cs_req_context){.chain = &w->signer.chain,
					 .anchors = &w->anchors,
					 .info = w->info,
					 .entitlements = w->entitlements,
					 .ident = "com.example.x"};
	memset(w->ctx.cdhash, 0xab, CS_CDHASH_LEN);
}

static void world_release(struct world *w)
{
	cs_signer_release(&w->signer);
	cs_anchors_release(&w->anchors);
	plist_free(w->info);
	plist_free(w->entitlements);
}

static bool holds(const struct world *w, const char *text)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	bool ret = false;

	ASSERT_OK(cs_req_parse(text, &b, &e), &e);
	ASSERT_OK(cs_req_eval(buf_span(&b), &w->ctx, &ret, &e), &e);
	buf_release(&b);
	return ret;
}

static void requirements_are_evaluated(void)
{
	static const struct {
		const char *text;
		bool kext, apple, other; /* who fulfils it */
	} rows[] = {
		{KIT_KEXT_REQUIREMENT, true, false, false},
		{"anchor apple", false, true, false},
		{"anchor apple generic", true, true, false},
		{"certificate leaf[field.1.2.840.113635.100.6.1.13]", true, false, true},
		{"certificate 1[field.1.2.840.113635.100.6.2.6] exists", true, false, true},
		{"certificate 7[field.1.2.840.113635.100.6.2.6] absent", false, false,
		 false},
		{"certificate leaf[field.1.2.3] absent", true, true, true},
		{"certificate leaf[subject.OU] = KXLAB00001", true, false, false},
		{"certificate leaf[subject.CN] = \"Developer ID\"*", true, false, true},
		{"certificate leaf[subject.CN] = *Signing", false, true, false},
		{"certificate leaf[subject.CN] ~ Example", true, false, false},
		{"certificate root[subject.O] = kextlab", true, true, false},
		{"identifier com.example.x", true, true, true},
		{"identifier com.example.y", false, false, false},
		{"! identifier com.example.y", true, true, true},
		{"cdhash H\"abababababababababababababababababababab\"", true, true, true},
		{"cdhash H\"abababababababababababababababababababac\"", false, false,
		 false},
		{"info[CFBundleVersion] > \"10.9\"", true, true, true},
		{"info[CFBundleVersion] < \"10.9\"", false, false, false},
		{"info[CFBundleVersion] >= \"10.010\"", true, true, true},
		{"info[No] exists", false, false, false},
		{"info[Nothing] absent", true, true, true},
		{"entitlement[yes]", true, true, true},
		{"entitlement[list] = two", true, true, true},
		{"entitlement[list] = three", false, false, false},
		{"notarized", false, false, false},
		{"anchor trusted or certificate leaf trusted", false, false, false},
		{"never or always and never", false, false, false},
		{"always or always and never", true, true, true},
	};
	struct world kext, apple, other;

	world_init(&kext, SIGNING_KEXT);
	world_init(&apple, SIGNING_APPLE);
	world_init(&other, SIGNING_OTHER);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CU_ASSERT_EQUAL(holds(&kext, rows[i].text), rows[i].kext);
		CU_ASSERT_EQUAL(holds(&apple, rows[i].text), rows[i].apple);
		CU_ASSERT_EQUAL(holds(&other, rows[i].text), rows[i].other);
	}
	/* Without anchors nothing is Apple's. */
	cs_anchors_release(&apple.anchors);
	CU_ASSERT_FALSE(holds(&apple, "anchor apple"));
	CU_ASSERT_FALSE(holds(&apple, "anchor apple generic"));
	world_release(&kext);
	world_release(&apple);
	world_release(&other);
}

/* ---- bad bytes ---- */

static int eval_ops(const uint32_t *op, size_t n)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	struct cs_chain none = {.n = 0};
	struct cs_anchors anchors = {.n = 0};
	struct cs_req_context ctx = {.chain = &none, .anchors = &anchors};
	bool ret;
	int r;

	ASSERT_OK(cs_blob_put_header(&b, CS_MAGIC_REQUIREMENT, 4 + 4 * n, &e), &e);
	for (size_t i = 0; i <= n; i++) {
		be32 v = to_be32(i ? op[i - 1] : CS_REQ_EXPRESSION);

		ASSERT_OK(buf_append(&b, &v, 4, &e), &e);
	}
	r = cs_req_eval(buf_span(&b), &ctx, &ret, &e);
	buf_release(&b);
	return r;
}

static void bad_requirements(void)
{
	uint32_t deep[500];

	for (size_t i = 0; i < 500; i++)
		deep[i] = CS_OP_NOT;
	CU_ASSERT_EQUAL(eval_ops(deep, 500), -(int)E_CORRUPT);
	CU_ASSERT_EQUAL(eval_ops((const uint32_t[]){CS_OP_AND, CS_OP_TRUE}, 2),
			-(int)E_CORRUPT);
	CU_ASSERT_EQUAL(eval_ops((const uint32_t[]){CS_OP_IDENT, 0xfffffffd}, 2),
			-(int)E_CORRUPT);
	CU_ASSERT_EQUAL(eval_ops((const uint32_t[]){CS_OP_IDENT, 5, 0}, 3),
			-(int)E_CORRUPT);
	CU_ASSERT_EQUAL(eval_ops((const uint32_t[]){99}, 1), -(int)E_UNSUPPORTED);
	/* One that is not known may say how it is to be skipped. */
	CU_ASSERT_EQUAL(eval_ops((const uint32_t[]){CS_OP_GENERIC_FALSE | 99, 4, 7}, 3), 0);
	CU_ASSERT_EQUAL(eval_ops((const uint32_t[]){CS_OP_GENERIC_SKIP | 99, 4, 7,
						    CS_OP_TRUE},
				 4),
			0);
	CU_ASSERT_EQUAL(eval_ops((const uint32_t[]){CS_OP_GENERIC_SKIP | 99, 4, 7}, 3),
			-(int)E_CORRUPT);
}

/* ---- rules for files ---- */

static void rules_choose_the_heaviest(void)
{
	static const struct {
		const char *rel;
		bool covered;
		unsigned flags;
	} rows[] = {
		{"Resources/a", true, 0},
		{"Resources/en.lproj/a", true, CS_RULE_OPTIONAL},
		{"Resources/Base.lproj/a", true, 0},
		{"Resources/en.lproj/locversion.plist", true, CS_RULE_OMITTED},
		{"PlugIns/x.kext", true, CS_RULE_NESTED},
		{"MacOS/tool", true, CS_RULE_NESTED},
		{"loose", true, CS_RULE_NESTED},
		{"version.plist", true, 0},
		{"Info.plist", true, CS_RULE_OMITTED},
		{"PkgInfo", true, CS_RULE_OMITTED},
		{"Resources/.DS_Store", true, CS_RULE_OMITTED},
		{"_CodeSignature", true, CS_RULE_EXCLUDED},
		{"_CodeSignatureX", true, CS_RULE_NESTED},
		{"MacOS/a+b", true, CS_RULE_EXCLUDED},
		{"MacOS/aab", true, CS_RULE_NESTED},
	};
	plist_t both = cs_rules_default(true);
	plist_t rules2 = plist_dict_get_item(both, "rules2");
	struct cs_rules r = {.n = 0};
	struct err e = ERR_INIT;

	ASSERT_OK(cs_rules_compile(rules2, &r, &e), &e);
	ASSERT_OK(cs_rules_exclude(&r, "_CodeSignature", &e), &e);
	ASSERT_OK(cs_rules_exclude(&r, "MacOS/a+b", &e), &e);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned flags = 0;

		CU_ASSERT_EQUAL(cs_rules_find(&r, rows[i].rel, &flags), rows[i].covered);
		CU_ASSERT_EQUAL(flags, rows[i].flags);
	}
	CU_ASSERT_FALSE(cs_rules_are_weak(rules2, "^.*", true));
	plist_dict_set_item(rules2, "^Resources/secret", plist_new_bool(0));
	CU_ASSERT_TRUE(cs_rules_are_weak(rules2, "^.*", true));
	cs_rules_release(&r);
	plist_free(both);
}

static void rules_that_would_take_for_ever(void)
{
	static const char *const bad[] = {"(.*)\\1", "a{1000}", "(", ""};

	for (size_t i = 0; i < 4; i++) {
		plist_t d = plist_new_dict();
		struct cs_rules r = {.n = 0};
		struct err e = ERR_INIT;

		plist_dict_set_item(d, bad[i], plist_new_bool(1));
		CU_ASSERT_NOT_EQUAL(cs_rules_compile(d, &r, &e), 0);
		cs_rules_release(&r);
		plist_free(d);
	}
}

TEST_MAIN("codesign requirements", {"text and bytes", text_and_bytes},
	  {"mistakes have a column", mistakes_have_a_column},
	  {"bytes are Apple's", bytes_are_apples},
	  {"requirements are evaluated", requirements_are_evaluated},
	  {"bad requirements", bad_requirements},
	  {"rules choose the heaviest", rules_choose_the_heaviest},
	  {"rules that would take for ever", rules_that_would_take_for_ever})
