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
	keystore_release(&a->store);
	for (size_t i = 0; i < SIGNING_N_KEYS; i++)
		buf_release(&a->cert[i]);
}

static int make_cert(struct signing_authority *a, enum signing_key i, struct err *e)
{
	const struct row *row = &rows[i];
	struct lab_cert_spec s = {
		.subject = row->name,
		.issuer = rows[row->issuer].name,
		.not_before = row->not_before ? row->not_before : BEGIN,
		.not_after = row->not_after ? row->not_after : END,
		.path_len = row->path_len,
		.extended_usage = row->usage,
		.digest = EVP_sha256(),
	};
	int r = keystore_derive(a->store.seed, row->name.cn, s.serial, sizeof(s.serial), e);

	s.serial[0] &= 0x7f;
	memcpy(s.extension, row->mark, sizeof(row->mark));
	if (!r)
		r = keystore_key(&a->store, i, &s.key, e);
	if (!r)
		r = keystore_key(&a->store, row->issuer, &s.issuer_key, e);
	return r ? r : lab_cert_make(&s, &a->cert[i], e);
}

int signing_cert(struct signing_authority *a, enum signing_key i, struct span *ret,
		 struct err *e)
{
	int r = a->cert[i].len ? 0 : make_cert(a, i, e);

	*ret = buf_span(&a->cert[i]);
	return r;
}

/* Another number of keys is another file, so that a row can be added. */
int signing_authority_load(const char *dir, struct signing_authority *ret, struct err *e)
{
	char name[32];

	*ret = (struct signing_authority){.store = {.n = 0}};
	snprintf(name, sizeof(name), "codesign-%d", SIGNING_N_KEYS);
	return keystore_load(dir, name, SIGNING_N_KEYS, &ret->store, e);
}

int signing_authority_fingerprint(struct signing_authority *a,
				  char out[static SHA256_TEXT_MAX], struct err *e)
{
	struct buf b = BUF_INIT;
	struct span cert;
	int r = 0;

	for (size_t i = 0; !r && i < SIGNING_N_KEYS; i++) {
		r = signing_cert(a, (enum signing_key)i, &cert, e);
		if (!r)
			r = buf_append(&b, cert.p, cert.len, e);
	}
	if (!r)
		r = sha256_text(b.data, b.len, out, e);
	buf_release(&b);
	return r;
}

static int add_cert(struct signing_authority *a, enum signing_key i, struct cs_chain *chain,
		    struct err *e)
{
	struct span cert;
	X509 *x;
	int r = signing_cert(a, i, &cert, e);

	if (r)
		return r;
	x = cs_cert_parse(cert);
	r = x ? cs_chain_add(chain, x, e)
	      : err_set(e, E_INFRA, "the certificate '%s' cannot be read", rows[i].name.cn);
	X509_free(x);
	return r;
}

int signing_signer(struct signing_authority *a, enum signing_key leaf,
		   struct cs_signer *ret, struct err *e)
{
	enum signing_key i = leaf, last;
	EVP_PKEY *key;
	int r = keystore_key(&a->store, leaf, &key, e);

	*ret = (struct cs_signer){.key = NULL};
	if (r)
		return r;
	EVP_PKEY_up_ref(key);
	ret->key = key;
	do {
		r = add_cert(a, i, &ret->chain, e);
		last = i;
		i = rows[i].issuer;
	} while (!r && i != last);
	if (r)
		cs_signer_release(ret);
	return r;
}

int signing_anchors(struct signing_authority *a, struct cs_anchors *ret, struct err *e)
{
	struct span root;
	int r = signing_cert(a, SIGNING_ROOT, &root, e);

	return r ? r : cs_anchors_add(ret, root, e);
}
