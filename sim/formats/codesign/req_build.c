/* SPDX-License-Identifier: MIT */
/* Writing requirements, and the designated one (drmaker.cpp). */
#include <string.h>

#include <openssl/sha.h>

#include "sim/formats/codesign/req_impl.h"

int cs_req_put32(struct buf *out, uint32_t v, struct err *e)
{
	be32 raw = to_be32(v);

	return buf_append(out, &raw, sizeof(raw), e);
}

int cs_req_put_data(struct buf *out, struct span data, struct err *e)
{
	int r = cs_req_put32(out, (uint32_t)data.len, e);

	if (!r)
		r = buf_append(out, data.p, data.len, e);
	return r ? r : buf_append_zeros(out, -data.len & 3, e);
}

int cs_req_put_string(struct buf *out, const char *s, struct err *e)
{
	return cs_req_put_data(out, (struct span){(const uint8_t *)s, strlen(s)}, e);
}

int cs_req_put_begin(struct buf *out, struct err *e)
{
	struct cs_req_raw raw = {.magic = to_be32(CS_MAGIC_REQUIREMENT),
				 .kind = to_be32(CS_REQ_EXPRESSION)};

	return buf_append(out, &raw, sizeof(raw), e);
}

void cs_req_put_end(struct buf *out, size_t start)
{
	put_be32(out->data + start + 4, (uint32_t)(out->len - start));
}

static int put_ops(struct buf *out, const uint32_t *op, size_t n, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < n && !r; i++)
		r = cs_req_put32(out, op[i], e);
	return r;
}

#define PUT(out, e, ...)                                                                 \
	put_ops(out, (const uint32_t[]){__VA_ARGS__},                                    \
		sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), e)

static int put_has_oid(struct buf *out, uint32_t slot, const char *oid, struct err *e)
{
	struct buf b = BUF_INIT;
	int r = cs_oid_from_text(oid, &b, e);

	if (!r)
		r = PUT(out, e, CS_OP_CERT_GENERIC, slot);
	if (!r)
		r = cs_req_put_data(out, buf_span(&b), e);
	if (!r)
		r = cs_req_put32(out, CS_MATCH_EXISTS, e);
	buf_release(&b);
	return r;
}

static bool has_oid(X509 *x, const char *oid)
{
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT;
	bool has = x && !cs_oid_from_text(oid, &b, &e) &&
		   cs_cert_has_extension(x, buf_span(&b));

	buf_release(&b);
	return has;
}

static bool is_developer_id(const struct cs_chain *c)
{
	return c->n == 3 && has_oid(c->cert[1], CS_OID_DEVELOPER_ID_CA);
}

/* isAppleDeveloperCert of StaticCode.cpp, of which kexts meet Developer ID alone. */
bool cs_chain_names_team(const struct cs_chain *c, const struct cs_anchors *a)
{
	return cs_chain_is_apple_generic(c, a) && is_developer_id(c) &&
	       has_oid(c->cert[0], CS_OID_DEVELOPER_ID_LEAF);
}

static int put_developer_id(struct buf *out, X509 *leaf, struct err *e)
{
	struct buf team = BUF_INIT;
	bool found = false;
	int r = PUT(out, e, CS_OP_AND, CS_OP_APPLE_GENERIC_ANCHOR, CS_OP_AND);

	if (!r)
		r = put_has_oid(out, 1, CS_OID_DEVELOPER_ID_CA, e);
	if (!r)
		r = cs_req_put32(out, CS_OP_AND, e);
	if (!r)
		r = put_has_oid(out, 0, CS_OID_DEVELOPER_ID_LEAF, e);
	if (!r)
		r = PUT(out, e, CS_OP_CERT_FIELD, 0);
	if (!r)
		r = cs_req_put_string(out, "subject.OU", e);
	if (!r)
		r = cs_req_put32(out, CS_MATCH_EQUAL, e);
	if (!r)
		r = cs_cert_subject(leaf, NID_organizationalUnitName, &team, &found, e);
	if (!r)
		r = cs_req_put_string(out, buf_str(&team), e);
	buf_release(&team);
	return r;
}

/* The highest certificate that still has the leaf's organisation in it. */
static uint32_t own_authority(const struct cs_chain *c, struct err *e, int *r)
{
	struct buf own = BUF_INIT, o = BUF_INIT;
	bool found = false;
	size_t slot = 0;

	*r = cs_cert_subject(c->cert[0], NID_organizationName, &own, &found, e);
	while (!*r && found && slot + 1 < c->n) {
		buf_clear(&o);
		*r = cs_cert_subject(c->cert[slot + 1], NID_organizationName, &o, &found,
				     e);
		if (*r || !found || strcmp(buf_str(&o), buf_str(&own)) != 0)
			break;
		slot++;
	}
	buf_release(&own);
	buf_release(&o);
	return slot && slot == c->n - 1 ? UINT32_MAX : (uint32_t)slot;
}

static int put_other_anchor(struct buf *out, const struct cs_chain *c, struct err *e)
{
	uint8_t hash[SHA_DIGEST_LENGTH];
	unsigned n = 0;
	int r;
	uint32_t slot = own_authority(c, e, &r);

	if (!r && !X509_digest(cs_chain_at(c, (int32_t)slot), EVP_sha1(), hash, &n))
		r = err_set(e, E_INFRA, "OpenSSL: hashing a certificate failed");
	if (!r)
		r = PUT(out, e, CS_OP_ANCHOR_HASH, slot);
	return r ? r : cs_req_put_data(out, (struct span){hash, sizeof(hash)}, e);
}

int cs_req_designated(const char *ident, const struct cs_chain *chain,
		      const struct cs_anchors *anchors, struct buf *out, struct err *e)
{
	size_t start = out->len;
	int r = cs_req_put_begin(out, e);

	if (!r)
		r = PUT(out, e, CS_OP_AND, CS_OP_IDENT);
	if (!r)
		r = cs_req_put_string(out, ident, e);
	if (r)
		return r;
	if (!cs_chain_is_apple_generic(chain, anchors))
		r = put_other_anchor(out, chain, e);
	else if (is_developer_id(chain))
		r = put_developer_id(out, chain->cert[0], e);
	else
		r = cs_req_put32(out, CS_OP_APPLE_ANCHOR, e);
	if (!r)
		cs_req_put_end(out, start);
	return r;
}
