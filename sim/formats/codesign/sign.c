/* SPDX-License-Identifier: MIT */
/* Signing bundles and executables (signer.cpp). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/base/idtext.h"
#include "sim/formats/codesign/codesign.h"
#include "sim/formats/macho/raw.h"
#include "sim/formats/plist/pl.h"

/* What codesign reserves for the CMS signature, whose length it does not know yet. */
#define CMS_ROOM   18000u
#define NESTED_MAX 4
#define META_MODE  0755

/* 10.11.4: systems from then on need no SHA-1. */
#define FIRST_WITH_SHA256 (10u << 16 | 11u << 8 | 4u)

struct sign {
	const struct codesign_spec *s;
	struct cs_code code;
	char ident[CODESIGN_NAME_MAX], team[CODESIGN_NAME_MAX];
	const struct cs_hash *hash[2]; /* the first signs; SHA-1 before SHA-256 */
	size_t n_hashes;
	uint32_t flags;
	struct buf resources, requirements, entitlements; /* parts, as they are stored */
	unsigned depth;
	struct err *e;
};

static int sign_code(const char *path, const struct codesign_spec *s, unsigned depth,
		     struct err *e);

static void release(struct sign *k)
{
	cs_code_release(&k->code);
	buf_release(&k->resources);
	buf_release(&k->requirements);
	buf_release(&k->entitlements);
}

/* ---- what is signed ---- */

static int choose_ident(struct sign *k)
{
	const char *id = k->s->ident;
	const char *slash = strrchr(k->code.path, '/');
	int n;

	if (!id && k->code.info_dict)
		id = pl_str(plist_dict_get_item(k->code.info_dict, "CFBundleIdentifier"));
	if (!id || !*id)
		id = slash ? slash + 1 : k->code.path;
	n = snprintf(k->ident, sizeof(k->ident), "%s", id);
	return n < (int)sizeof(k->ident)
		       ? 0
		       : err_set(k->e, E_OVERFLOW, "an identifier of %d bytes", n);
}

/* A team counts in certificates of the vendor's alone. */
static int choose_team(struct sign *k)
{
	const struct cs_signer *by = k->s->signer;
	struct buf b = BUF_INIT;
	bool found = false;
	int r;

	if (!by || !cs_chain_names_team(&by->chain, k->s->anchors))
		return 0;
	r = cs_cert_subject(by->chain.cert[0], NID_organizationalUnitName, &b, &found,
			    k->e);
	if (!r)
		snprintf(k->team, sizeof(k->team), "%s", buf_str(&b));
	buf_release(&b);
	return r;
}

static bool needs_sha1(const struct cs_code *c)
{
	for (size_t i = 0; i < c->images.n; i++) {
		const struct cs_image *im = &c->images.item[i];

		if (!im->platform || (im->platform == PLATFORM_MACOS &&
				      im->min_version < FIRST_WITH_SHA256))
			return true;
	}
	return !c->images.n;
}

static void choose_hashes(struct sign *k)
{
	if (needs_sha1(&k->code))
		k->hash[k->n_hashes++] = cs_hash_by_type(CS_HASH_SHA1);
	k->hash[k->n_hashes++] = cs_hash_by_type(CS_HASH_SHA256);
}

static int make_requirements(struct sign *k)
{
	struct cs_super_writer set = {.n = 0};
	struct buf dr = BUF_INIT;
	int r = 0;

	/* Ad hoc, it would be the cdhash, which is not known yet. */
	if (k->s->signer)
		r = cs_req_designated(k->ident, &k->s->signer->chain, k->s->anchors, &dr,
				      k->e);
	if (!r && dr.len)
		r = cs_super_add(&set, CS_REQ_DESIGNATED, buf_span(&dr), k->e);
	if (!r)
		r = cs_super_finish(&set, CS_MAGIC_REQUIREMENTS, &k->requirements, k->e);
	cs_super_writer_release(&set);
	buf_release(&dr);
	return r;
}

static int make_entitlements(struct sign *k)
{
	struct span s = k->s->entitlements;
	int r;

	if (!s.p)
		return 0;
	r = cs_blob_put_header(&k->entitlements, CS_MAGIC_ENTITLEMENTS, s.len, k->e);
	return r ? r : buf_append(&k->entitlements, s.p, s.len, k->e);
}

/* ---- nested code ---- */

static int put_cdhashes(const struct codesign_result *res, struct buf *out,
			struct err *e)
{
	char hex[2 * CS_CDHASH_LEN + 1];
	int r = 0;

	for (size_t i = 0; i < res->n_cdhashes && !r; i++) {
		hex_text(res->cdhashes[i], CS_CDHASH_LEN, hex);
		r = buf_printf(out, e, "%scdhash H\"%s\"", i ? " or " : "", hex);
	}
	return r;
}

static int sign_nested(void *ctx, const char *path, struct buf *req,
		       uint8_t cdhash[static CS_CDHASH_LEN], struct err *e)
{
	const struct sign *k = ctx;
	struct codesign_spec spec = *k->s;
	struct codesign_check how = {.anchors = k->s->anchors, .now = k->s->time};
	struct codesign_result res = {.status = CS_OK};
	int r;

	spec.ident = NULL;
	spec.entitlements = (struct span){NULL, 0};
	r = sign_code(path, &spec, k->depth + 1, e);
	if (!r)
		r = codesign_verify(path, &how, &res, e);
	if (!r && !res.is_signed)
		r = err_set(e, E_CORRUPT, "%s", cs_status_text(res.status));
	if (!r)
		memcpy(cdhash, res.cdhash, CS_CDHASH_LEN);
	if (!r)
		r = res.requirement ? buf_printf(req, e, "%s", res.requirement)
				    : put_cdhashes(&res, req, e);
	codesign_result_release(&res);
	return r;
}

static int make_resources(struct sign *k)
{
	struct cs_seal_spec s = {.n_hashes = k->n_hashes, .ctx = k, .nested = sign_nested};

	if (!*k->code.base)
		return 0;
	memcpy(s.hash, k->hash, sizeof(s.hash));
	return cs_resources_seal(&k->code, &s, &k->resources, k->e);
}

/* ---- one signature ---- */

static struct cs_codedir_spec codedir_spec(const struct sign *k, size_t i,
					   struct span pages)
{
	return (struct cs_codedir_spec){
		.hash = k->hash[i],
		.flags = k->flags,
		.ident = k->ident,
		.team = *k->team ? k->team : NULL,
		.page_shift = k->code.images.n ? CS_PAGE_SHIFT : 0,
		.special =
			{
				[CS_SLOT_INFO] = buf_span(&k->code.info),
				[CS_SLOT_REQUIREMENTS] = buf_span(&k->requirements),
				[CS_SLOT_RESOURCES] = buf_span(&k->resources),
				[CS_SLOT_ENTITLEMENTS] = buf_span(&k->entitlements),
			},
		.code = pages,
	};
}

/* The first is in the place that old systems look at. */
static uint32_t slot_of(size_t i)
{
	return i ? CS_SLOT_ALTERNATE + (uint32_t)i - 1 : CS_SLOT_CODEDIRECTORY;
}

static int sign_codedirs(const struct sign *k, const struct cs_codedirs *all,
			 struct buf *out)
{
	struct cs_cms_spec s = {
		.signer = k->s->signer, .tsa = k->s->tsa, .time = k->s->time};
	int r;

	if (!k->s->signer)
		return 0;
	r = cs_cms_sign(&s, all, out, k->e);
	if (!r && out->len > CMS_ROOM)
		r = err_set(k->e, E_OVERFLOW, "a CMS signature of %zu bytes", out->len);
	return r;
}

/* The signature over @pages: each code directory into @dir, CMS into @cms. */
static int make_signature(const struct sign *k, struct span pages, struct buf *dir,
			  struct buf *cms)
{
	struct cs_codedirs all = {.n = k->n_hashes};
	int r = 0;

	for (size_t i = 0; i < k->n_hashes && !r; i++) {
		struct cs_codedir_spec s = codedir_spec(k, i, pages);

		r = cs_codedir_write(&s, &dir[i], k->e);
		if (!r)
			r = cs_codedir_open(buf_span(&dir[i]), &all.dir[i], k->e);
	}
	return r ? r : sign_codedirs(k, &all, cms);
}

/* ---- in an executable ---- */

static int add_parts(const struct sign *k, struct cs_super_writer *w)
{
	int r = cs_super_add(w, CS_SLOT_REQUIREMENTS, buf_span(&k->requirements), k->e);

	if (!r && k->entitlements.len)
		r = cs_super_add(w, CS_SLOT_ENTITLEMENTS, buf_span(&k->entitlements),
				 k->e);
	return r;
}

/* How much room a slice of @extent bytes needs for its signature. */
static int plan_room(const struct sign *k, size_t extent, size_t *ret)
{
	struct cs_super_writer w = {.n = 0};
	/* Only the length counts, so the pages may be any bytes. */
	struct span pages = {k->code.exec.data, (extent + 15) & ~(size_t)15};
	size_t len;
	int r = add_parts(k, &w);

	len = cs_super_len(&w) + sizeof(struct cs_blob_raw) + CMS_ROOM +
	      sizeof(struct cs_index_raw);
	for (size_t i = 0; i < k->n_hashes; i++) {
		struct cs_codedir_spec s = codedir_spec(k, i, pages);

		len += cs_codedir_len(&s) + sizeof(struct cs_index_raw);
	}
	*ret = (len + 15) & ~(size_t)15;
	cs_super_writer_release(&w);
	return r;
}

static int put_signature(const struct sign *k, struct buf *slice, size_t off, size_t room,
			 struct buf *dir, struct buf *cms)
{
	struct cs_super_writer w = {.n = 0};
	struct buf sig = BUF_INIT;
	int r = make_signature(k, (struct span){slice->data, off}, dir, cms);

	if (!r)
		r = add_parts(k, &w);
	for (size_t i = 0; i < k->n_hashes && !r; i++)
		r = cs_super_add(&w, slot_of(i), buf_span(&dir[i]), k->e);
	if (!r)
		r = cs_super_add_wrapped(&w, CS_SLOT_SIGNATURE, CS_MAGIC_WRAPPER,
					 buf_span(cms), k->e);
	if (!r)
		r = cs_super_finish(&w, CS_MAGIC_EMBEDDED, &sig, k->e);
	if (!r && sig.len > room)
		r = err_set(k->e, E_OVERFLOW, "a signature of %zu bytes", sig.len);
	if (!r)
		memcpy(slice->data + off, sig.data, sig.len);
	cs_super_writer_release(&w);
	buf_release(&sig);
	return r;
}

static int sign_slice(const struct sign *k, const struct cs_image *im, struct buf *slice)
{
	struct buf dir[2] = {BUF_INIT, BUF_INIT}, cms = BUF_INIT;
	size_t room = 0, off = 0;
	int r = plan_room(k, cs_image_extent(im), &room);

	if (!r)
		r = cs_image_make_room(im, room, slice, &off, k->e);
	if (!r)
		r = put_signature(k, slice, off, room, dir, &cms);
	buf_release(&dir[0]);
	buf_release(&dir[1]);
	buf_release(&cms);
	return r;
}

static int write_over(const char *path, const struct buf *data, struct err *e)
{
	struct stat st;

	if (stat(path, &st))
		return err_sys(e, "%s", path);
	return fsio_write_atomic(path, data->data, data->len, st.st_mode & 07777, e);
}

static int sign_executable(const struct sign *k)
{
	const struct cs_images *all = &k->code.images;
	struct buf slice[CS_IMAGES_MAX] = {BUF_INIT}, file = BUF_INIT;
	int r = 0;

	for (size_t i = 0; i < all->n && !r; i++)
		r = sign_slice(k, &all->item[i], &slice[i]);
	if (!r)
		r = cs_images_join(all, slice, &file, k->e);
	if (!r)
		r = write_over(k->code.executable, &file, k->e);
	for (size_t i = 0; i < all->n; i++)
		buf_release(&slice[i]);
	buf_release(&file);
	return r ? err_ctx(k->e, "%s", k->code.executable) : 0;
}

/* ---- in files ---- */

static int write_part(const struct sign *k, const char *folder, uint32_t slot,
		      const struct buf *data)
{
	char path[PATH_MAX];
	int r = fsio_join(path, sizeof(path), folder, cs_meta_name(slot), k->e);

	return r ? r
		 : fsio_write_atomic(path, data->data ? (const char *)data->data : "",
				     data->len, 0644, k->e);
}

/* A folder without what an older signature left there. */
static int make_folder(const struct sign *k, char folder[static PATH_MAX])
{
	char path[PATH_MAX];
	int r = fsio_join(folder, PATH_MAX, k->code.base, CS_META_FOLDER, k->e);

	if (!r)
		r = fsio_mkdirs(folder, META_MODE, k->e);
	for (const struct cs_meta *m = cs_meta_files; m->name && !r; m++) {
		r = fsio_join(path, sizeof(path), folder, m->name, k->e);
		if (!r)
			r = fsio_remove_tree(path, k->e);
	}
	return r;
}

static int sign_in_files(const struct sign *k, const char *folder)
{
	struct buf dir[2] = {BUF_INIT, BUF_INIT}, cms = BUF_INIT;
	int r = make_signature(k, cs_code_pages(&k->code, NULL), dir, &cms);

	for (size_t i = 0; i < k->n_hashes && !r; i++)
		r = write_part(k, folder, slot_of(i), &dir[i]);
	if (!r)
		r = write_part(k, folder, CS_SLOT_REQUIREMENTS, &k->requirements);
	if (!r && k->entitlements.len)
		r = write_part(k, folder, CS_SLOT_ENTITLEMENTS, &k->entitlements);
	if (!r)
		r = write_part(k, folder, CS_SLOT_SIGNATURE, &cms);
	buf_release(&dir[0]);
	buf_release(&dir[1]);
	buf_release(&cms);
	return r;
}

/* ---- the whole ---- */

static int prepare(struct sign *k)
{
	int r = choose_ident(k);

	k->flags = k->s->flags | (k->s->signer ? 0 : CS_FLAG_ADHOC);
	if (!r)
		r = choose_team(k);
	choose_hashes(k);
	if (!r)
		r = make_requirements(k);
	if (!r)
		r = make_entitlements(k);
	return r ? r : make_resources(k);
}

static int sign_bundle(struct sign *k)
{
	char folder[PATH_MAX];
	int r = prepare(k);

	if (!r && *k->code.base)
		r = make_folder(k, folder);
	if (!r && *k->code.base)
		r = write_part(k, folder, CS_SLOT_RESOURCES, &k->resources);
	if (r)
		return r;
	return k->code.images.n ? sign_executable(k) : sign_in_files(k, folder);
}

static int sign_code(const char *path, const struct codesign_spec *s, unsigned depth,
		     struct err *e)
{
	struct sign k = {.s = s, .depth = depth, .e = e};
	int status = CS_OK, r;

	if (depth > NESTED_MAX)
		return err_set(e, E_OVERFLOW, "%s: nested too deeply", path);
	r = cs_code_open(path, &k.code, &status, e);
	if (!r)
		r = status ? -(int)e->code : sign_bundle(&k);
	release(&k);
	return r;
}

int codesign_sign(const char *path, const struct codesign_spec *s, struct err *e)
{
	return sign_code(path, s, 0, e);
}
