/* SPDX-License-Identifier: MIT */
/* Verifying one slice (SecStaticCode::staticValidateCore). */
#include <stdio.h>
#include <string.h>

#include "sim/formats/codesign/verify_impl.h"
#include "sim/formats/plist/pl.h"

/* What one slice brings. */
struct core {
	struct cs_verify *v;
	const struct cs_image *image;
	struct cs_parts parts;
	struct cs_codedirs all;
	const struct cs_codedir *best;
	struct cs_cms_result cms;
	uint8_t cdhash[CS_CODEDIRS_MAX][CS_CDHASH_LEN]; /* in the order of all.dir */
};

/* ---- code directories ---- */

static int status_of_codedir(enum err_code code)
{
	return code == E_UNSUPPORTED ? CS_SIGNATURE_UNSUPPORTED : CS_SIGNATURE_FAILED;
}

/* *ret_there: there is one in @slot. */
static int add_codedir(struct cs_verify *v, const struct cs_parts *parts, uint32_t slot,
		       struct cs_codedirs *all, bool *ret_there, int *ret_status)
{
	struct span blob = cs_part(v->code, parts, slot);
	struct cs_codedir *d = &all->dir[all->n];
	int r;

	*ret_there = blob.p;
	if (!blob.p)
		return 0;
	r = cs_codedir_open(blob, d, v->e);
	if (r) {
		*ret_status = status_of_codedir(v->e->code);
		return 0;
	}
	for (size_t i = 0; i < all->n; i++)
		if (all->dir[i].hash_type == d->hash_type) {
			*ret_status = CS_SIGNATURE_INVALID;
			err_set(v->e, E_CORRUPT, "two code directories with one hash");
			return 0;
		}
	all->n++;
	return 0;
}

int cs_gather_codedirs(struct cs_verify *v, const struct cs_parts *parts,
		       struct cs_codedirs *all, int *ret_status)
{
	bool there = false;
	int r;

	*all = (struct cs_codedirs){.n = 0};
	*ret_status = CS_OK;
	r = add_codedir(v, parts, CS_SLOT_CODEDIRECTORY, all, &there, ret_status);
	if (!r && !there)
		*ret_status = CS_UNSIGNED;
	for (uint32_t slot = CS_SLOT_ALTERNATE;
	     !r && !*ret_status && there && slot < CS_SLOT_ALTERNATE_END; slot++)
		r = add_codedir(v, parts, slot, all, &there, ret_status);
	if (!r && !*ret_status && !cs_codedirs_best(all)) {
		*ret_status = CS_UNSUPPORTED_DIGEST;
		err_set(v->e, E_UNSUPPORTED, "no code directory of a known hash");
	}
	return r;
}

/* ---- what is told of it ---- */

static void copy_name(char out[static CODESIGN_NAME_MAX], const char *s)
{
	snprintf(out, CODESIGN_NAME_MAX, "%s", s ? s : "");
}

static void describe(struct core *k)
{
	struct codesign_result *ret = k->v->ret;

	ret->is_signed = true;
	ret->adhoc = k->best->flags & CS_FLAG_ADHOC;
	ret->version = k->best->version;
	ret->flags = k->best->flags;
	ret->hash = k->best->hash;
	copy_name(ret->ident, k->best->ident);
	copy_name(ret->team, k->best->team);
	memcpy(ret->cdhash, k->cdhash[k->best - k->all.dir], CS_CDHASH_LEN);
	for (size_t i = 0; i < k->all.n; i++)
		if (k->all.dir[i].hash)
			memcpy(ret->cdhashes[ret->n_cdhashes++], k->cdhash[i],
			       CS_CDHASH_LEN);
}

static int describe_root(struct core *k)
{
	X509 *root = cs_chain_at(&k->cms.chain, -1);
	unsigned char *der = NULL;
	int len = i2d_X509(root, &der), r;

	if (len <= 0)
		return err_set(k->v->e, E_NOMEM, "out of memory");
	buf_clear(&k->v->ret->root);
	r = buf_append(&k->v->ret->root, der, (size_t)len, k->v->e);
	OPENSSL_free(der);
	return r;
}

static int describe_authorities(struct core *k)
{
	struct codesign_result *ret = k->v->ret;
	int r = describe_root(k);

	ret->signing_time = k->cms.signing_time;
	ret->timestamp = k->cms.timestamp;
	ret->expired = k->cms.expired;
	for (size_t i = 0; i < k->cms.chain.n && !r; i++) {
		struct buf b = BUF_INIT;
		bool found;

		r = cs_cert_subject(k->cms.chain.cert[i], NID_commonName, &b, &found,
				    k->v->e);
		if (!r)
			copy_name(ret->authority[ret->n_authorities++], buf_str(&b));
		buf_release(&b);
	}
	return r;
}

/* The designated requirement in words; what cannot be read is left out. */
static void describe_requirement(struct core *k)
{
	struct span set = cs_part(k->v->code, &k->parts, CS_SLOT_REQUIREMENTS), dr;
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;
	struct cs_super super;

	if (!set.p || cs_super_open(set, CS_MAGIC_REQUIREMENTS, &super, &e))
		return;
	dr = cs_super_find(&super, CS_REQ_DESIGNATED);
	if (dr.p && !cs_req_text(dr, &text, &e)) {
		(void)buf_str(&text);
		k->v->ret->requirement = (char *)buf_steal(&text, NULL);
	}
	buf_release(&text);
}

/* ---- steps ---- */

static int load(struct core *k)
{
	struct cs_verify *v = k->v;
	uint8_t hash[CS_HASH_MAX];
	int status = CS_OK;
	int r = cs_parts_open(v->code, k->image, &k->parts, &status, v->e);

	v->from_files = k->parts.from_files;
	if (!r && !status)
		r = cs_gather_codedirs(v, &k->parts, &k->all, &status);
	if (r || status)
		return r ? r : cs_refuse(v, status, "");
	k->best = cs_codedirs_best(&k->all);
	for (size_t i = 0; i < k->all.n && !r; i++) {
		if (!k->all.dir[i].hash)
			continue;
		r = cs_codedir_hash(&k->all.dir[i], hash, v->e);
		memcpy(k->cdhash[i], hash, CS_CDHASH_LEN);
	}
	return r;
}

/* A part that the code directory vouches for; nothing else is believed. */
static struct span signed_part(const struct core *k, unsigned slot)
{
	return cs_codedir_special(k->best, slot) ? cs_part(k->v->code, &k->parts, slot)
						 : (struct span){NULL, 0};
}

static int check_team(struct core *k)
{
	struct cs_verify *v = k->v;
	struct buf team = BUF_INIT;
	bool found = false, same;
	int r;

	if (!k->best->team || !cs_chain_names_team(&k->cms.chain, v->how->anchors))
		return 0;
	r = cs_cert_subject(k->cms.chain.cert[0], NID_organizationalUnitName, &team,
			    &found, v->e);
	same = !found || !strcmp(buf_str(&team), k->best->team);
	buf_release(&team);
	return r || same ? r : cs_refuse(v, CS_BAD_TEAM_IDENTIFIER, k->best->team);
}

static int check_signature(struct core *k)
{
	struct cs_verify *v = k->v;
	struct span sig = cs_part(v->code, &k->parts, CS_SLOT_SIGNATURE);
	bool mind = v->how->consider_expiration ||
		    (k->best->flags & CS_FLAG_FORCE_EXPIRED);
	int status = CS_OK, r;

	if (k->best->flags & CS_FLAG_ADHOC)
		return 0;
	if (!sig.p)
		return cs_refuse(v, CS_UNSIGNED, "no CMS signature");
	r = cs_cms_verify(sig, &k->all, v->how->anchors, v->how->now, &k->cms, &status,
			  v->e);
	if (!r && status)
		r = cs_refuse(v, status, "");
	if (!r)
		r = check_team(k);
	if (!r && k->cms.expired && mind)
		r = cs_refuse(v, CS_TP_CERT_EXPIRED, "");
	return r;
}

static int status_of_slot(unsigned slot)
{
	return slot == CS_SLOT_INFO	   ? CS_INFO_PLIST_FAILED
	       : slot == CS_SLOT_RESOURCES ? CS_RESOURCE_DIRECTORY_FAILED
					   : CS_SIGNATURE_FAILED;
}

int cs_check_slot(struct cs_verify *v, const struct cs_codedir *d, unsigned slot,
		  struct span part)
{
	const uint8_t *want = cs_codedir_special(d, slot);
	uint8_t got[CS_HASH_MAX];
	char where[64];
	int r;

	/* Something that nobody signed does not count, but what was signed has to be
	   there. */
	if (!want)
		return 0;
	snprintf(where, sizeof(where), "special slot %u", slot);
	if (!part.p)
		return cs_refuse(v, status_of_slot(slot), where);
	r = cs_hash_of(d->hash, part, got, v->e);
	if (r || !memcmp(got, want, d->hash->len))
		return r;
	return cs_refuse(v, status_of_slot(slot), where);
}

static int check_slots(struct core *k)
{
	int r = 0;

	for (unsigned slot = CS_SLOT_MAX; slot > 0 && !r; slot--)
		if (slot != CS_SLOT_RESOURCES)
			r = cs_check_slot(k->v, k->best, slot,
					  cs_part(k->v->code, &k->parts, slot));
	return r;
}

static int check_pages_of(struct core *k, const struct cs_codedir *d)
{
	struct cs_verify *v = k->v;
	uint32_t bad = 0;
	char where[64];

	if (cs_codedir_check_pages(d, cs_code_pages(v->code, k->image), &bad, v->e))
		return v->e->code == E_CORRUPT ? cs_refuse(v, CS_SIGNATURE_FAILED, "")
					       : -(int)v->e->code;
	if (bad == d->n_code)
		return 0;
	snprintf(where, sizeof(where), "page %u%s%s", bad, k->image ? " of " : "",
		 k->image ? cs_image_arch(k->image) : "");
	return cs_refuse(v, CS_SIGNATURE_FAILED, where);
}

static int check_pages(struct core *k)
{
	int r = 0;

	for (size_t i = 0; i < k->all.n && !r; i++)
		if (k->all.dir[i].hash)
			r = check_pages_of(k, &k->all.dir[i]);
	if (!r && k->image && k->best->limit != cs_image_extent(k->image))
		k->v->covers_all = false;
	return r;
}

/* The dictionary in the entitlements blob; NULL: none. */
static plist_t entitlements_of(struct core *k)
{
	struct span blob = signed_part(k, CS_SLOT_ENTITLEMENTS), list;
	struct err e = ERR_INIT;
	plist_t dict = NULL;

	if (!blob.p || cs_blob_open(blob, CS_MAGIC_ENTITLEMENTS, &blob, &e))
		return NULL;
	list = cs_blob_payload(blob);
	if (pl_parse(list.p, list.len, "entitlements", &dict, &e))
		return NULL;
	if (plist_get_node_type(dict) == PLIST_DICT)
		return dict;
	plist_free(dict);
	return NULL;
}

static int check_requirement(struct core *k)
{
	struct cs_verify *v = k->v;
	plist_t entitlements;
	bool fits = false;
	int r;

	if (!v->how->requirement.p)
		return 0;
	entitlements = entitlements_of(k);
	struct cs_req_context ctx = {
		.chain = &k->cms.chain,
		.anchors = v->how->anchors,
		.info = signed_part(k, CS_SLOT_INFO).p ? v->code->info_dict : NULL,
		.entitlements = entitlements,
		.ident = k->best->ident,
		.platform = k->best->platform,
	};
	memcpy(ctx.cdhash, k->cdhash[k->best - k->all.dir], CS_CDHASH_LEN);
	r = cs_req_eval(v->how->requirement, &ctx, &fits, v->e);
	plist_free(entitlements);
	if (r == -(int)E_CORRUPT)
		return cs_refuse(v, CS_REQ_INVALID, "");
	if (r == -(int)E_UNSUPPORTED)
		return cs_refuse(v, CS_UNIMPLEMENTED, "");
	return r || fits ? r : cs_refuse(v, CS_REQ_FAILED, "");
}

/* All slices are of one team. */
static int compare_team(struct core *k)
{
	const char *team = k->best->team ? k->best->team : "";

	return strcmp(k->v->ret->team, team) ? cs_refuse(k->v, CS_SIGNATURE_INVALID,
							 "slices of different teams")
					     : 0;
}

static int verify(struct core *k, bool is_main)
{
	int r = load(k);

	if (!r && is_main) {
		describe(k);
		describe_requirement(k);
	}
	if (!r && !is_main)
		r = compare_team(k);
	if (!r)
		r = check_signature(k);
	if (r >= 0 && is_main && k->cms.chain.n) {
		int d = describe_authorities(k);

		r = d ? d : r;
	}
	if (!r)
		r = check_slots(k);
	if (!r)
		r = check_pages(k);
	return r ? r : check_requirement(k);
}

int cs_verify_image(struct cs_verify *v, const struct cs_image *image, bool is_main)
{
	struct core k = {.v = v, .image = image};
	int r = verify(&k, is_main);

	cs_cms_result_release(&k.cms);
	cs_parts_release(&k.parts);
	return r;
}
