/* SPDX-License-Identifier: MIT */
/* What LLB asks NVRAM and the Secure Enclave, and what the owner's key vouches for. */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "sim/platform/secureboot/chain_impl.h"
#include "sim/platform/secureboot/layout.h"
#include "sim/platform/secureboot/sep_impl.h"

/* Which system: NVRAM says it, unless somebody chose. */
enum img4_result walk_by_syntax(struct walk *w, bool *skip, struct err *e)
{
	const struct nvram_var *v =
		w->b->nvram ? nvram_get_apple(w->b->nvram, NVRAM_BOOT_VOLUME) : NULL;

	(void)skip;
	snprintf(w->step->path, sizeof(w->step->path), "NVRAM:" NVRAM_BOOT_VOLUME);
	if (w->r->group[0])
		return IMG4_OK;
	if (!v) {
		err_set(e, E_NOTFOUND, "NVRAM has no " NVRAM_BOOT_VOLUME);
		return IMG4_ENOENT;
	}
	w->step->size = v->len;
	return sb_boot_volume_parse((const char *)v->value, v->len, w->r->group, e)
		       ? IMG4_EILSEQ
		       : IMG4_OK;
}

/* The policy under one of the two nonces. */
static enum img4_result try_policy(struct walk *w, bool proposed, struct err *e)
{
	struct sb_result *r = w->r;
	uint8_t rpnh[IMG4_DIGEST_LEN];
	struct lp_expect x = sep_expect(w->b->chip, w->lpnh);
	enum img4_result result;

	if (sep_nonce_digest(w->b->chip, SEP_LPN, proposed, w->lpnh, e))
		return IMG4_ENOENT;
	if (sep_nonce_digest(w->b->chip, SEP_RPN, false, rpnh, e))
		return IMG4_ENOMEM;
	x.rpnh = rpnh;
	x.root = w->root;
	if (lp_path(r->group, w->lpnh, LP_FILE_MACOS, r->policy_path, e))
		return IMG4_EILSEQ;
	result = walk_read(w, SB_ISCPREBOOT, r->policy_path, e);
	if (!result)
		result = lp_verify(w->file.data, w->file.len, &x, &r->policy, e);
	return result;
}

/* Without nsih there is nothing that could follow. */
static enum img4_result take_policy(struct walk *w, struct err *e)
{
	const uint8_t *nsih = lp_bytes(&w->r->policy, LP_NSIH);

	if (!nsih) {
		err_set(e, E_CORRUPT, "the policy has no 'nsih'");
		return IMG4_ENOEXEC;
	}
	w->r->has_policy = true;
	w->r->level = lp_level(&w->r->policy);
	walk_set_nsih(w, nsih);
	return IMG4_OK;
}

/* The proposed policy if its update came so far, else the blessed one. */
enum img4_result walk_by_sep(struct walk *w, bool *skip, struct err *e)
{
	enum img4_result r = try_policy(w, true, e);

	(void)skip;
	w->r->proposed = !r;
	if (r && !w->error)
		r = try_policy(w, false, e);
	return r ? r : take_policy(w, e);
}

/* Objects that the owner adds: what the policy has to say, and where they are. */
struct owned {
	uint32_t object;
	enum lp_field digest, permit;
	enum lp_file manifest;
	bool digest_in_name; /* kernelcache.custom.<COIH> */
};

static const struct owned owned[] = {
	{FOURCC('f', 'u', 'o', 's'), LP_COIH, LP_SMB1, LP_FILE_FUOS, true},
	{FOURCC('a', 'u', 'x', 'k'), LP_AUXI, LP_SMB2, LP_FILE_AUXK, false},
};

static const struct owned *owned_by_name(uint32_t object)
{
	size_t i = 0;

	while (owned[i].object != object)
		i++;
	return &owned[i];
}

/* The linked manifest: named by the policy, by its digest, and signed by its key. */
static enum img4_result check_linked(struct walk *w, const struct owned *o,
				     struct im4m *ret, struct err *e)
{
	uint8_t digest[IMG4_DIGEST_LEN];
	char path[LP_PATH_MAX];
	enum img4_result r;

	if (lp_path(w->r->group, w->lpnh, o->manifest, path, e))
		return IMG4_EILSEQ;
	r = walk_read(w, SB_ISCPREBOOT, path, e);
	if (r)
		return r;
	if (im4m_parse(w->file.data, w->file.len, ret, e))
		return IMG4_EILSEQ;
	if (img4_digest(ret->whole, digest, e))
		return IMG4_ENOMEM;
	if (CRYPTO_memcmp(digest, lp_bytes(&w->r->policy, o->digest), sizeof(digest))) {
		err_set(e, E_CORRUPT, "the manifest is not the one of the LocalPolicy");
		return IMG4_ENOEXEC;
	}
	r = img4_authentic(ret, w->root, e);
	return r ? r : img4_for_chip(ret, &w->b->chip->id, IMG4_CHIP_AP_SHA2_384, e);
}

static enum img4_result read_owned(struct walk *w, const struct owned *o, struct err *e)
{
	char path[384], digest[LP_DIGEST_TEXT_MAX] = "";

	if (o->digest_in_name)
		lp_digest_text(lp_bytes(&w->r->policy, o->digest), digest);
	snprintf(path, sizeof(path), "%s/%s%s", w->r->boot_objects_path, w->row->path,
		 digest);
	return walk_read(w, SB_PREBOOT, path, e);
}

static enum img4_result check_owned(struct walk *w, const struct im4m *m, struct err *e)
{
	uint8_t digest[IMG4_DIGEST_LEN];
	struct im4p p;
	enum img4_result r;

	if (im4p_parse(w->file.data, w->file.len, &p, e))
		return IMG4_EILSEQ;
	if (img4_digest(p.whole, digest, e))
		return IMG4_ENOMEM;
	r = img4_digest_is(m, w->row->object, digest, e);
	return r ? r : walk_keep(w, p.data, e);
}

enum img4_result walk_by_owner(struct walk *w, bool *skip, struct err *e)
{
	const struct owned *o = owned_by_name(w->row->object);
	struct buf manifest = BUF_INIT;
	enum img4_result r;
	struct im4m m;

	*skip = !lp_bytes(&w->r->policy, o->digest) || !lp_true(&w->r->policy, o->permit);
	if (*skip)
		return IMG4_OK;
	r = check_linked(w, o, &m, e);
	manifest = w->file; /* what @m points into */
	w->file = (struct buf)BUF_INIT;
	if (!r)
		r = read_owned(w, o, e);
	if (!r)
		r = check_owned(w, &m, e);
	buf_release(&manifest);
	return r;
}
