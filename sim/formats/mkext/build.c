/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "sim/formats/mkext/mkext.h"
#include "sim/formats/mkext/raw.h"
#include "sim/formats/prelink/ioxml.h"

static int append_executable(const struct mkext_kext *k, struct buf *out, struct err *e)
{
	const struct mkext_file_raw head = {.full_size = to_be32((uint32_t)k->exec_len)};
	int r = buf_append(out, &head, sizeof(head), e);

	return r ? r : buf_append(out, k->exec, k->exec_len, e);
}

/* Put the executable of @k behind what is in @out since @start; its description is *ret. */
static int append_kext(const struct mkext_kext *k, size_t start, struct buf *out,
		       plist_t *ret, struct err *e)
{
	size_t at = out->len - start;
	plist_t d = plist_copy(k->info);

	*ret = d;
	plist_dict_set_item(d, MKEXT_KEY_PATH, plist_new_string(k->bundle_path));
	if (k->exec_rel_path)
		plist_dict_set_item(d, MKEXT_KEY_EXEC_PATH,
				    plist_new_string(k->exec_rel_path));
	if (!k->exec)
		return 0;
	if (k->exec_len > MKEXT_MAX || at > MKEXT_MAX)
		return err_set(e, E_OVERFLOW, "kexts of more than %u bytes", MKEXT_MAX);
	plist_dict_set_item(d, MKEXT_KEY_EXEC, plist_new_uint(at));
	return append_executable(k, out, e);
}

static int append_plist(plist_t top, size_t n, size_t start, struct buf *out, struct err *e)
{
	struct mkext_header_raw h = {
		.magic = to_be32(MKEXT_MAGIC),
		.signature = to_be32(MKEXT_SIGNATURE),
		.version = to_be32(MKEXT_VERSION_2),
		.n_kexts = to_be32((uint32_t)n),
		.cpu_type = to_be32(MKEXT_CPU_TYPE),
		.cpu_subtype = to_be32(MKEXT_CPU_ALL),
		.plist_offset = to_be32((uint32_t)(out->len - start)),
	};
	size_t before = out->len, len;
	uint8_t *at;
	int r = ioxml_write(top, out, e);

	if (r)
		return r;
	len = out->len - start;
	if (len > MKEXT_MAX)
		return err_set(e, E_OVERFLOW, "a request of %zu bytes", len);
	h.plist_full_size = to_be32((uint32_t)(out->len - before));
	h.length = to_be32((uint32_t)len);
	at = out->data + start;
	memcpy(at, &h, sizeof(h));
	h.adler32 = to_be32((uint32_t)adler32_z(1, at + MKEXT_SUMMED_FROM,
						len - MKEXT_SUMMED_FROM));
	memcpy(at, &h, sizeof(h));
	return 0;
}

static plist_t request(const char *id, plist_t infos)
{
	plist_t top = plist_new_dict(), arguments = plist_new_dict();

	plist_dict_set_item(arguments, MKEXT_KEY_ID, plist_new_string(id));
	plist_dict_set_item(top, MKEXT_KEY_INFOS, infos);
	plist_dict_set_item(top, MKEXT_KEY_PREDICATE, plist_new_string(MKEXT_LOAD));
	plist_dict_set_item(top, MKEXT_KEY_ARGUMENTS, arguments);
	return top;
}

int mkext_load_request(const char *id, const struct mkext_kext *kext, size_t n,
		       struct buf *out, struct err *e)
{
	size_t start = out->len;
	plist_t infos, top;
	int r;

	if (n > MKEXT_KEXTS_MAX)
		return err_set(e, E_OVERFLOW, "%zu kexts", n);
	r = buf_append_zeros(out, sizeof(struct mkext_header_raw), e);
	if (r)
		return r;
	infos = plist_new_array();
	for (size_t i = 0; i < n && !r; i++) {
		plist_t d = NULL;

		r = append_kext(&kext[i], start, out, &d, e);
		plist_array_append_item(infos, d);
	}
	top = request(id, infos);
	if (!r)
		r = append_plist(top, n, start, out, e);
	plist_free(top);
	return r;
}
