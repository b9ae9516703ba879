/* SPDX-License-Identifier: MIT */
/* Keys and certificates. */
#include "sim/platform/signing/authority.h"

#include <stdio.h>
#include <string.h>

#include "sim/platform/keystore.h"
#include "sim/platform/lab_cert.h"

/* Long enough for every release of the table and for whoever signs today. */
#define BEGIN "20100101000000Z"
#define END   "20491231235959Z"

#define TEAM	   "KXLAB00001"
#define OTHER_TEAM "KXLAB00009"
#define LAB	   "kextlab"
#define LAB_UNIT   "kextlab Certification Authority"

/* The value of Apple's markers. */
static const uint8_t null_value[] = {0x05, 0x00};
#define MARK(o)                                                                          \
	{                                                                                \
		.oid = (o), .critical = true,                                            \
		.value = {null_value, sizeof(null_value)}                                \
	}

static const struct row {
	struct lab_name name;
	enum signing_key issuer;
	int path_len;
	const char *usage;		/* extended */
	const char *not_before, *not_after; /* NULL: BEGIN, END */
	struct lab_extension mark[2];
} rows[SIGNING_N_KEYS] = {
	[SIGNING_ROOT] = {.name = {.cn = "kextlab Root CA", .ou = LAB_UNIT, .o = LAB},
			  .issuer = SIGNING_ROOT,
			  .path_len = 1},
	[SIGNING_DEVELOPER_ID_CA] = {.name = {.cn = "kextlab Developer ID Certification "
						    "Authority",
					      .ou = LAB_UNIT,
					      .o = LAB},
				     .issuer = SIGNING_ROOT,
				     .mark = {MARK(CS_OID_DEVELOPER_ID_CA)}},
	[SIGNING_CODE_CA] = {.name = {.cn = "kextlab Code Signing Certification "
					    "Authority",
				      .ou = LAB_UNIT,
				      .o = LAB},
			     .issuer = SIGNING_ROOT},
	[SIGNING_TSA] = {.name = {.cn = "kextlab Timestamp Signer", .o = LAB},
			 .issuer = SIGNING_ROOT,
			 .path_len = -1,
			 .usage = "timeStamping"},
	[SIGNING_KEXT] = {.name = {.uid = TEAM,
				   .cn = "Developer ID Application: kextlab Example "
					 "(" TEAM ")",
				   .ou = TEAM,
				   .o = "kextlab Example"},
			  .issuer = SIGNING_DEVELOPER_ID_CA,
			  .path_len = -1,
			  .usage = "codeSigning",
			  .mark = {MARK(CS_OID_DEVELOPER_ID_LEAF),
				   MARK(CS_OID_KEXT_SIGNING)}},
	[SIGNING_DEVELOPER_ID] = {.name = {.uid = TEAM,
					   .cn = "Developer ID Application: kextlab "
						 "Example, no kexts (" TEAM ")",
					   .ou = TEAM,
					   .o = "kextlab Example"},
				  .issuer = SIGNING_DEVELOPER_ID_CA,
				  .path_len = -1,
				  .usage = "codeSigning",
				  .mark = {MARK(CS_OID_DEVELOPER_ID_LEAF)}},
	[SIGNING_EXPIRED] = {.name = {.uid = TEAM,
				      .cn = "Developer ID Application: kextlab Example, "
					    "expired (" TEAM ")",
				      .ou = TEAM,
				      .o = "kextlab Example"},
			     .issuer = SIGNING_DEVELOPER_ID_CA,
			     .path_len = -1,
			     .usage = "codeSigning",
			     .not_before = "20130201000000Z",
			     .not_after = "20180201000000Z",
			     .mark = {MARK(CS_OID_DEVELOPER_ID_LEAF),
				      MARK(CS_OID_KEXT_SIGNING)}},
	[SIGNING_APPLE] = {.name = {.cn = "kextlab Software Signing",
				    .ou = "kextlab Software",
				    .o = LAB},
			   .issuer = SIGNING_CODE_CA,
			   .path_len = -1,
			   .usage = "codeSigning"},
	[SIGNING_OTHER_ROOT] = {.name = {.cn = "kextlab Stranger's Root CA",
					 .o = "kextlab Stranger"},
				.issuer = SIGNING_OTHER_ROOT,
				.path_len = 1},
	[SIGNING_OTHER_CA] = {.name = {.cn = "kextlab Stranger's Developer ID "
					     "Certification Authority",
				       .o = "kextlab Stranger"},
			      .issuer = SIGNING_OTHER_ROOT,
			      .mark = {MARK(CS_OID_DEVELOPER_ID_CA)}},
	[SIGNING_OTHER] = {.name = {.uid = OTHER_TEAM,
				    .cn = "Developer ID Application: kextlab Stranger "
					  "(" OTHER_TEAM ")",
				    .ou = OTHER_TEAM,
				    .o = "kextlab Stranger"},
			   .issuer = SIGNING_OTHER_CA,
			   .path_len = -1,
			   .usage = "codeSigning",
			   .mark = {MARK(CS_OID_DEVELOPER_ID_LEAF),
				    MARK(CS_OID_KEXT_SIGNING)}},
};

void signing_authority_release(struct signing_authority *a)
{
	for (size_t i = 0; i < SIGNING_N_KEYS; i++) {
		EVP_PKEY_free(a->key[i]);
		buf_release(&a->cert[i]);
	}
	*a = (struct signing_authority){.key = {NULL}};
}

static int make_cert(struct signing_authority *a, enum signing_key i,
		     const uint8_t seed[static KEYSTORE_SEED_LEN], struct err *e)
{
	const struct row *row = &rows[i];
	struct lab_cert_spec s = {
		.subject = row->name,
		.issuer = rows[row->issuer].name,
		.key = a->key[i],
		.issuer_key = a->key[row->issuer],
		.not_before = row->not_before ? row->not_before : BEGIN,
		.not_after = row->not_after ? row->not_after : END,
		.path_len = row->path_len,
		.extended_usage = row->usage,
		.digest = EVP_sha256(),
	};
	int r = keystore_derive(seed, row->name.cn, s.serial, sizeof(s.serial), e);

	s.serial[0] &= 0x7f;
	memcpy(s.extension, row->mark, sizeof(row->mark));
	return r ? r : lab_cert_make(&s, &a->cert[i], e);
}

/* Another number of keys is another file, so that a row can be added. */
static int load_keys(const char *dir, struct keystore *ret, struct err *e)
{
	char name[32];

	snprintf(name, sizeof(name), "codesign-%d", SIGNING_N_KEYS);
	return keystore_load(dir, name, SIGNING_N_KEYS, ret, e);
}

int signing_authority_load(const char *dir, struct signing_authority *ret, struct err *e)
{
	struct keystore store = {.n = 0};
	int r = load_keys(dir, &store, e);

	*ret = (struct signing_authority){.key = {NULL}};
	for (size_t i = 0; i < SIGNING_N_KEYS && !r; i++) {
		ret->key[i] = store.key[i];
		store.key[i] = NULL;
	}
	for (size_t i = 0; i < SIGNING_N_KEYS && !r; i++)
		r = make_cert(ret, (enum signing_key)i, store.seed, e);
	keystore_release(&store);
	if (r)
		signing_authority_release(ret);
	return r;
}

int signing_authority_fingerprint(const struct signing_authority *a,
				  char out[static SHA256_TEXT_MAX], struct err *e)
{
	struct buf b = BUF_INIT;
	int r = 0;

	for (size_t i = 0; !r && i < SIGNING_N_KEYS; i++)
		r = buf_append(&b, a->cert[i].data, a->cert[i].len, e);
	if (!r)
		r = sha256_text(b.data, b.len, out, e);
	buf_release(&b);
	return r;
}

int signing_signer(const struct signing_authority *a, enum signing_key leaf,
		   struct cs_signer *ret, struct err *e)
{
	enum signing_key i = leaf, last;
	int r = 0;

	*ret = (struct cs_signer){.key = a->key[leaf]};
	EVP_PKEY_up_ref(ret->key);
	do {
		X509 *x = cs_cert_parse(buf_span(&a->cert[i]));

		r = x ? cs_chain_add(&ret->chain, x, e)
		      : err_set(e, E_INFRA, "the certificate '%s' cannot be read",
				rows[i].name.cn);
		X509_free(x);
		last = i;
		i = rows[i].issuer;
	} while (!r && i != last);
	if (r)
		cs_signer_release(ret);
	return r;
}

int signing_anchors(const struct signing_authority *a, struct cs_anchors *ret,
		    struct err *e)
{
	return cs_anchors_add(ret, buf_span(&a->cert[SIGNING_ROOT]), e);
}
