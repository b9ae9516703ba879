/* SPDX-License-Identifier: MIT */
/* Finding the parts of code on disk. */
#include "sim/formats/codesign/code.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/base/fsio.h"
#include "sim/formats/codesign/osstatus.h"
#include "sim/formats/plist/pl.h"

void cs_code_release(struct cs_code *c)
{
	plist_free(c->info_dict);
	buf_release(&c->info);
	buf_release(&c->exec);
	*c = (struct cs_code){.info = BUF_INIT};
}

static int refuse(int *ret_status, int status, struct err *e, const char *path,
		  const char *why)
{
	*ret_status = status;
	err_set(e, E_CORRUPT, "%s: %s", path, why);
	return 0;
}

static int copy_path(char out[static PATH_MAX], const char *path, struct err *e)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	if (len >= PATH_MAX)
		return err_set(e, E_OVERFLOW, "a path of %zu bytes", len);
	memcpy(out, path, len);
	out[len] = 0;
	return 0;
}

static bool is_folder(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

static bool is_file(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode);
}

/* A bundle with Contents, or a flat one. */
static int find_base(struct cs_code *c, struct err *e)
{
	char resources[PATH_MAX];
	int r = fsio_join(c->base, PATH_MAX, c->path, "Contents", e);

	c->has_contents = !r && is_folder(c->base);
	if (!r && !c->has_contents)
		r = copy_path(c->base, c->path, e);
	if (!r)
		r = fsio_join(resources, sizeof(resources), c->base, "Resources", e);
	if (!r)
		c->has_resources = c->has_contents || is_folder(resources);
	return r ? r : fsio_join(c->info_path, PATH_MAX, c->base, "Info.plist", e);
}

/*
 * CFBundle's executable: the one that Info.plist names, if it is there. Without it the
 * bundle is one without code, whatever it says.
 */
static int find_executable(struct cs_code *c, struct err *e)
{
	const char *name = c->info_dict ? pl_str(plist_dict_get_item(
						  c->info_dict, "CFBundleExecutable"))
					: NULL;
	char path[PATH_MAX];
	int r;

	if (!name || !*name || strchr(name, '/') || !strcmp(name, ".."))
		return 0;
	r = fsio_join(path, sizeof(path), c->base, c->has_contents ? "MacOS" : ".", e);
	if (!r && c->has_contents)
		r = fsio_join(c->executable, PATH_MAX, path, name, e);
	if (!r && !c->has_contents)
		r = fsio_join(c->executable, PATH_MAX, c->base, name, e);
	if (!r && !is_file(c->executable))
		c->executable[0] = 0;
	return r;
}

static int read_info(struct cs_code *c, struct err *e)
{
	struct err why = ERR_INIT;
	int r = fsio_read(c->info_path, CS_INFO_MAX, &c->info, e);

	if (r || pl_parse(c->info.data, c->info.len, c->info_path, &c->info_dict, &why))
		return r;
	if (plist_get_node_type(c->info_dict) != PLIST_DICT) {
		plist_free(c->info_dict);
		c->info_dict = NULL;
	}
	return 0;
}

static int read_executable(struct cs_code *c, int *ret_status, struct err *e)
{
	int r = fsio_read(c->executable, CS_EXECUTABLE_MAX, &c->exec, e);

	if (r)
		return r;
	if (!cs_images_open(buf_span(&c->exec), &c->images, e))
		return 0;
	c->images.n = 0;
	*ret_status = CS_BAD_OBJECT_FORMAT;
	err_ctx(e, "%s", c->executable);
	return 0;
}

static int open_bundle(struct cs_code *c, int *ret_status, struct err *e)
{
	int r = find_base(c, e);

	if (r)
		return r;
	if (!is_file(c->info_path))
		return refuse(ret_status, CS_BAD_BUNDLE_FORMAT, e, c->path,
			      "no Info.plist");
	r = read_info(c, e);
	if (!r)
		r = find_executable(c, e);
	return r || !*c->executable ? r : read_executable(c, ret_status, e);
}

int cs_code_open(const char *path, struct cs_code *ret, int *ret_status, struct err *e)
{
	int r;

	*ret = (struct cs_code){.info = BUF_INIT};
	*ret_status = CS_OK;
	r = copy_path(ret->path, path, e);
	if (r)
		return r;
	if (is_folder(ret->path))
		return open_bundle(ret, ret_status, e);
	if (!is_file(ret->path))
		return refuse(ret_status, CS_STATIC_CODE_NOT_FOUND, e, path,
			      "no such file or bundle");
	memcpy(ret->executable, ret->path, PATH_MAX);
	return read_executable(ret, ret_status, e);
}

/* ---- parts of the signature ---- */

/* The names of alternates are Apple's (codedirectory.cpp, canonicalSlotName). */
const struct cs_meta cs_meta_files[] = {
	{CS_SLOT_CODEDIRECTORY, "CodeDirectory"},
	{CS_SLOT_REQUIREMENTS, "CodeRequirements"},
	{CS_SLOT_RESOURCES, CS_RESOURCES_FILE},
	{CS_SLOT_TOP_DIRECTORY, "CodeTopDirectory"},
	{CS_SLOT_ENTITLEMENTS, "CodeEntitlements"},
	{CS_SLOT_REP_SPECIFIC, "CodeRepSpecific"},
	{CS_SLOT_ENTITLEMENTS_DER, "CodeEntitlementDER"},
	{CS_SLOT_ALTERNATE, "CodeRequirements-1"},
	{CS_SLOT_ALTERNATE + 1, "CodeRequirements-2"},
	{CS_SLOT_ALTERNATE + 2, "CodeRequirements-3"},
	{CS_SLOT_ALTERNATE + 3, "CodeRequirements-4"},
	{CS_SLOT_ALTERNATE + 4, "CodeRequirements-5"},
	{CS_SLOT_SIGNATURE, "CodeSignature"},
	{0, NULL},
};

static int meta_index(uint32_t slot)
{
	for (int i = 0; cs_meta_files[i].name; i++)
		if (cs_meta_files[i].slot == slot)
			return i;
	return -1;
}

const char *cs_meta_name(uint32_t slot)
{
	int i = meta_index(slot);

	return i < 0 ? NULL : cs_meta_files[i].name;
}

void cs_parts_release(struct cs_parts *p)
{
	for (size_t i = 0; i < sizeof(p->file) / sizeof(p->file[0]); i++)
		buf_release(&p->file[i]);
	*p = (struct cs_parts){.from_files = false};
}

static int read_files(const struct cs_code *c, struct cs_parts *p, struct err *e)
{
	char folder[PATH_MAX], path[PATH_MAX];
	int r = fsio_join(folder, sizeof(folder), c->base, CS_META_FOLDER, e);

	for (int i = 0; cs_meta_files[i].name && !r; i++) {
		r = fsio_join(path, sizeof(path), folder, cs_meta_files[i].name, e);
		if (!r && is_file(path))
			r = fsio_read(path, CS_INFO_MAX * 4, &p->file[i], e);
	}
	return r;
}

int cs_parts_open(const struct cs_code *c, const struct cs_image *image,
		  struct cs_parts *ret, int *ret_status, struct err *e)
{
	struct span sig = image ? cs_image_signature(image) : (struct span){NULL, 0};

	*ret = (struct cs_parts){.from_files = !sig.p};
	*ret_status = CS_OK;
	if (sig.p && cs_super_open(sig, CS_MAGIC_EMBEDDED, &ret->super, e)) {
		*ret_status = CS_SIGNATURE_INVALID;
		err_ctx(e, "signature at 0x%x", image->sig_off);
		return 0;
	}
	return *c->base ? read_files(c, ret, e) : 0;
}

static struct span embedded(const struct cs_parts *p, uint32_t slot)
{
	struct span blob = cs_super_find(&p->super, slot);

	/* What is a blob by itself counts as a whole, the rest without its wrapper. */
	if (!blob.p || get_be32(blob.p) != CS_MAGIC_WRAPPER)
		return blob;
	return cs_blob_payload(blob);
}

struct span cs_part(const struct cs_code *c, const struct cs_parts *p, uint32_t slot)
{
	int i = meta_index(slot);

	if (slot == CS_SLOT_INFO)
		return buf_span(&c->info);
	if (!p->from_files && slot != CS_SLOT_RESOURCES)
		return embedded(p, slot);
	return i < 0 ? (struct span){NULL, 0} : buf_span(&p->file[i]);
}

struct span cs_code_pages(const struct cs_code *c, const struct cs_image *image)
{
	return image ? image->bytes : buf_span(&c->info);
}
