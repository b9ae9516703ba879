/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "sim/base/ckd.h"
#include "sim/formats/mkext/mkext.h"
#include "sim/formats/mkext/raw.h"
#include "sim/formats/plist/pl.h"
#include "sim/formats/prelink/ioxml.h"

struct archive {
	const uint8_t *data;
	size_t len;
	struct mkext_header_raw head;
};

static int check_kind(const struct archive *a, struct err *e)
{
	const struct mkext_header_raw *h = &a->head;

	if (be32_get(h->magic) != MKEXT_MAGIC ||
	    be32_get(h->signature) != MKEXT_SIGNATURE)
		return err_set(e, E_CORRUPT, "mkext: magic or signature at offset 0");
	if (be32_get(h->version) != MKEXT_VERSION_2)
		return err_set(e, E_UNSUPPORTED, "mkext: version 0x%x at offset 16",
			       be32_get(h->version));
	if (be32_get(h->cpu_type) != MKEXT_CPU_TYPE)
		return err_set(e, E_UNSUPPORTED, "mkext: cputype 0x%x at offset 24",
			       be32_get(h->cpu_type));
	if (be32_get(h->plist_compressed_size))
		return err_set(e, E_UNSUPPORTED, "mkext: the property list is compressed");
	return 0;
}

static int open_header(struct archive *a, struct err *e)
{
	uint32_t sum;
	int r;

	if (a->len < sizeof(a->head))
		return err_set(e, E_CORRUPT, "mkext: %zu bytes", a->len);
	memcpy(&a->head, a->data, sizeof(a->head));
	r = check_kind(a, e);
	if (r)
		return r;
	if (be32_get(a->head.length) != a->len)
		return err_set(e, E_CORRUPT, "mkext: length %u at offset 8, of %zu bytes",
			       be32_get(a->head.length), a->len);
	sum = (uint32_t)adler32_z(1, a->data + MKEXT_SUMMED_FROM,
				  a->len - MKEXT_SUMMED_FROM);
	if (sum != be32_get(a->head.adler32))
		return err_set(e, E_CORRUPT, "mkext: checksum at offset 12");
	if (!range_inside(be32_get(a->head.plist_offset),
			  be32_get(a->head.plist_full_size), a->len))
		return err_set(e, E_CORRUPT, "mkext: property list at offset %u is outside",
			       be32_get(a->head.plist_offset));
	return 0;
}

static int find_executable(const struct archive *a, uint64_t at, struct mkext_kext *k,
			   struct err *e)
{
	struct mkext_file_raw head;

	if (!range_inside(at, sizeof(head), a->len))
		return err_set(e, E_CORRUPT, "executable at offset %llu is outside",
			       (unsigned long long)at);
	memcpy(&head, a->data + at, sizeof(head));
	if (be32_get(head.compressed_size))
		return err_set(e, E_UNSUPPORTED, "executable at offset %llu is compressed",
			       (unsigned long long)at);
	k->exec = a->data + at + sizeof(head);
	k->exec_len = be32_get(head.full_size);
	if (!range_inside(at + sizeof(head), k->exec_len, a->len))
		return err_set(e, E_CORRUPT, "executable of %zu bytes at offset %llu",
			       k->exec_len, (unsigned long long)at);
	return 0;
}

static int read_kext(const struct archive *a, plist_t d, struct mkext_kext *k, struct err *e)
{
	uint64_t at = 0;
	int r;

	if (plist_get_node_type(d) != PLIST_DICT)
		return err_set(e, E_CORRUPT, "expected a dictionary, found %s",
			       pl_type_name(d));
	*k = (struct mkext_kext){.info = d, .bundle_path = ""};
	r = pl_opt_string(d, MKEXT_KEY_PATH, &k->bundle_path, e);
	if (!r)
		r = pl_opt_string(d, MKEXT_KEY_EXEC_PATH, &k->exec_rel_path, e);
	if (r || !plist_dict_get_item(d, MKEXT_KEY_EXEC))
		return r;
	r = pl_uint(d, MKEXT_KEY_EXEC, &at, e);
	return r ? r : find_executable(a, at, k, e);
}

static int read_kexts(const struct archive *a, struct mkext *m, struct err *e)
{
	plist_t infos = NULL;
	int r = pl_array(m->plist, MKEXT_KEY_INFOS, &infos, e);
	uint32_t n = r ? 0 : plist_array_get_size(infos);

	if (r)
		return r;
	if (n > MKEXT_KEXTS_MAX)
		return err_set(e, E_OVERFLOW, "%u kexts", n);
	m->kext = calloc(n + 1, sizeof(*m->kext));
	if (!m->kext)
		return err_set(e, E_NOMEM, "out of memory");
	for (uint32_t i = 0; i < n && !r; i++) {
		r = read_kext(a, plist_array_get_item(infos, i), &m->kext[i], e);
		if (r)
			return err_ctx(e, "kext %u", i);
		m->n++;
	}
	return 0;
}

static int read_request(struct mkext *m, struct err *e)
{
	plist_t arguments = NULL;
	int r = pl_opt_string(m->plist, MKEXT_KEY_PREDICATE, &m->predicate, e);

	if (!r)
		r = pl_opt_dict(m->plist, MKEXT_KEY_ARGUMENTS, &arguments, e);
	return r || !arguments ? r : pl_opt_string(arguments, MKEXT_KEY_ID, &m->id, e);
}

int mkext_open(const void *data, size_t len, struct mkext *m, struct err *e)
{
	struct archive a = {.data = data, .len = len};
	int r = open_header(&a, e);

	*m = (struct mkext){.predicate = "", .id = ""};
	if (r)
		return r;
	r = ioxml_parse((const char *)a.data + be32_get(a.head.plist_offset),
			be32_get(a.head.plist_full_size), &m->plist, e);
	if (!r && plist_get_node_type(m->plist) != PLIST_DICT)
		r = err_set(e, E_CORRUPT, "expected a dictionary, found %s",
			    pl_type_name(m->plist));
	if (!r)
		r = read_kexts(&a, m, e);
	if (!r)
		r = read_request(m, e);
	return r ? err_ctx(e, "mkext") : 0;
}

void mkext_release(struct mkext *m)
{
	plist_free(m->plist);
	free(m->kext);
	*m = (struct mkext){.n = 0};
}
