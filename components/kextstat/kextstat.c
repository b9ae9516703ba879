/* SPDX-License-Identifier: MIT */
#include "components/kextstat/kextstat.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "components/common/loaded_kexts.h"
#include "sim/base/idtext.h"
#include "sim/formats/macho/raw.h"
#include "sim/formats/plist/pl.h"

#define TAGS_MAX  4096
#define HEADER	   "Index Refs Address            Size       Wired      "
#define HEADER_ARCH "Architecture       "
#define HEADER_END  "Name (Version) UUID <Linked Against>\n"

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
		return buf_printf(out, e, " no UUID");
	}
	uuid_text(uuid, text);
	return buf_printf(out, e, " %s", text);
}

static int by_tag_downward(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x < y) - (x > y);
}

/* " <8 6 5 3 1>", nothing when it needs nobody. */
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
	if (!n)
		return buf_append(out, "\n", 1, e);
	qsort(tags, n, sizeof(tags[0]), by_tag_downward);
	for (uint32_t i = 0; !r && i < n; i++)
		r = buf_printf(out, e, "%s%" PRIu64, i ? " " : " <", tags[i]);
	return r ? r : buf_append(out, ">\n", 2, e);
}

static bool is_named(const struct kextstat_options *o, const char *id)
{
	for (size_t i = 0; i < o->n_ids; i++)
		if (!strcmp(o->id[i], id))
			return true;
	return false;
}

/* Parts of the kernel are left out by -k, unless they are asked for by name. */
static bool wanted(const struct kextstat_options *o, plist_t dict, const char *id)
{
	if (o->n_ids)
		return is_named(o, id);
	return !o->no_kernel || !pl_true(plist_dict_get_item(dict, "OSKernelResource"));
}

static const char *architecture(plist_t dict)
{
	return number(dict, "OSBundleCPUType") == CPU_TYPE_X86_64 ? "x86_64" : "-/-";
}

static int append_kext(plist_t dict, const struct kextstat_options *o, struct buf *out,
		       struct err *e)
{
	const char *id, *version;
	int r = pl_string(dict, "CFBundleIdentifier", &id, e);

	if (!r)
		r = pl_string(dict, "CFBundleVersion", &version, e);
	if (r || !wanted(o, dict, id))
		return r;
	/* As %#x has it: a zero stands without 0x. */
	r = buf_printf(
	    out, e,
	    "%5" PRIu64 " %4" PRIu64 " %#-18" PRIx64 " %#-10" PRIx64 " %#-10" PRIx64,
	    number(dict, "OSBundleLoadTag"), number(dict, "OSBundleRetainCount"),
	    number(dict, "OSBundleLoadAddress"), number(dict, "OSBundleLoadSize"),
	    number(dict, "OSBundleWiredSize"));
	if (!r && o->architecture)
		r = buf_printf(out, e, " %-18s", architecture(dict));
	if (!r)
		r = buf_printf(out, e, " %s (%s)", id, version);
	if (!r)
		r = append_uuid(dict, out, e);
	return r ? r : append_tags(dict, out, e);
}

static int by_address(const void *a, const void *b)
{
	uint64_t x = number(*(const plist_t *)a, "OSBundleLoadAddress");
	uint64_t y = number(*(const plist_t *)b, "OSBundleLoadAddress");

	return (x > y) - (x < y);
}

static int append_header(const struct kextstat_options *o, struct buf *out, struct err *e)
{
	if (o->list_only)
		return 0;
	return buf_printf(out, e, "%s%s%s", HEADER, o->architecture ? HEADER_ARCH : "",
			  HEADER_END);
}

static int append_all(plist_t array, const struct kextstat_options *o, struct buf *out,
		      struct err *e)
{
	uint32_t n = plist_array_get_size(array);
	plist_t *dict = calloc((size_t)n + 1, sizeof(*dict));
	int r;

	if (!dict)
		return err_set(e, E_NOMEM, "out of memory");
	for (uint32_t i = 0; i < n; i++)
		dict[i] = plist_array_get_item(array, i);
	if (o->by_address)
		qsort(dict, n, sizeof(*dict), by_address);
	r = append_header(o, out, e);
	for (uint32_t i = 0; !r && i < n; i++)
		r = plist_get_node_type(dict[i]) == PLIST_DICT
			    ? append_kext(dict[i], o, out, e)
			    : err_set(e, E_CORRUPT, "kext %u is not a dictionary", i);
	free(dict);
	return r;
}

int kextstat_text(const char *path, const struct kextstat_options *o, struct buf *out,
		  struct err *e)
{
	plist_t array = NULL;
	int r = loaded_kexts_read(path, &array, e);

	if (!r)
		r = append_all(array, o, out, e);
	plist_free(array);
	return r;
}
