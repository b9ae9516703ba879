/* SPDX-License-Identifier: MIT */
/* How Boot ROM, iBoot and XNU verify; LLB and what it asks the owner are in chain_llb.c.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "sim/platform/secureboot/cert.h"
#include "sim/platform/secureboot/chain_impl.h"
#include "sim/platform/secureboot/layout.h"

#define NOR_PATH "NOR:%s"

enum img4_result walk_by_fuse(struct walk *w, bool *skip, struct err *e)
{
	const struct sb_chip *c = w->b->chip;
	struct span root = {c->root.data, c->root.len};
	uint8_t digest[IMG4_DIGEST_LEN];

	(void)skip;
	w->step->size = root.len;
	if (sb_cert_key_digest(root, digest, e))
		return IMG4_EILSEQ;
	if (CRYPTO_memcmp(digest, c->root_hash, sizeof(digest)) != 0) {
		err_set(e, E_CORRUPT, "the root's key is not the one in the fuses");
		return IMG4_EAUTH;
	}
	w->root = root;
	return IMG4_OK;
}

/* An IMG4 with a manifest, of the type that the row wants. */
static enum img4_result open_object(struct walk *w, const struct buf *file,
				    struct img4 *ret, struct err *e)
{
	char have[FOURCC_TEXT_MAX], want[FOURCC_TEXT_MAX];

	if (img4_parse(file->data, file->len, ret, e))
		return IMG4_EILSEQ;
	if (ret->has_manifest && ret->payload.type == w->row->object &&
	    !ret->payload.compressed)
		return IMG4_OK;
	err_set(e, E_UNSUPPORTED, "'%s'%s%s where '%s' with its manifest has to be",
		fourcc_text(ret->payload.type, have),
		ret->has_manifest ? "" : " without a manifest",
		ret->payload.compressed ? ", compressed," : "",
		fourcc_text(w->row->object, want));
	return IMG4_EFTYPE;
}

static enum img4_result check_digest(struct walk *w, const struct im4m *m,
				     struct span whole, struct err *e)
{
	uint8_t digest[IMG4_DIGEST_LEN];

	if (img4_digest(whole, digest, e))
		return IMG4_ENOMEM;
	return img4_digest_is(m, w->row->object, digest, e);
}

/* A manifest stands for itself: signed by whom the root entitles, for this chip. */
static enum img4_result check_manifest(struct walk *w, const struct im4m *m,
				       enum img4_selector s, struct err *e)
{
	enum img4_result r = img4_authentic(m, w->root, e);

	return r ? r : img4_for_chip(m, &w->b->chip->id, s, e);
}

/* LLB: out of NOR, for this chip alone, under the nonce that it was installed with. */
static enum img4_result check_nor(struct walk *w, struct err *e)
{
	const struct buf *nor = sb_chip_nor(w->b->chip, w->row->object);
	char name[FOURCC_TEXT_MAX];
	enum img4_result r;
	struct img4 f;

	snprintf(w->step->path, sizeof(w->step->path), NOR_PATH,
		 fourcc_text(w->row->object, name));
	if (!nor) {
		err_set(e, E_NOTFOUND, "NOR has no '%s'", name);
		return IMG4_ENOENT;
	}
	w->step->size = nor->len;
	if (buf_append(&w->llb, nor->data, nor->len, e))
		return IMG4_ENOMEM;
	r = open_object(w, &w->llb, &f, e);
	if (!r)
		r = check_manifest(w, &f.manifest, IMG4_CHIP_AP_SHA2_384, e);
	if (!r)
		r = img4_nonce(&f.manifest, w->b->chip->generator, e);
	if (!r)
		r = check_digest(w, &f.manifest, f.payload.whole, e);
	w->llb_manifest = f.manifest;
	return r;
}

static enum sb_volume volume(const struct walk *w)
{
	return w->b->recovery ? SB_RECOVERY : SB_PREBOOT;
}

/* Which of the folders below boot: a hint that nobody vouches for, and need not. */
static enum img4_result read_active(struct walk *w, struct err *e)
{
	uint8_t nsih[IMG4_DIGEST_LEN];
	char path[128];
	enum img4_result r;

	snprintf(path, sizeof(path), "/%s/" SB_ACTIVE, w->r->group);
	r = walk_read(w, volume(w), path, e);
	if (r)
		return r;
	if (w->file.len < 2 * sizeof(nsih) ||
	    sb_hex_parse((const char *)w->file.data, nsih, sizeof(nsih), NULL)) {
		err_set(e, E_CORRUPT, "%s does not name a folder", path);
		return IMG4_EILSEQ;
	}
	walk_set_nsih(w, nsih);
	return IMG4_OK;
}

static enum img4_result read_boot_object(struct walk *w, struct err *e)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", w->r->boot_objects_path, w->row->path);
	return walk_read(w, volume(w), path, e);
}

/* iBoot's manifest is the one of everything that follows. */
static enum img4_result take_os_manifest(struct walk *w, enum img4_selector s,
					 struct err *e)
{
	enum img4_result r;
	struct img4 f;

	buf_release(&w->iboot);
	w->iboot = w->file;
	w->file = (struct buf)BUF_INIT;
	r = open_object(w, &w->iboot, &f, e);
	if (!r)
		r = check_manifest(w, &f.manifest, s, e);
	if (!r && f.has_generator)
		r = img4_nonce(&f.manifest, f.generator, e);
	w->os_manifest = f.manifest;
	return r ? r : check_digest(w, &f.manifest, f.payload.whole, e);
}

/* The root hash is an IM4P, the others are what they are. */
static enum img4_result keep_beside(struct walk *w, struct err *e)
{
	struct im4p payload;

	payload.data = (struct span){w->file.data, w->file.len};
	if (w->row->object == SB_XSYS &&
	    im4p_parse(w->file.data, w->file.len, &payload, e))
		return IMG4_EILSEQ;
	return walk_keep(w, payload.data, e);
}

/* x86: the file as it is, its manifest beside it. */
static enum img4_result check_beside(struct walk *w, struct err *e)
{
	static const enum img4_selector selector[] = {
		[SECURE_BOOT_NONE] = IMG4_CHIP_SOFTWARE_FF00,
		[SECURE_BOOT_T2] = IMG4_CHIP_AP_HYBRID,
		[SECURE_BOOT_LOCAL_POLICY] = IMG4_CHIP_AP_SHA2_384,
	};
	const struct machine_model *machine = w->b->machine;
	struct err sub = ERR_INIT;
	struct im4m m;
	struct buf manifest;
	char path[256];
	enum img4_result r;

	if (sb_beside_path(w->row, w->r->group, machine, path, sizeof(path), e))
		return IMG4_EILSEQ;
	r = walk_read(w, volume(w), path, e);
	manifest = w->file;
	w->file = (struct buf)BUF_INIT;
	if (!r && im4m_parse(manifest.data, manifest.len, &m, e))
		r = IMG4_EILSEQ;
	snprintf(path, sizeof(path), "/%s/%s", w->r->group, w->row->path);
	if (!r)
		r = walk_read(w, volume(w), path, e);
	if (!r)
		r = check_manifest(w, &m, selector[machine->secure_boot], e);
	if (!r)
		r = check_digest(w, &m, (struct span){w->file.data, w->file.len}, e);
	buf_release(&manifest);
	if (!r)
		return keep_beside(w, e);
	/* XNU looks for the snapshot that is named by it before it judges it. */
	if (w->row->stage == SB_XNU)
		(void)!keep_beside(w, &sub);
	return r;
}

/* XNU has the root built in; there are no fuses that it was checked against. */
static void trust_builtin_root(struct walk *w)
{
	if (!w->root.p)
		w->root = (struct span){w->b->chip->root.data, w->b->chip->root.len};
}

enum img4_result walk_by_signature(struct walk *w, bool *skip, struct err *e)
{
	enum img4_result r;

	(void)skip;
	if (!w->row->path)
		return check_nor(w, e);
	trust_builtin_root(w);
	if (w->row->im4m != SB_INSIDE)
		return check_beside(w, e);
	r = read_active(w, e);
	if (!r)
		r = read_boot_object(w, e);
	return r ? r : take_os_manifest(w, IMG4_CHIP_AP_SHA2_384, e);
}

enum img4_result walk_by_nsih(struct walk *w, bool *skip, struct err *e)
{
	uint8_t digest[IMG4_DIGEST_LEN];
	enum img4_result r;

	(void)skip;
	r = read_boot_object(w, e);
	if (!r)
		r = take_os_manifest(w, sb_level_row(w->r->level)->selector, e);
	if (r)
		return r;
	if (img4_digest(w->os_manifest.whole, digest, e))
		return IMG4_ENOMEM;
	if (!CRYPTO_memcmp(digest, w->r->nsih, sizeof(digest)))
		return IMG4_OK;
	err_set(e, E_CORRUPT, "the manifest is not the one of the LocalPolicy (nsih)");
	return IMG4_ESTALE;
}

/*
 * The manifest that is attached has to be the very one of the stage before. Another one
 * that is authentic is out of force (ESTALE); one that is not was never in force (EAUTH).
 */
static enum img4_result check_same_manifest(struct walk *w, const struct img4 *f,
					    const struct im4m *m, struct err *e)
{
	enum img4_result r;

	if (f->manifest.whole.len == m->whole.len &&
	    !memcmp(f->manifest.whole.p, m->whole.p, m->whole.len))
		return IMG4_OK;
	r = img4_authentic(&f->manifest, w->root, e);
	if (r)
		return r;
	err_set(e, E_CORRUPT, "another manifest than that of the stage before");
	return IMG4_ESTALE;
}

/* Firmware in NOR goes with LLB's manifest, files of Preboot with iBoot's. */
static enum img4_result read_member(struct walk *w, struct err *e)
{
	const struct buf *nor;
	char name[FOURCC_TEXT_MAX];

	if (w->row->path)
		return read_boot_object(w, e);
	nor = sb_chip_nor(w->b->chip, w->row->object);
	snprintf(w->step->path, sizeof(w->step->path), NOR_PATH,
		 fourcc_text(w->row->object, name));
	if (!nor) {
		err_set(e, E_NOTFOUND, "NOR has no '%s'", name);
		return IMG4_ENOENT;
	}
	buf_clear(&w->file);
	w->step->size = nor->len;
	return buf_append(&w->file, nor->data, nor->len, e) ? IMG4_ENOMEM : IMG4_OK;
}

enum img4_result walk_by_manifest(struct walk *w, bool *skip, struct err *e)
{
	const struct im4m *m = w->row->path ? &w->os_manifest : &w->llb_manifest;
	struct img4_props props;
	enum img4_result r;
	struct img4 f;

	(void)skip;
	w->step->absent = w->row->optional && !im4m_object(m, w->row->object, &props);
	if (w->step->absent)
		return IMG4_OK;
	r = read_member(w, e);
	if (!r)
		r = open_object(w, &w->file, &f, e);
	if (!r)
		r = check_same_manifest(w, &f, m, e);
	if (!r)
		r = check_digest(w, m, f.payload.whole, e);
	return r ? r : walk_keep(w, f.payload.data, e);
}

enum img4_result walk_by_nothing(struct walk *w, bool *skip, struct err *e)
{
	char path[256];
	enum img4_result r;

	(void)skip;
	snprintf(path, sizeof(path), "/%s/%s", w->r->group, w->row->path);
	r = walk_read(w, volume(w), path, e);
	return r ? r : walk_keep(w, (struct span){w->file.data, w->file.len}, e);
}
