/* SPDX-License-Identifier: MIT */
/* Verifying code: slices, then files, then structure (SecStaticCode::staticValidate). */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/base/fsio.h"
#include "sim/formats/codesign/verify_impl.h"

#define NESTED_MAX 4

static int verify_code(const char *path, const struct codesign_check *how,
		       unsigned depth, struct codesign_result *ret, struct err *e);

void codesign_result_release(struct codesign_result *r)
{
	cs_problems_release(&r->problems);
	free(r->requirement);
	buf_release(&r->root);
	*r = (struct codesign_result){.status = CS_INTERNAL_ERROR};
}

int cs_refuse(struct cs_verify *v, int status, const char *where)
{
	v->ret->status = status;
	snprintf(v->ret->why, sizeof(v->ret->why), "%.120s%s%.800s", where,
		 *where && *v->e->msg ? ": " : "", v->e->msg);
	err_clear(v->e);
	return CS_VERDICT;
}

/* ---- files ---- */

struct nested {
	const struct codesign_check *how;
	unsigned depth;
};

static int verify_nested(void *ctx, const char *path, const char *req, int *ret_status,
			 struct err *e)
{
	const struct nested *n = ctx;
	struct codesign_check how = *n->how;
	struct codesign_result res = {.status = CS_OK};
	struct buf blob = BUF_INIT;
	int r = cs_req_parse(req, &blob, e);

	if (r && r != -(int)E_NOMEM) {
		*ret_status = CS_RESOURCES_INVALID;
		buf_release(&blob);
		return 0;
	}
	how.requirement = buf_span(&blob);
	if (!r)
		r = verify_code(path, &how, n->depth + 1, &res, e);
	*ret_status = res.status;
	if (!r && res.status)
		err_set(e, E_CORRUPT, "%s", res.why);
	codesign_result_release(&res);
	buf_release(&blob);
	return r;
}

/* What is sealed, which the code directory has to vouch for; p NULL: nothing. */
static int load_seal(struct cs_verify *v, const struct cs_parts *parts,
		     struct cs_check_spec *s)
{
	struct cs_codedirs all;
	const struct cs_codedir *best;
	int status = CS_OK;
	int r = cs_gather_codedirs(v, parts, &all, &status);

	if (r || status)
		return r ? r : cs_refuse(v, status, "");
	for (size_t i = 0; i < all.n; i++)
		if (all.dir[i].hash)
			s->hash[s->n_hashes++] = all.dir[i].hash;
	best = cs_codedirs_best(&all);
	if (!cs_codedir_special(best, CS_SLOT_RESOURCES))
		return cs_refuse(v, CS_RESOURCES_NOT_FOUND, "");
	s->resources = cs_part(v->code, parts, CS_SLOT_RESOURCES);
	return cs_check_slot(v, best, CS_SLOT_RESOURCES, s->resources);
}

static int check_resources(struct cs_verify *v, const struct cs_image *image)
{
	struct nested n = {.how = v->how, .depth = v->depth};
	struct cs_check_spec s = {.ctx = &n, .nested = verify_nested};
	struct cs_parts parts;
	int status = CS_OK;
	int r = cs_parts_open(v->code, image, &parts, &status, v->e);

	if (!r && !status)
		r = load_seal(v, &parts, &s);
	if (!r && !status)
		r = cs_resources_check(v->code, &s, &v->ret->problems, &status, v->e);
	if (!r && status)
		r = cs_refuse(v, status, "");
	cs_parts_release(&parts);
	return r;
}

/* ---- structure ---- */

/* Beside Contents nothing lies in a bundle but what the Finder leaves there. */
static bool may_be_in_root(const char *name)
{
	static const char *const names[] = {".",	  "..",
					    "Contents",	  ".LSOverride",
					    ".DS_Store",  "Icon\r",
					    ".SoftwareDepot.tracking"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

/* The part of the signature that file @name of _CodeSignature is; -1: none. */
static int64_t slot_of(const char *name)
{
	for (const struct cs_meta *m = cs_meta_files; m->name; m++)
		if (!strcmp(m->name, name))
			return m->slot;
	return -1;
}

static bool is_empty_signature(const char *folder, const struct dirent *de)
{
	char path[PATH_MAX];
	struct err e = ERR_INIT;
	struct stat st;

	return !strcmp(de->d_name, "CodeSignature") &&
	       !fsio_join(path, sizeof(path), folder, de->d_name, &e) &&
	       !stat(path, &st) && st.st_size == 0;
}

/* With the signature in the executable, only CodeResources is in the folder. */
static bool may_be_in_meta(const struct cs_verify *v, const char *folder,
			   const struct dirent *de)
{
	int64_t slot = slot_of(de->d_name);

	if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
		return true;
	if (de->d_type != DT_REG && de->d_type != DT_UNKNOWN)
		return false;
	if (slot == CS_SLOT_RESOURCES || is_empty_signature(folder, de))
		return true;
	return slot >= 0 && v->from_files;
}

static int check_folder(struct cs_verify *v, const char *folder,
			bool (*may)(const struct cs_verify *, const char *,
				    const struct dirent *))
{
	DIR *d = opendir(folder);
	struct dirent *de;
	int r = 0;

	if (!d)
		return errno == ENOENT ? 0 : err_sys(v->e, "%s", folder);
	while (!r && (de = readdir(d)))
		if (!may(v, folder, de))
			r = cs_refuse(v, CS_UNSEALED_APP_ROOT, de->d_name);
	closedir(d);
	return r;
}

static bool may_be_beside(const struct cs_verify *v, const char *folder,
			  const struct dirent *de)
{
	(void)v;
	(void)folder;
	return may_be_in_root(de->d_name);
}

static bool is_regular(const char *path)
{
	struct stat st;

	return !lstat(path, &st) && S_ISREG(st.st_mode);
}

static int check_structure(struct cs_verify *v)
{
	const struct cs_code *c = v->code;
	char meta[PATH_MAX];
	int r = 0;

	if (*c->base) {
		r = fsio_join(meta, sizeof(meta), c->base, CS_META_FOLDER, v->e);
		if (!r)
			r = check_folder(v, meta, may_be_in_meta);
		if (!r && (!is_regular(c->info_path) ||
			   (*c->executable && !is_regular(c->executable))))
			r = cs_refuse(v, CS_REGULAR_FILE, "");
		if (!r && c->has_contents)
			r = check_folder(v, c->path, may_be_beside);
	}
	if (!r && !v->covers_all)
		r = cs_refuse(v, CS_SIGNATURE_INVALID,
			      "the pages do not end where the signature begins");
	if (!r && c->images.n && c->images.suspicious)
		r = cs_refuse(v, CS_BAD_MAIN_EXECUTABLE,
			      "something lies between or behind the slices");
	return r;
}

/* ---- the whole ---- */

static void describe_format(const struct cs_code *c, struct codesign_result *ret)
{
	const char *kind = *c->base ? "bundle with " : "";
	size_t n;

	if (!c->images.n) {
		snprintf(ret->format, sizeof(ret->format), "bundle");
		return;
	}
	snprintf(ret->format, sizeof(ret->format), "%sMach-O %s (", kind,
		 c->images.fat ? "universal" : "thin");
	for (size_t i = 0; i < c->images.n; i++) {
		n = strlen(ret->format);
		snprintf(ret->format + n, sizeof(ret->format) - n, "%s%s", i ? " " : "",
			 cs_image_arch(&c->images.item[i]));
	}
	n = strlen(ret->format);
	snprintf(ret->format + n, sizeof(ret->format) - n, ")");
}

static int verify_all(struct cs_verify *v)
{
	const struct cs_code *c = v->code;
	const struct cs_image *main = c->images.n ? cs_images_main(&c->images) : NULL;
	int r = cs_verify_image(v, main, true);

	for (size_t i = 0; i < c->images.n && !r; i++)
		if (&c->images.item[i] != main)
			r = cs_verify_image(v, &c->images.item[i], false);
	if (!r && *c->base)
		r = check_resources(v, main);
	return r ? r : check_structure(v);
}

static int verify_code(const char *path, const struct codesign_check *how,
		       unsigned depth, struct codesign_result *ret, struct err *e)
{
	struct cs_code code;
	struct cs_verify v = {.code = &code,
			      .how = how,
			      .ret = ret,
			      .e = e,
			      .depth = depth,
			      .covers_all = true};
	int status = CS_OK, r;

	*ret = (struct codesign_result){.status = CS_OK};
	if (depth > NESTED_MAX) {
		cs_refuse(&v, CS_BAD_NESTED_CODE, "nested too deeply");
		return 0;
	}
	r = cs_code_open(path, &code, &status, e);
	if (!r && status)
		r = cs_refuse(&v, status, "");
	if (!r) {
		describe_format(&code, ret);
		r = verify_all(&v);
	}
	cs_code_release(&code);
	return r == CS_VERDICT ? 0 : r;
}

int codesign_verify(const char *path, const struct codesign_check *how,
		    struct codesign_result *ret, struct err *e)
{
	return verify_code(path, how, 0, ret, e);
}
