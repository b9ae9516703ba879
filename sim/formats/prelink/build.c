/* SPDX-License-Identifier: MIT */
#include "sim/formats/prelink/build.h"

#include <stdlib.h>
#include <string.h>

#include "sim/base/ckd.h"
#include "sim/formats/kext/link_deps.h"
#include "sim/formats/macho/write.h"
#include "sim/formats/plist/pl.h"
#include "sim/formats/prelink/ioxml.h"
#include "sim/formats/prelink/kcid.h"
#include "sim/formats/prelink/pack.h"

/* More failures than this among kexts needed to boot, and there is no kernel. */
#define REQUIRED_FAILURES_MAX 3
#define KXLD_ERROR	      5 /* KERN_FAILURE, the only code kxld gives */

/* A kext at work. */
struct unit {
	const struct kext_input *k;
	bool interface;
	struct kxld_image img; /* linked; of an interface, its executable as it is */
	struct macho m;	       /* of img */
	bool open;
	struct kxld_exports exports;
	uint64_t load, source;
	struct kcid_item id;
};

struct build {
	const struct prelink_request *rq;
	struct prelink_result *res;
	struct macho kernel;
	struct kxld_exports kernel_exports;
	struct unit *unit;
	uint64_t file_off, source, load; /* of the first kext */
	uint64_t total;			 /* bytes of code so far */
	unsigned required_failures;
	const struct kxld_exports **exports; /* of each unit; NULL: has no executable */
	struct buf errors;		     /* kxld's, of the kext at work */
	bool said;			     /* why is in the log already */
	bool tried;			     /* kxld was asked */
	bool aborted;
};

/* A value of Info.plist; one for this architecture goes first. */
static const char *info_string(const struct kext_input *k, const char *key)
{
	const char *s = pl_str(kext_info_value(k->info, key));

	return s ? s : "";
}

static bool info_true(const struct kext_input *k, const char *key)
{
	return pl_true(kext_info_value(k->info, key));
}

/* A built-in part of the kernel is an interface too: symbols without code. */
static bool is_interface(const struct kext_input *k)
{
	return info_true(k, "OSBundleIsInterface") || info_true(k, "OSKernelResource");
}

static bool is_required(const struct kext_input *k)
{
	static const char *const needed[] = {"Root", "Local-Root", "Network-Root",
					     "DriverKit"};
	const char *v = info_string(k, "OSBundleRequired");

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!strcmp(v, needed[i]))
			return true;
	return false;
}

void prelink_result_release(struct prelink_result *r)
{
	buf_release(&r->macho);
	free(r->outcome);
	memset(r, 0, sizeof(*r));
}

static void release(struct build *b)
{
	for (size_t i = 0; b->unit && i < b->rq->n_kexts; i++) {
		kxld_exports_release(&b->unit[i].exports);
		if (b->unit[i].open)
			macho_release(&b->unit[i].m);
		kxld_image_release(&b->unit[i].img);
	}
	free(b->unit);
	free(b->exports);
	buf_release(&b->errors);
	kxld_exports_release(&b->kernel_exports);
	macho_release(&b->kernel);
}

/* The kernel comes with both segments, empty, each with its one section. */
static int check_empty(const struct macho *m, const char *seg, const char *sect,
		       struct err *e)
{
	const struct macho_segment *s = macho_segment(m, seg);

	if (!s || s->nsects != 1 || !macho_section(m, seg, sect))
		return err_set(e, E_CORRUPT, "kernel has no section %s,%s", seg, sect);
	if (s->filesize)
		return err_set(e, E_INVAL, "kernel has something in %s already", seg);
	return 0;
}

static int open_kernel(struct build *b, struct err *e)
{
	struct macho *m = &b->kernel;
	uint64_t end = 0;
	int r = macho_open(b->rq->kernel, b->rq->kernel_len, m, e);

	if (!r && m->filetype != MH_EXECUTE)
		r = err_set(e, E_CORRUPT, "not a kernel (Mach-O filetype 0x%x)",
			    m->filetype);
	if (!r)
		r = check_empty(m, "__PRELINK_TEXT", "__text", e);
	if (!r)
		r = check_empty(m, "__PRELINK_INFO", "__info", e);
	if (!r)
		r = prelink_load_base(m, &b->load, e);
	for (unsigned i = 0; !r && i < m->nsegs; i++)
		if (m->segs[i].vmaddr + m->segs[i].vmsize > end)
			end = m->segs[i].vmaddr + m->segs[i].vmsize;
	if (!r && ckd_round_up(&b->source, end, MACHO_PAGE))
		r = err_set(e, E_CORRUPT, "kernel ends at 0x%llx",
			    (unsigned long long)end);
	if (!r)
		r = kxld_exports_image(m, &b->kernel_exports, e);
	if (r)
		return err_ctx(e, "kernel");
	b->file_off = (m->len + MACHO_PAGE - 1) & ~(uint64_t)(MACHO_PAGE - 1);
	b->res->kaslr = m->has_dysymtab;
	return 0;
}

/* __OSKextInitKXLDDependency: a library that was left out ends it before kxld is asked.
 */
static int check_dep(struct build *b, size_t dep, struct err *e)
{
	const char *path = b->unit[dep].k->bundle_path;

	if (b->res->outcome[dep] != PRELINK_OMITTED)
		return 0;
	clog_say(b->rq->log, CLOG_ERROR, "Can't use %s - not linked.", path);
	b->said = true;
	return err_set(e, E_NOTFOUND, "Can't use %s - not linked.", path);
}

static int check_deps(struct build *b, size_t i, const struct kext_link_deps *d,
		      struct err *e)
{
	int r = 0;

	for (size_t j = 0; !r && j < i; j++)
		if (d->reach[j] == KEXT_DIRECT)
			r = check_dep(b, j, e);
	return r;
}

/* kxld knows a kext by its identifier. */
static int link_against(struct build *b, struct unit *u, const struct kext_link_deps *d,
			struct err *e)
{
	const struct kxld_request rq = {
		.name = info_string(u->k, "CFBundleIdentifier"),
		.file = u->k->exec,
		.len = u->k->exec_len,
		.load_addr = b->load + b->total,
		.keep_relocs = b->res->kaslr,
		.deps = d->direct,
		.n_deps = d->n_direct,
		.indirect = d->indirect,
		.n_indirect = d->n_indirect,
		.log = b->rq->log,
		.errors = &b->errors,
	};
	int r;

	clog_say(b->rq->log, CLOG_PROGRESS, "Linking %s.", u->k->bundle_path);
	b->tried = true;
	r = kxld_link(&rq, &u->img, e);
	for (char *line = (char *)b->errors.data, *next; r && line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		clog_say(b->rq->log, CLOG_ERROR, "kxld[%s]: %s", rq.name, line);
	}
	b->said = b->errors.len != 0;
	return r;
}

static int link_code(struct build *b, size_t i, struct err *e)
{
	struct unit *u = &b->unit[i];
	struct kext_link_deps deps;
	int r = kext_link_deps_collect(b->rq->kext, b->exports, i, &deps, e);

	if (!r)
		r = check_deps(b, i, &deps, e);
	if (!r)
		r = link_against(b, u, &deps, e);
	kext_link_deps_release(&deps);
	return r;
}

/* An interface is not linked: its symbols lie in the prelinked kernel as the file has
 * them. */
static int take_interface(struct unit *u, struct err *e)
{
	size_t off = 0, len = 0;
	int r = macho_slice(u->k->exec, u->k->exec_len, &off, &len, e);

	return r ? r
		 : buf_append(&u->img.bytes, (const uint8_t *)u->k->exec + off, len, e);
}

/* Each begins on a page. */
static int give_place(struct build *b, struct unit *u, struct err *e)
{
	u->load = b->load + b->total;
	u->source = b->source + b->total;
	b->total += u->img.bytes.len;
	u->id.has_addr = true;
	u->id.addr = u->load;
	if (ckd_round_up(&b->total, b->total, MACHO_PAGE) || b->total > PRELINK_MAX)
		return err_set(e, E_OVERFLOW, "kexts of more than %u bytes", PRELINK_MAX);
	return 0;
}

static int export_unit(struct build *b, size_t i, struct err *e)
{
	struct unit *u = &b->unit[i];
	const struct kxld_exports *of = &b->kernel_exports;
	const char *name = "__kernel__";
	int r = 0;

	if (!u->interface)
		return kxld_exports_image(&u->m, &u->exports, e);
	if (!info_true(u->k, "OSKernelResource") && u->k->n_deps) {
		const size_t dep = u->k->deps[0];

		r = check_dep(b, dep, e);
		of = &b->unit[dep].exports;
		name = info_string(b->unit[dep].k, "CFBundleIdentifier");
	}
	return r ? r
		 : kxld_exports_interface(&u->m, of,
					  info_string(u->k, "CFBundleIdentifier"), name,
					  b->rq->log, &u->exports, e);
}

static int link_unit(struct build *b, size_t i, struct err *e)
{
	struct unit *u = &b->unit[i];
	int r;

	b->res->outcome[i] = PRELINK_NO_CODE;
	if (!u->k->exec)
		return 0;
	u->interface = is_interface(u->k);
	if (!u->interface)
		b->res->outcome[i] = PRELINK_LINKED;
	r = u->interface ? take_interface(u, e) : link_code(b, i, e);
	if (!r)
		r = macho_open(u->img.bytes.data, u->img.bytes.len, &u->m, e);
	if (r)
		return r;
	u->open = true;
	u->id.has_uuid = u->m.has_uuid;
	memcpy(u->id.uuid, u->m.uuid, sizeof(u->id.uuid));
	r = export_unit(b, i, e);
	return r ? r : give_place(b, u, e);
}

/* @u did not link: leave it out, or give up. */
static int failed(struct build *b, size_t i, int r, const struct err *why, struct err *e)
{
	const struct kext_input *k = b->rq->kext + i;
	bool abort = b->rq->need_all;

	if (r == -E_NOMEM) {
		*e = *why;
		return r;
	}
	b->res->outcome[i] = PRELINK_OMITTED;
	if (is_required(k) && ++b->required_failures > REQUIRED_FAILURES_MAX)
		abort = true;
	if (!b->said)
		clog_say(b->rq->log, CLOG_ERROR, "%s", why->msg);
	if (b->tried)
		clog_say(b->rq->log, CLOG_ERROR, "Link failed (error code %d).",
			 KXLD_ERROR);
	clog_say(b->rq->log, abort ? CLOG_ERROR : CLOG_WARNING,
		 "Prelink failed for %s; %s.", info_string(k, "CFBundleIdentifier"),
		 abort ? "aborting prelink" : "omitting from prelinked kernel");
	if (!abort)
		return 0;
	b->aborted = true;
	*e = *why;
	return err_ctx(e, "Prelink failed for %s", k->bundle_path);
}

static int link_all(struct build *b, struct err *e)
{
	for (size_t i = 0; i < b->rq->n_kexts; i++) {
		struct err why = ERR_INIT;
		int r;

		buf_clear(&b->errors);
		b->said = b->tried = false;
		b->unit[i].k = &b->rq->kext[i];
		b->exports[i] = b->rq->kext[i].exec ? &b->unit[i].exports : NULL;
		r = link_unit(b, i, &why);
		if (r)
			r = failed(b, i, r, &why, e);
		if (r)
			return r;
	}
	return 0;
}

static void set_uint(plist_t d, const char *key, uint64_t v)
{
	plist_dict_set_item(d, key, plist_new_uint(v));
}

/*
 * Personalities stay only with kexts that are wanted before kextd runs; it sends the
 * others' later. (Apple's code means to remove IOKitPersonalities_x86_64 as well, but
 * spells the key wrong; so it stays.)
 */
static bool keeps_personalities(const struct build *b, const struct kext_input *k)
{
	const char *req = info_string(k, "OSBundleRequired");

	return b->rq->all_personalities || (*req && strcmp(req, "Safe Boot") != 0);
}

static plist_t kext_dict(const struct build *b, const struct unit *u)
{
	plist_t d = plist_copy(u->k->info);

	clog_say(b->rq->log, CLOG_STEP, "Adding %s to prelinked kernel.",
		 u->k->bundle_path);
	if (!keeps_personalities(b, u->k))
		plist_dict_remove_item(d, "IOKitPersonalities");
	plist_dict_set_item(d, "_PrelinkBundlePath", plist_new_string(u->k->bundle_path));
	if (u->k->exec_rel_path)
		plist_dict_set_item(d, "_PrelinkExecutableRelativePath",
				    plist_new_string(u->k->exec_rel_path));
	if (u->interface && u->id.has_uuid)
		plist_dict_set_item(d, "_PrelinkInterfaceUUID",
				    plist_new_data((const char *)u->id.uuid, 16));
	if (u->k->exec) { /* of an interface too, with a kmod_info of 0 */
		set_uint(d, "_PrelinkExecutableLoadAddr", u->load);
		set_uint(d, "_PrelinkExecutableSourceAddr", u->source);
		set_uint(d, "_PrelinkExecutableSize", u->img.bytes.len);
		set_uint(d, "_PrelinkKmodInfo", u->img.kmod_info);
	}
	return d;
}

static int compute_kcid(struct build *b, struct err *e)
{
	struct kcid_item *item = calloc(b->rq->n_kexts + 1, sizeof(*item));
	size_t n = 0;
	int r;

	if (!item)
		return err_set(e, E_NOMEM, "out of memory");
	for (size_t i = 0; i < b->rq->n_kexts; i++)
		if (b->res->outcome[i] != PRELINK_OMITTED)
			item[n++] = b->unit[i].id;
	r = prelink_kcid(&b->kernel, item, n, b->res->kcid, e);
	free(item);
	return r;
}

static int info_text(struct build *b, struct buf *xml, struct err *e)
{
	plist_t top = plist_new_dict(), list = plist_new_array();
	int r;

	for (size_t i = 0; i < b->rq->n_kexts; i++)
		if (b->res->outcome[i] != PRELINK_OMITTED)
			plist_array_append_item(list, kext_dict(b, &b->unit[i]));
	plist_dict_set_item(top, "_PrelinkInfoDictionary", list);
	plist_dict_set_item(top, "_PrelinkKCID",
			    plist_new_data((const char *)b->res->kcid, PRELINK_KCID_LEN));
	r = ioxml_write(top, xml, e);
	plist_free(top);
	return r;
}

/* Segment and section get the same range; @vmsize is the segment's alone. */
static void set_range(struct build *b, const char *name, uint64_t vmaddr, uint64_t vmsize,
		      uint64_t off, uint64_t size)
{
	struct macho_segment seg = *macho_segment(&b->kernel, name);
	struct macho_section sect = b->kernel.sects[seg.first_sect];

	seg.vmaddr = sect.addr = vmaddr;
	seg.vmsize = vmsize;
	seg.fileoff = off;
	seg.filesize = sect.size = size;
	sect.offset = (uint32_t)off;
	macho_poke_segment(b->res->macho.data, &seg);
	macho_poke_section(b->res->macho.data, &seg, 0, &sect);
}

static int put_code(struct build *b, struct err *e)
{
	struct buf *out = &b->res->macho;
	int r = buf_append(out, b->kernel.data, b->kernel.len, e);

	if (!r)
		r = macho_pad(out, MACHO_PAGE, e);
	for (size_t i = 0; !r && i < b->rq->n_kexts; i++) {
		const struct buf *code = &b->unit[i].img.bytes;

		if (b->res->outcome[i] == PRELINK_OMITTED)
			continue;
		r = buf_append(out, code->data, code->len, e);
		if (!r)
			r = macho_pad(out, MACHO_PAGE, e);
	}
	return r;
}

static int put_all(struct build *b, struct err *e)
{
	struct buf xml = BUF_INIT;
	uint64_t info_off = b->file_off + b->total;
	int r = compute_kcid(b, e);

	if (!r)
		r = info_text(b, &xml, e);
	if (!r)
		r = put_code(b, e);
	if (!r)
		r = buf_append(&b->res->macho, xml.data, xml.len, e);
	if (!r)
		r = macho_pad(&b->res->macho, MACHO_PAGE, e);
	if (!r) {
		set_range(b, "__PRELINK_TEXT", b->source, b->total, b->file_off,
			  b->total);
		set_range(b, "__PRELINK_INFO", b->source + b->total,
			  b->res->macho.len - info_off, info_off, xml.len);
	}
	buf_release(&xml);
	return r;
}

int prelink_build(const struct prelink_request *rq, struct prelink_result *res,
		  struct err *e)
{
	struct build b = {.rq = rq, .res = res};
	int r;

	memset(res, 0, sizeof(*res));
	r = kext_inputs_in_order(rq->kext, rq->n_kexts, e);
	if (r)
		return r;
	b.unit = calloc(rq->n_kexts + 1, sizeof(*b.unit));
	b.exports = calloc(rq->n_kexts + 1, sizeof(struct kxld_exports *));
	res->outcome = calloc(rq->n_kexts + 1, sizeof(*res->outcome));
	if (!b.unit || !b.exports || !res->outcome)
		r = err_set(e, E_NOMEM, "out of memory");
	if (!r)
		r = open_kernel(&b, e);
	if (!r)
		r = link_all(&b, e);
	if (!r)
		r = put_all(&b, e);
	release(&b);
	if (r) {
		prelink_result_release(res);
		res->aborted = b.aborted;
	}
	return r;
}
