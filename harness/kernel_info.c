/* SPDX-License-Identifier: MIT */
#include "harness/kernel_info.h"

#include <stdio.h>
#include <string.h>

#include "sim/base/idtext.h"
#include "sim/formats/prelink/prelink.h"

static const char *hex(struct arena *a, const uint8_t *bytes, size_t len, struct err *e)
{
	char *out = arena_alloc(a, 2 * len + 1, e);

	if (out)
		hex_text(bytes, len, out);
	return out;
}

static int judge(const void *data, size_t len, struct arena *a, struct kernel_info *k,
		 struct err *e)
{
	struct prelink_report rep = {.failed = PRELINK_OK};
	struct err why = ERR_INIT;
	int r = prelink_verify(data, len, &rep, &why);

	if (!r)
		return 0;
	if (rep.failed == PRELINK_OK) {
		*e = why;
		return r;
	}
	k->bad = arena_printf(a, e, "%s: %s", prelink_check_name(rep.failed), why.msg);
	return k->bad ? 0 : -(int)e->code;
}

static int take_kexts(const struct kernel_file *f, struct arena *a, struct kernel_info *k,
		      struct err *e)
{
	k->kexts = arena_array(a, f->n_kexts, sizeof(*k->kexts), e);
	if (!k->kexts)
		return -(int)e->code;
	for (size_t i = 0; i < f->n_kexts; i++) {
		k->kexts[i].id = arena_strdup(a, f->kext[i].id, e);
		k->kexts[i].version = arena_strdup(a, f->kext[i].version, e);
		if (!k->kexts[i].id || !k->kexts[i].version)
			return -(int)e->code;
	}
	k->n_kexts = f->n_kexts;
	return 0;
}

/* What cannot be opened is bad, which judge() has said of a prelinked kernel. */
static int read_file(const void *data, size_t len, struct arena *a, struct kernel_info *k,
		     struct err *e)
{
	struct err why = ERR_INIT;
	struct kernel_file f;
	int r;

	if (kernel_file_open(data, len, &f, &why)) {
		if (!k->bad)
			k->bad = arena_strdup(a, why.msg, e);
		return k->bad ? 0 : -(int)e->code;
	}
	k->kcid = hex(a, f.kcid, sizeof(f.kcid), e);
	k->darwin = arena_strdup(a, f.version, e);
	k->stand_in = kernel_file_is_stand_in(&f);
	r = k->kcid && k->darwin ? take_kexts(&f, a, k, e) : -(int)e->code;
	kernel_file_release(&f);
	return r;
}

int kernel_info_read(const void *data, size_t len, struct arena *a,
		     struct kernel_info *ret, struct err *e)
{
	struct kernel_info k = {.exists = true, .kcid = "", .darwin = ""};
	char sum[SHA256_TEXT_MAX];
	int r = sha256_text(data, len, sum, e);

	if (r)
		return r;
	k.sha256 = arena_strdup(a, sum, e);
	if (!k.sha256)
		return -(int)e->code;
	if (!kernel_file_is_collection(data, len))
		r = judge(data, len, a, &k, e);
	if (!r)
		r = read_file(data, len, a, &k, e);
	if (!r)
		*ret = k;
	return r;
}

static const char *field(const json_t *o, const char *name, struct arena *a,
			 struct err *e)
{
	const char *s = json_string_value(json_object_get(o, name));

	return arena_strdup(a, s ? s : "", e);
}

int kernel_info_from_event(const json_t *event, struct arena *a, struct kernel_info *ret,
			   struct err *e)
{
	const json_t *list = json_object_get(event, "kexts");
	struct kernel_info k = {.exists = true, .darwin = ""};
	size_t n = json_array_size(list);

	k.sha256 = field(event, "sha256", a, e);
	k.kcid = field(event, "kcid", a, e);
	k.kexts = arena_array(a, n, sizeof(*k.kexts), e);
	if (!k.sha256 || !k.kcid || !k.kexts)
		return -(int)e->code;
	for (size_t i = 0; i < n; i++) {
		const json_t *item = json_array_get(list, i);

		k.kexts[i].id = field(item, "id", a, e);
		k.kexts[i].version = field(item, "version", a, e);
		if (!k.kexts[i].id || !k.kexts[i].version)
			return -(int)e->code;
	}
	k.n_kexts = n;
	*ret = k;
	return 0;
}

const char *kernel_info_version(const struct kernel_info *k, const char *id)
{
	for (size_t i = 0; i < k->n_kexts; i++)
		if (!strcmp(k->kexts[i].id, id))
			return k->kexts[i].version;
	return "absent";
}
