/* SPDX-License-Identifier: MIT */
#include "sim/formats/prelink/prelink.h"

#include <stdlib.h>
#include <string.h>

#include "sim/base/ckd.h"
#include "sim/formats/plist/pl.h"
#include "sim/formats/prelink/ioxml.h"
#include "sim/formats/prelink/load.h"
#include "sim/formats/prelink/unpack.h"

static int fail(enum prelink_check *failed, enum prelink_check why, int r)
{
	*failed = why;
	return r;
}

/*
 * Is a prelink segment the reason why the file could not be read as a Mach-O? Walks
 * load commands of which nothing is known yet.
 */
static bool prelink_range_outside(const uint8_t *p, size_t len)
{
	size_t off = sizeof(struct macho_header_raw);

	while (range_inside(off, sizeof(struct macho_segment_raw), len)) {
		const struct macho_segment_raw *s = (const void *)(p + off);
		uint32_t size = le32_get(s->cmdsize);

		if (le32_get(s->cmd) == LC_SEGMENT_64 &&
		    !strncmp(s->segname, "__PRELINK_", strlen("__PRELINK_")) &&
		    !range_inside(le64_get(s->fileoff), le64_get(s->filesize), len))
			return true;
		if (size < sizeof(struct macho_lc_raw))
			return false;
		off += size;
	}
	return false;
}

static int open_macho(struct prelink *p, enum prelink_check *failed, struct err *e)
{
	const struct buf *b = &p->macho;
	int r;

	if (b->len < 4 || get_le32(b->data) != MACHO_MAGIC_64)
		return fail(
			failed, PRELINK_BAD_MACHO,
			err_set(e, E_CORRUPT, "prelinked kernel is not a Mach-O file"));
	r = macho_open(b->data, b->len, &p->m, e);
	if (r == -E_NOMEM)
		return r;
	if (r)
		return fail(failed,
			    prelink_range_outside(b->data, b->len) ? PRELINK_BAD_RANGE
								   : PRELINK_BAD_MACHO,
			    r);
	if (p->m.filetype != MH_EXECUTE)
		return fail(failed, PRELINK_BAD_MACHO,
			    err_set(e, E_CORRUPT,
				    "prelinked kernel has Mach-O filetype 0x%x",
				    p->m.filetype));
	return 0;
}

static int check_segment(const struct prelink *p, const char *segname,
			 const char *sectname, enum prelink_check missing,
			 enum prelink_check *failed, struct err *e)
{
	const struct macho_segment *seg = macho_segment(&p->m, segname);
	const struct macho_section *s = macho_section(&p->m, segname, sectname);

	if (!seg || !s || !seg->filesize || !s->size)
		return fail(failed, missing,
			    err_set(e, E_CORRUPT, "%s is missing or empty", segname));
	if (s->addr != seg->vmaddr || s->offset != seg->fileoff ||
	    s->size != seg->filesize)
		return fail(failed, PRELINK_BAD_RANGE,
			    err_set(e, E_CORRUPT, "%s,%s does not fill its segment",
				    segname, sectname));
	return 0;
}

static int parse_info(struct prelink *p, enum prelink_check *failed, struct err *e)
{
	const struct macho_section *s = macho_section(&p->m, "__PRELINK_INFO", "__info");
	int r = ioxml_parse((const char *)p->m.data + s->offset, s->size, &p->info, e);

	if (r)
		return r == -E_NOMEM ? r
				     : fail(failed, PRELINK_BAD_XML,
					    err_ctx(e, "__PRELINK_INFO"));
	if (plist_get_node_type(p->info) != PLIST_DICT)
		return fail(failed, PRELINK_BAD_XML,
			    err_set(e, E_CORRUPT, "__PRELINK_INFO is not a dictionary"));
	return 0;
}

static const char *string_of(plist_t dict, const char *key)
{
	const char *s = pl_str(plist_dict_get_item(dict, key));

	return s ? s : "";
}

static bool number_of(plist_t dict, const char *key, uint64_t *ret)
{
	plist_t v = plist_dict_get_item(dict, key);

	*ret = 0;
	if (!v || plist_get_node_type(v) != PLIST_UINT)
		return false;
	plist_get_uint_val(v, ret);
	return true;
}

static void read_interface_uuid(struct kext_entry *k)
{
	const uint8_t *p = NULL;
	size_t len = 0;

	if (pl_data(k->info, "_PrelinkInterfaceUUID", &p, &len, NULL) ||
	    len != sizeof(k->uuid))
		return;
	k->has_uuid = true;
	memcpy(k->uuid, p, sizeof(k->uuid));
}

const uint8_t *prelink_code(const struct prelink *p, const struct kext_entry *k)
{
	const struct macho_segment *text = macho_segment(&p->m, "__PRELINK_TEXT");

	if (!text || k->source_addr < text->vmaddr ||
	    !range_inside(k->source_addr - text->vmaddr, k->size, text->filesize))
		return NULL;
	return p->m.data + text->fileoff + (k->source_addr - text->vmaddr);
}

static void read_code_uuid(const struct prelink *p, struct kext_entry *k)
{
	const uint8_t *code = prelink_code(p, k);
	struct macho m;

	if (!code || macho_open(code, k->size, &m, NULL))
		return;
	k->has_uuid = m.has_uuid;
	memcpy(k->uuid, m.uuid, sizeof(k->uuid));
	macho_release(&m);
}

static int read_entry(struct prelink *p, struct kext_entry *k, plist_t d, bool strict,
		      enum prelink_check *failed, struct err *e)
{
	unsigned numbers = 0;

	if (plist_get_node_type(d) != PLIST_DICT)
		return fail(failed, PRELINK_BAD_ENTRY,
			    err_set(e, E_CORRUPT,
				    "Can't find info dictionary for prelinked kext #%zu.",
				    (size_t)(k - p->kext)));
	k->info = d;
	k->id = string_of(d, "CFBundleIdentifier");
	k->version = string_of(d, "CFBundleVersion");
	k->bundle_path = string_of(d, "_PrelinkBundlePath");
	k->exec_rel_path = string_of(d, "_PrelinkExecutableRelativePath");
	k->is_interface = pl_true(plist_dict_get_item(d, "OSBundleIsInterface")) ||
			  pl_true(plist_dict_get_item(d, "OSKernelResource"));
	numbers += number_of(d, "_PrelinkExecutableLoadAddr", &k->load_addr);
	numbers += number_of(d, "_PrelinkExecutableSourceAddr", &k->source_addr);
	numbers += number_of(d, "_PrelinkExecutableSize", &k->size);
	numbers += number_of(d, "_PrelinkKmodInfo", &k->kmod_info);
	k->placed = numbers == 4;
	k->has_code = k->placed && !k->is_interface;
	if (strict && (!*k->id || (numbers && numbers < 4)))
		return fail(failed, PRELINK_BAD_ENTRY,
			    err_set(e, E_CORRUPT, "prelinked kext #%zu (%s): %s",
				    (size_t)(k - p->kext), k->id,
				    *k->id ? "addresses are missing" : "no identifier"));
	if (!k->placed)
		k->load_addr = k->source_addr = k->size = k->kmod_info = 0;
	if (k->has_code)
		read_code_uuid(p, k);
	else
		read_interface_uuid(k);
	return 0;
}

static int read_entries(struct prelink *p, bool strict, enum prelink_check *failed,
			struct err *e)
{
	plist_t list = plist_dict_get_item(p->info, "_PrelinkInfoDictionary");
	uint32_t n = 0;
	int r = 0;

	if (list && plist_get_node_type(list) == PLIST_ARRAY)
		n = plist_array_get_size(list);
	if (!n || n > PRELINK_KEXTS_MAX)
		return fail(
			failed, PRELINK_NO_KEXTS,
			err_set(e, E_CORRUPT,
				"The prelinked kernel has no kext info dictionaries"));
	p->kext = calloc(n, sizeof(*p->kext));
	if (!p->kext)
		return err_set(e, E_NOMEM, "out of memory");
	p->n_kexts = n;
	for (uint32_t i = 0; !r && i < n; i++)
		r = read_entry(p, &p->kext[i], plist_array_get_item(list, i), strict,
			       failed, e);
	return r;
}

static int read_kcid(struct prelink *p, enum prelink_check *failed, struct err *e)
{
	const uint8_t *id = NULL;
	size_t len = 0;

	if (pl_data(p->info, "_PrelinkKCID", &id, &len, e) || len != PRELINK_KCID_LEN)
		return fail(failed, PRELINK_BAD_KCID,
			    err_set(e, E_CORRUPT,
				    "kernelcacheUUID length is %zu, expected %d", len,
				    PRELINK_KCID_LEN));
	memcpy(p->kcid, id, PRELINK_KCID_LEN);
	return 0;
}

int prelink_load(const void *data, size_t len, bool strict, struct prelink *p,
		 enum prelink_check *failed, struct err *e)
{
	int r;

	memset(p, 0, sizeof(*p));
	*failed = PRELINK_OK;
	r = prelink_unpack_checked(data, len, &p->macho, &p->compression, failed, e);
	if (!r)
		r = open_macho(p, failed, e);
	if (!r)
		r = check_segment(p, "__PRELINK_TEXT", "__text", PRELINK_NO_TEXT, failed,
				  e);
	if (!r)
		r = check_segment(p, "__PRELINK_INFO", "__info", PRELINK_NO_INFO, failed,
				  e);
	if (!r)
		r = parse_info(p, failed, e);
	if (!r)
		r = read_entries(p, strict, failed, e);
	if (!r)
		r = read_kcid(p, failed, e);
	if (r)
		prelink_release(p);
	return r;
}

int prelink_open(const void *data, size_t len, struct prelink *p, struct err *e)
{
	enum prelink_check failed;

	return prelink_load(data, len, false, p, &failed, e);
}

void prelink_release(struct prelink *p)
{
	free(p->kext);
	plist_free(p->info);
	macho_release(&p->m);
	buf_release(&p->macho);
	memset(p, 0, sizeof(*p));
}

const struct kext_entry *prelink_find(const struct prelink *p, const char *id)
{
	for (size_t i = 0; i < p->n_kexts; i++)
		if (!strcmp(p->kext[i].id, id))
			return &p->kext[i];
	return NULL;
}
