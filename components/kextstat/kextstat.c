/* SPDX-License-Identifier: MIT */
#include "components/kextstat/kextstat.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/fsio.h"
#include "sim/base/idtext.h"
#include "sim/formats/plist/pl.h"

#define TAGS_MAX  4096
#define HEADER                                                                           \
	"Index Refs Address            Size       Wired      Name (Version) UUID "       \
	"<Linked Against>\n"

static uint64_t number(plist_t dict, const char *key)
{
	plist_t node = plist_dict_get_item(dict, key);
	uint64_t v = 0;

	if (node && plist_get_node_type(node) == PLIST_UINT)
		plist_get_uint_val(node, &v);
	return v;
}

static int append_uuid(plist_t dict, struct buf *out, struct err *e)
{
	const uint8_t *uuid = NULL;
	char text[UUID_TEXT_MAX];
	size_t len = 0;

	if (pl_data(dict, "OSBundleUUID", &uuid, &len, e) || len != UUID_LEN) {
		err_clear(e);
		return 0;
	}
	uuid_text(uuid, text);
	return buf_printf(out, e, "%s ", text);
}

static int by_tag_downward(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x < y) - (x > y);
}

/* "<8 6 5 3 1>" */
static int append_tags(plist_t dict, struct buf *out, struct err *e)
{
	static uint64_t tags[TAGS_MAX];
	plist_t array = NULL;
	uint32_t n = 0;
	int r = pl_opt_array(dict, "OSBundleDependencies", &array, e);

	if (r)
		return r;
	if (array)
		n = plist_array_get_size(array);
	if (n > TAGS_MAX)
		return err_set(e, E_OVERFLOW, "a kext with %u libraries", n);
	for (uint32_t i = 0; i < n; i++) {
		plist_t item = plist_array_get_item(array, i);

		tags[i] = 0;
		if (plist_get_node_type(item) == PLIST_UINT)
			plist_get_uint_val(item, &tags[i]);
	}
	if (n)
		qsort(tags, n, sizeof(tags[0]), by_tag_downward);
	r = buf_append(out, "<", 1, e);
	for (uint32_t i = 0; !r && i < n; i++)
		r = buf_printf(out, e, "%s%" PRIu64, i ? " " : "", tags[i]);
	return r ? r : buf_append(out, ">\n", 2, e);
}

static bool wanted(const struct kextstat_options *o, const char *id)
{
	if (o->id && strcmp(o->id, id) != 0)
		return false;
	return !o->no_kernel || (strncmp(id, "com.apple.kpi.", 14) != 0 &&
				 strcmp(id, "com.apple.kernel") != 0);
}

static int append_kext(plist_t dict, const struct kextstat_options *o, struct buf *out,
		       struct err *e)
{
	const char *id, *version;
	int r = pl_string(dict, "CFBundleIdentifier", &id, e);

	if (!r)
		r = pl_string(dict, "CFBundleVersion", &version, e);
	if (r || !wanted(o, id))
		return r;
	/* As %#x has it: a zero stands without 0x. */
	r = buf_printf(
	    out, e,
	    "%5" PRIu64 " %4" PRIu64 " %#-18" PRIx64 " %#-10" PRIx64 " %#-10" PRIx64
	    " %s (%s) ",
	    number(dict, "OSBundleLoadTag"), number(dict, "OSBundleRetainCount"),
	    number(dict, "OSBundleLoadAddress"), number(dict, "OSBundleLoadSize"),
	    number(dict, "OSBundleWiredSize"), id, version);
	if (!r)
		r = append_uuid(dict, out, e);
	return r ? r : append_tags(dict, out, e);
}

static int append_all(plist_t array, const struct kextstat_options *o, struct buf *out,
		      struct err *e)
{
	int r = o->list_only ? 0 : buf_printf(out, e, HEADER);

	for (uint32_t i = 0; !r && i < plist_array_get_size(array); i++) {
		plist_t dict = plist_array_get_item(array, i);

		r = plist_get_node_type(dict) == PLIST_DICT ?
			    append_kext(dict, o, out, e) :
			    err_set(e, E_CORRUPT, "kext %u is not a dictionary", i);
	}
	return r;
}

int kextstat_text(const char *path, const struct kextstat_options *o, struct buf *out,
		  struct err *e)
{
	struct buf text = BUF_INIT;
	plist_t array = NULL;
	int r = fsio_read(path, KEXTSTAT_MAX, &text, e);

	if (!r)
		r = pl_parse(text.data, text.len, path, &array, e);
	if (!r && plist_get_node_type(array) != PLIST_ARRAY)
		r = err_set(e, E_CORRUPT, "%s: not an array", path);
	if (!r)
		r = append_all(array, o, out, e);
	plist_free(array);
	buf_release(&text);
	return r;
}
