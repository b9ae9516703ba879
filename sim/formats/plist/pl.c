/* SPDX-License-Identifier: MIT */
#include "sim/formats/plist/pl.h"

#include <stdlib.h>
#include <string.h>

#include "sim/base/fsio.h"
#include "sim/formats/plist/guard.h"
#include "sim/formats/plist/where.h"

/* <plist>, and the leaf inside the innermost container. */
#define XML_EXTRA_DEPTH 2

static bool nests_too_deep(plist_t node, unsigned depth);

static bool dict_too_deep(plist_t dict, unsigned depth)
{
	struct pl_iter it;

	for (pl_each(&it, dict); pl_next(&it);) {
		if (nests_too_deep(it.value, depth + 1)) {
			pl_iter_release(&it);
			return true;
		}
	}
	return false;
}

static bool array_too_deep(plist_t array, unsigned depth)
{
	plist_array_iter it = NULL;
	plist_t item = NULL;
	bool deep = false;

	plist_array_new_iter(array, &it);
	do {
		plist_array_next_item(array, it, &item);
		deep = item && nests_too_deep(item, depth + 1);
	} while (item && !deep);
	free(it);
	return deep;
}

static bool nests_too_deep(plist_t node, unsigned depth)
{
	if (depth > PL_MAX_DEPTH)
		return true;
	switch (plist_get_node_type(node)) {
	case PLIST_DICT:
		return dict_too_deep(node, depth);
	case PLIST_ARRAY:
		return array_too_deep(node, depth);
	default:
		return false;
	}
}

static int check_size(const char *data, size_t len, const char *what, struct err *e)
{
	if (len > PL_MAX_BYTES)
		return err_set(e, E_OVERFLOW, "%s: a property list of %zu bytes", what,
			       len);
	if (plist_is_binary(data, (uint32_t)len)) {
		if (pl_binary_objects((const uint8_t *)data, len) > PL_MAX_OBJECTS)
			return err_set(e, E_OVERFLOW,
				       "%s: a property list of more than %u objects, says "
				       "the trailer at offset 0x%zx",
				       what, PL_MAX_OBJECTS, len < 32 ? 0 : len - 32);
		if (pl_binary_has_nul((const uint8_t *)data, len))
			return err_set(e, E_CORRUPT, "%s: a string holds a NUL", what);
		if (pl_binary_shares_containers((const uint8_t *)data, len))
			return err_set(e, E_CORRUPT, "%s: a container is part of two",
				       what);
	} else if (pl_xml_too_deep(data, len, PL_MAX_DEPTH + XML_EXTRA_DEPTH)) {
		return err_set(e, E_OVERFLOW, "%s: nested more than %u deep", what,
			       PL_MAX_DEPTH);
	}
	return 0;
}

int pl_parse(const void *data, size_t len, const char *what, plist_t *ret, struct err *e)
{
	char where[PL_WHERE_MAX];
	plist_t root = NULL;
	int r = check_size(data, len, what, e);

	if (r)
		return r;
	/* Too short for libplist's look at the first bytes is not a list either. */
	if (len >= 8)
		plist_from_memory(data, (uint32_t)len, &root);
	if (!root) {
		pl_where(data, len, where);
		return err_set(e, E_CORRUPT, "%s: not a property list%s", what, where);
	}
	if (nests_too_deep(root, 0)) {
		plist_free(root);
		return err_set(e, E_OVERFLOW, "%s: nested more than %u deep", what,
			       PL_MAX_DEPTH);
	}
	*ret = root;
	return 0;
}

int pl_load_dict(const char *path, size_t max, plist_t *ret, struct err *e)
{
	struct buf b = BUF_INIT;
	plist_t root = NULL;
	int r = fsio_read(path, max, &b, e);

	if (!r)
		r = pl_parse(b.data, b.len, path, &root, e);
	buf_release(&b);
	if (r)
		return r;
	if (plist_get_node_type(root) != PLIST_DICT) {
		r = err_set(e, E_CORRUPT, "%s: expected a dictionary, found %s", path,
			    pl_type_name(root));
		plist_free(root);
		return r;
	}
	*ret = root;
	return 0;
}

int pl_to_xml(plist_t root, struct buf *out, struct err *e)
{
	char *xml = NULL;
	uint32_t len = 0;
	int r;

	plist_to_xml(root, &xml, &len);
	if (!xml)
		return err_set(e, E_NOMEM, "property list: cannot be written as XML");
	r = buf_append(out, xml, len, e);
	plist_to_xml_free(xml);
	return r;
}

int pl_write_xml(plist_t root, const char *path, mode_t mode, struct err *e)
{
	struct buf b = BUF_INIT;
	int r = pl_to_xml(root, &b, e);

	if (!r)
		r = fsio_write_atomic(path, b.data, b.len, mode, e);
	buf_release(&b);
	return r;
}
