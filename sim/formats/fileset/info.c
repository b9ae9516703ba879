/* SPDX-License-Identifier: MIT */
/* The property lists in __PRELINK_INFO: plain XML, unlike a prelinked kernel's. */
#include "sim/formats/fileset/build_internal.h"
#include "sim/formats/plist/pl.h"

static void set_uint(plist_t d, const char *key, uint64_t v)
{
	plist_dict_set_item(d, key, plist_new_uint(v));
}

static void set_uuid(plist_t d, const char *key, const uint8_t uuid[UUID_LEN])
{
	plist_dict_set_item(d, key, plist_new_data((const char *)uuid, UUID_LEN));
}

/* The addresses of @u; while they are not known, the number that takes most digits:
 * integers are written as signed ones, as Core Foundation does it. */
static void set_addresses(plist_t d, const struct fb_unit *u, bool known)
{
	const uint64_t unknown = 1ull << 63;

	set_uint(d, "_PrelinkExecutableLoadAddr", known ? u->addr[0] : unknown);
	set_uint(d, "_PrelinkExecutableSourceAddr", known ? u->addr[0] : unknown);
	set_uint(d, "_PrelinkExecutableSize", u->layout.seg[0].size);
	set_uint(d, "_PrelinkKmodInfo", known ? u->img.kmod_info : unknown);
}

static plist_t kext_dict(const struct fb_unit *u, bool known)
{
	plist_t d = plist_copy(u->k->info);

	plist_dict_set_item(d, "_PrelinkBundlePath", plist_new_string(u->k->bundle_path));
	if (u->k->exec_rel_path)
		plist_dict_set_item(d, "_PrelinkExecutableRelativePath",
				    plist_new_string(u->k->exec_rel_path));
	if (u->here)
		set_addresses(d, u, known);
	else if (u->interface && u->open && u->m.has_uuid)
		set_uuid(d, "_PrelinkInterfaceUUID", u->m.uuid);
	return d;
}

/* Kexts with code first, as kmutil has them; none that is in another collection. */
static plist_t kext_list(const struct fb *b, bool known)
{
	plist_t list = plist_new_array();

	for (int with_code = 1; with_code >= 0; with_code--)
		for (size_t i = b->first_kext; i < b->n_units; i++) {
			const struct fb_unit *u = &b->unit[i];

			if (!u->home && u->here == (with_code == 1))
				plist_array_append_item(list, kext_dict(u, known));
		}
	return list;
}

static int write(const struct fb *b, bool known, struct buf *out, struct err *e)
{
	plist_t top = plist_new_dict();
	int r;

	plist_dict_set_item(top, "_PrelinkInfoDictionary", kext_list(b, known));
	set_uuid(top, "_PrelinkKCID", b->kcid);
	if (b->rq->boot)
		set_uuid(top, "_BootKCID", b->rq->boot->kcid);
	if (b->rq->pageable)
		set_uuid(top, "_PageableKCID", b->rq->pageable->kcid);
	r = pl_to_xml(top, out, e);
	plist_free(top);
	return r;
}

int fb_info_size(struct fb *b, uint64_t *ret, struct err *e)
{
	struct buf xml = BUF_INIT;
	int r = write(b, false, &xml, e);

	*ret = xml.len + 1; /* ends with a NUL */
	buf_release(&xml);
	return r;
}

int fb_info_write(struct fb *b, struct err *e)
{
	buf_clear(&b->info);
	return write(b, true, &b->info, e);
}
