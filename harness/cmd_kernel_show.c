/* SPDX-License-Identifier: MIT */
/* kextlab kernel show: what a kernel file says of itself, and whether it would boot. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "harness/cmd_kernel.h"
#include "sim/base/idtext.h"
#include "sim/formats/kext/kext.h"
#include "sim/formats/plist/pl.h"
#include "sim/platform/kpi/kpi.h"

#define ADDRESS_MAX 19 /* "0x", 16 digits, NUL */
#define VERDICT_MAX (ERR_MSG_MAX + 64)

struct show {
	const char *path;
	const struct kernel_loaded *k;
	char verdict[VERDICT_MAX]; /* "ok", or what is wrong first */
};

/* All that is asked of a collection fileset_open has asked already. */
static void judge(struct show *s)
{
	const struct kernel_loaded *k = s->k;
	struct prelink_report rep;
	struct err why = ERR_INIT;

	snprintf(s->verdict, sizeof(s->verdict), "ok");
	if (k->file.kind == KERNEL_ALONE)
		snprintf(s->verdict, sizeof(s->verdict), "not prelinked");
	else if (k->file.kind == KERNEL_PRELINKED &&
		 prelink_verify(k->bytes.data, k->bytes.len, &rep, &why))
		snprintf(s->verdict, sizeof(s->verdict), "%s: %s",
			 prelink_check_name(rep.failed), why.msg);
}

static const char *method(const struct kernel_file *f)
{
	return !f->comp ? "none" : !memcmp(f->comp->type, "lzvn", 4) ? "lzvn" : "lzss";
}

static const char *uuid_of(bool has, const uint8_t *uuid, char out[static UUID_TEXT_MAX])
{
	out[0] = '\0';
	if (has)
		uuid_text(uuid, out);
	return out;
}

static const char *protection(uint32_t prot, char out[static 4])
{
	out[0] = prot & VM_PROT_READ ? 'r' : '-';
	out[1] = prot & VM_PROT_WRITE ? 'w' : '-';
	out[2] = prot & VM_PROT_EXECUTE ? 'x' : '-';
	out[3] = '\0';
	return out;
}

/* What @part links against: the version that it names, and the one that is here. */
static plist_t libraries_of(const struct kext_entry *part)
{
	plist_t libs = kext_info_value(part->info, "OSBundleLibraries");

	return libs && plist_get_node_type(libs) == PLIST_DICT ? libs : NULL;
}

static const char *version_here(const struct kernel_file *f, const char *id)
{
	const struct kext_entry *p = kernel_file_find(f, id);

	return p ? p->version : NULL;
}

/* ---- for people ---- */

static void print_head(const struct show *s)
{
	const struct kernel_file *f = &s->k->file;
	char id[2 * UUID_LEN + 1], uuid[UUID_TEXT_MAX];

	printf("kind        %s for %s\n", kernel_file_kind_text(f), f->m->arch->name);
	printf("file        %zu bytes%s%s", s->k->bytes.len, f->image4 ? ", Image4" : "",
	       f->fat ? ", fat" : "");
	if (f->comp)
		printf(", %s of %u bytes, adler32 %08x, prelink version %u", method(f),
		       be32_get(f->comp->uncompressed_size), be32_get(f->comp->adler32),
		       be32_get(f->comp->prelink_version));
	printf("\n");
	if (f->kernel)
		printf("kernel      %s%s\n            UUID %s\n", f->version,
		       kernel_file_is_stand_in(f) ? " (a stand-in of kextlab)" : "",
		       uuid_of(f->kernel->has_uuid, f->kernel->uuid, uuid));
	if (f->has_kcid)
		printf("KernelCache ID %s\n", kernel_id_text(true, f->kcid, id));
	printf("verdict     %s\n", s->verdict);
}

static void print_segments(const struct macho *m)
{
	char prot[4];

	printf("segments    %-18s %-18s %10s %10s\n", "address", "size", "offset",
	       "in file");
	for (unsigned i = 0; i < m->nsegs; i++) {
		const struct macho_segment *g = &m->segs[i];

		printf("  %-16s 0x%016" PRIx64 " 0x%-16" PRIx64 " %10" PRIu64
		       " %10" PRIu64 " %s\n",
		       g->name, g->vmaddr, g->vmsize, g->fileoff, g->filesize,
		       protection(g->initprot, prot));
	}
}

static void print_libraries(const struct kernel_file *f, const struct kext_entry *part)
{
	plist_t libs = libraries_of(part);
	struct pl_iter it;

	if (!libs)
		return;
	for (pl_each(&it, libs); pl_next(&it);) {
		const char *wants = pl_str(it.value), *has = version_here(f, it.key);

		printf("    needs %s %s%s%s%s\n", it.key, wants ? wants : "?",
		       has ? ", here " : ", not here", has ? has : "", "");
	}
}

static void print_kexts(const struct kernel_file *f)
{
	char uuid[UUID_TEXT_MAX];

	printf("kexts       %zu\n", f->n_kexts);
	for (size_t i = 0; i < f->n_kexts; i++) {
		const struct kext_entry *p = &f->kext[i];

		printf("  %s %s\n    %s\n", p->id, p->version, p->bundle_path);
		if (p->has_code)
			printf("    at 0x%" PRIx64 ", %" PRIu64
			       " bytes, kmod_info 0x%" PRIx64 "\n",
			       p->load_addr, p->size, p->kmod_info);
		else if (p->placed)
			printf("    at 0x%" PRIx64 ", %" PRIu64 " bytes, interface\n",
			       p->load_addr, p->size);
		else
			printf("    %s\n", p->is_interface ? "interface" : "no code");
		if (p->has_uuid)
			printf("    UUID %s\n", uuid_of(true, p->uuid, uuid));
		print_libraries(f, p);
	}
}

/* ---- for programs ---- */

/* Addresses are more than a JSON integer holds. */
static json_t *address(uint64_t v)
{
	char text[ADDRESS_MAX];

	snprintf(text, sizeof(text), "0x%" PRIx64, v);
	return json_string(text);
}

static json_t *id_json(bool has, const uint8_t *uuid)
{
	char text[UUID_TEXT_MAX];

	return has ? json_string(uuid_of(true, uuid, text)) : json_null();
}

static json_t *segments_json(const struct macho *m)
{
	json_t *list = json_array();
	char prot[4];

	for (unsigned i = 0; i < m->nsegs; i++) {
		const struct macho_segment *g = &m->segs[i];

		json_array_append_new(list,
				      json_pack("{s:s, s:o, s:I, s:I, s:I, s:s}", "name",
						g->name, "vmaddr", address(g->vmaddr),
						"vmsize", (json_int_t)g->vmsize,
						"fileoff", (json_int_t)g->fileoff,
						"filesize", (json_int_t)g->filesize,
						"prot", protection(g->initprot, prot)));
	}
	return list;
}

static json_t *libraries_json(const struct kernel_file *f, const struct kext_entry *part)
{
	json_t *list = json_array();
	plist_t libs = libraries_of(part);
	struct pl_iter it;

	if (!libs)
		return list;
	for (pl_each(&it, libs); pl_next(&it);)
		json_array_append_new(list, json_pack("{s:s, s:s?, s:s?}", "id", it.key,
						      "wants", pl_str(it.value), "here",
						      version_here(f, it.key)));
	return list;
}

static json_t *kext_json(const struct kernel_file *f, const struct kext_entry *p)
{
	json_t *j = json_pack(
		"{s:s, s:s, s:s, s:b, s:b, s:o, s:o}", "id", p->id, "version", p->version,
		"path", p->bundle_path, "code", p->has_code, "interface", p->is_interface,
		"uuid", id_json(p->has_uuid, p->uuid), "libraries", libraries_json(f, p));

	if (!p->has_code && !p->placed)
		return j;
	json_object_set_new(j, "load_address", address(p->load_addr));
	json_object_set_new(j, "size", json_integer((json_int_t)p->size));
	json_object_set_new(j, "kmod_info", address(p->kmod_info));
	return j;
}

static int print_json(const struct show *s)
{
	const struct kernel_file *f = &s->k->file;
	json_t *kexts = json_array(), *j;
	char kcid[2 * UUID_LEN + 1];

	for (size_t i = 0; i < f->n_kexts; i++)
		json_array_append_new(kexts, kext_json(f, &f->kext[i]));
	j = json_pack("{s:s, s:s, s:s, s:I, s:b, s:b, s:s, s:s, s:s, s:b, s:s, s:o}",
		      "file", s->path, "kind", kernel_file_kind_text(f), "arch",
		      f->m->arch->name, "bytes", (json_int_t)s->k->bytes.len, "image4",
		      f->image4, "fat", f->fat, "compression", method(f), "verdict",
		      s->verdict, "version", f->version, "stand_in", kernel_file_is_stand_in(f),
		      "kcid", kernel_id_text(f->has_kcid, f->kcid, kcid), "uuid",
		      f->kernel ? id_json(f->kernel->has_uuid, f->kernel->uuid)
				: json_null());
	if (f->comp) {
		json_object_set_new(j, "adler32", address(be32_get(f->comp->adler32)));
		json_object_set_new(j, "uncompressed_bytes",
				    json_integer(be32_get(f->comp->uncompressed_size)));
		json_object_set_new(j, "prelink_version",
				    json_integer(be32_get(f->comp->prelink_version)));
	}
	json_object_set_new(j, "segments", segments_json(f->m));
	json_object_set_new(j, "kexts", kexts);
	return cmd_print_json(j);
}

int kernel_show(const void *words)
{
	const struct kernel_words *w = words;
	struct kernel_loaded k;
	struct show s = {.path = w->args[0], .k = &k};
	struct err e = ERR_INIT;
	int status = EXIT_PASSED;

	if (kernel_load(&k, w->args[0], &e)) {
		status = cmd_error(&e);
	} else {
		judge(&s);
		if (w->json) {
			status = print_json(&s);
		} else {
			print_head(&s);
			print_segments(k.file.m);
			print_kexts(&k.file);
		}
		if (!status && strchr(s.verdict, ':'))
			status = EXIT_FAILED;
	}
	kernel_loaded_release(&k);
	return status;
}
