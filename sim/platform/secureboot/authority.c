/* SPDX-License-Identifier: MIT */
#include "sim/platform/secureboot/authority.h"

#include <stdio.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "sim/platform/secureboot/cert.h"
#include "sim/platform/secureboot/keys.h"
#include "sim/platform/secureboot/localpolicy.h"

#define MUST(a, b, c, d)                                                                 \
	{                                                                                \
		.name = FOURCC(a, b, c, d), .kind = IMG4_MUST                            \
	}
#define MAY(a, b, c, d)                                                                  \
	{                                                                                \
		.name = FOURCC(a, b, c, d), .kind = IMG4_MAY                             \
	}

/* What Apple's signing server puts into manifests. A global one has no ECID and nonce. */
static const struct img4_prop tss_manp[] = {
	MUST('C', 'H', 'I', 'P'), MUST('S', 'D', 'O', 'M'), MAY('B', 'O', 'R', 'D'),
	MAY('C', 'E', 'P', 'O'),  MAY('C', 'P', 'R', 'O'),  MAY('C', 'S', 'E', 'C'),
	MAY('E', 'C', 'I', 'D'),  MAY('B', 'N', 'C', 'H'),  MAY('s', 'n', 'o', 'n'),
	MAY('s', 'r', 'v', 'n'),  MAY('l', 'o', 'v', 'e'),  MAY('a', 'u', 'g', 's'),
	MAY('u', 'i', 'd', 'm'),  MAY('e', 's', 'd', 'm'),  MAY('p', 'a', 'v', 'e'),
	MAY('p', 'r', 't', 'p'),  MAY('s', 'd', 'k', 'p'),  MAY('t', 'a', 'g', 't'),
	MAY('t', 'a', 't', 'p'),
};

static const struct img4_prop tss_objp[] = {
	MUST('D', 'G', 'S', 'T'),
	MAY('E', 'K', 'E', 'Y'),
	MAY('E', 'P', 'R', 'O'),
	MAY('E', 'S', 'E', 'C'),
};

#define N(a) (sizeof(a) / sizeof((a)[0]))

int sb_tss_constraints(struct buf *out, struct err *e)
{
	return img4_constraints_write(tss_manp, N(tss_manp), tss_objp, N(tss_objp), out,
				      e);
}

/* Everything that a policy can say; of this chip, and always marked as local. */
int sb_oic_constraints(uint64_t ecid, struct buf *out, struct err *e)
{
	struct img4_prop manp[LP_N_FIELDS], objp[LP_N_FIELDS + 1];
	size_t n_manp = 0, n_objp = 0;

	for (size_t i = 0; i < LP_N_FIELDS; i++) {
		const struct lp_row *row = lp_row((enum lp_field)i);
		struct img4_prop p = {.name = row->name, .kind = IMG4_MAY};

		if (i == LP_ECID)
			p = img4_number(row->name, ecid);
		if (i == LP_LOBO)
			p = img4_boolean(row->name, true);
		if (row->in_manp)
			manp[n_manp++] = p;
		else
			objp[n_objp++] = p;
	}
	objp[n_objp++] = (struct img4_prop)MUST('D', 'G', 'S', 'T');
	return img4_constraints_write(manp, n_manp, objp, n_objp, out, e);
}

static int sign(const void *ctx, const struct im4m_spec *s, struct buf *out,
		struct err *e)
{
	const struct sb_keys *k = ctx;
	const struct buf *ca = &k->id[SB_BOOT_CA].cert, *leaf = &k->id[SB_TSS].cert;
	struct im4m_signer by = {
		.key = k->id[SB_TSS].key,
		.cert = {{ca->data, ca->len}, {leaf->data, leaf->len}},
		.n_certs = 2,
	};

	return im4m_sign(s, &by, out, e);
}

static int make_oic(const struct sb_keys *k, EVP_PKEY *owner, uint64_t ecid,
		    struct buf *oic, struct err *e)
{
	struct buf constraints = BUF_INIT;
	char subject[64];
	struct sb_cert_spec s = {
		.subject = subject,
		.issuer = SB_BAA_NAME,
		.key = owner,
		.issuer_key = k->id[SB_BAA].key,
		.path_len = -1,
	};
	int r;

	snprintf(subject, sizeof(subject), "OIC %016llX", (unsigned long long)ecid);
	r = sb_keys_derive(k, subject, s.serial, sizeof(s.serial), e);
	s.serial[0] &= 0x7f;
	if (!r)
		r = sb_oic_constraints(ecid, &constraints, e);
	s.constraints = (struct span){constraints.data, constraints.len};
	if (!r)
		r = sb_cert_make(&s, oic, e);
	buf_release(&constraints);
	return r;
}

static int certify(const void *ctx, struct span spki, uint64_t ecid, struct buf *baa,
		   struct buf *oic, struct err *e)
{
	const struct sb_keys *k = ctx;
	const struct buf *ca = &k->id[SB_BAA].cert;
	const uint8_t *p = spki.p;
	EVP_PKEY *owner = d2i_PUBKEY(NULL, &p, (long)spki.len);
	int r;

	if (!owner || p != spki.p + spki.len)
		r = err_set(e, E_CORRUPT, "the owner key cannot be read");
	else
		r = make_oic(k, owner, ecid, oic, e);
	if (!r)
		r = buf_append(baa, ca->data, ca->len, e);
	ERR_clear_error();
	EVP_PKEY_free(owner);
	return r;
}

struct sb_services sb_keys_services(const struct sb_keys *k)
{
	return (struct sb_services){.ctx = k, .sign = sign, .certify = certify};
}
