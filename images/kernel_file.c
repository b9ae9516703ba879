/* SPDX-License-Identifier: MIT */
#include "images/kernel_file.h"

#include <string.h>

#include "sim/formats/image4/img4.h"
#include "sim/formats/macho/detach.h"
#include "sim/formats/macho/write.h"
#include "sim/formats/prelink/load.h"
#include "sim/platform/kpi/kpi.h"

const struct kext_entry *kernel_file_find(const struct kernel_file *k, const char *id)
{
	for (size_t i = 0; i < k->n_kexts; i++)
		if (!strcmp(k->kext[i].id, id))
			return &k->kext[i];
	return NULL;
}

/* ---- the three kinds ---- */

static int open_collection(struct kernel_file *k, struct span in,
			   const struct macho_arch *arch, struct err *e)
{
	struct fileset *f = &k->fileset;
	int r = fileset_open(in.p, in.len, arch, f, e);

	if (r)
		return r;
	k->kind = KERNEL_COLLECTION;
	k->m = &f->m;
	k->kernel = f->has_kernel ? &f->kernel : NULL;
	k->has_kcid = true;
	memcpy(k->kcid, f->kcid, UUID_LEN);
	memcpy(k->version, f->kernel_version, sizeof(f->kernel_version));
	k->kext = f->kext;
	k->n_kexts = f->n_kexts;
	return 0;
}

static int open_prelinked(struct kernel_file *k, struct span in, struct err *e)
{
	struct prelink *p = &k->prelink;
	int r = prelink_open(in.p, in.len, p, e);

	if (r)
		return r;
	k->kind = KERNEL_PRELINKED;
	k->m = k->kernel = &p->m;
	k->has_kcid = true;
	memcpy(k->kcid, p->kcid, UUID_LEN);
	prelink_kernel_version(p->macho.data, p->macho.len, k->version);
	k->kext = p->kext;
	k->n_kexts = p->n_kexts;
	return 0;
}

/* In k->plain there is a Mach-O file with nothing in its prelink segments. */
static int open_alone(struct kernel_file *k, struct err *e)
{
	const struct macho_arch *arch = macho_arch_of(k->plain.data, k->plain.len);
	int r = macho_open_for(k->plain.data, k->plain.len,
			       arch ? arch : macho_arch(MACHO_X86_64), &k->plain_macho,
			       e);

	if (r)
		return r;
	k->kind = KERNEL_ALONE;
	k->m = k->kernel = &k->plain_macho;
	if (k->m->filetype != MH_EXECUTE)
		return err_set(e, E_UNSUPPORTED, "not a kernel (Mach-O filetype 0x%x)",
			       k->m->filetype);
	prelink_kernel_version(k->plain.data, k->plain.len, k->version);
	return 0;
}

static bool is_prelinked(const struct buf *macho)
{
	const struct macho_segment *s;
	struct macho m;
	bool yes;

	/* What cannot be read at all prelink_open is to tell of. */
	if (macho_open(macho->data, macho->len, &m, NULL))
		return true;
	s = macho_segment(&m, "__PRELINK_INFO");
	yes = m.filetype == MH_EXECUTE && s && s->filesize;
	macho_release(&m);
	return yes;
}

/* ---- what is around them ---- */

static struct span unwrap(const void *data, size_t len, bool *image4)
{
	struct img4 file;

	*image4 = !img4_parse(data, len, &file, NULL);
	return *image4 ? file.payload.data : (struct span){data, len};
}

static bool is_collection(struct span in)
{
	const struct macho_header_raw *h = (const void *)in.p;

	return macho_arch_of(in.p, in.len) && in.len >= sizeof(*h) &&
	       le32_get(h->filetype) == MH_FILESET;
}

bool kernel_file_is_collection(const void *data, size_t len)
{
	bool image4;

	return is_collection(unwrap(data, len, &image4));
}

/* Fat header and comp header, for those who want to know. */
static void look_at_wrapping(struct kernel_file *k, struct span in)
{
	const struct prelink_comp_raw *comp;
	size_t off, len;

	if (macho_slice(in.p, in.len, &off, &len, NULL))
		return;
	k->fat = get_be32(in.p) == FAT_MAGIC_RAW;
	comp = (const void *)(in.p + off);
	if (len >= sizeof(*comp) && !memcmp(comp->signature, "comp", 4))
		k->comp = comp;
}

static int open_kernel(struct kernel_file *k, struct span in, struct err *e)
{
	const struct macho_arch *arch = macho_arch_of(in.p, in.len);
	int r;

	if (is_collection(in))
		return open_collection(k, in, arch, e);
	look_at_wrapping(k, in);
	r = arch ? buf_append(&k->plain, in.p, in.len, e)
		 : prelink_unpack(in.p, in.len, &k->plain, NULL, e);
	if (r)
		return r;
	if (arch == macho_arch(MACHO_X86_64) || !arch)
		if (is_prelinked(&k->plain)) {
			buf_release(&k->plain);
			return open_prelinked(k, in, e);
		}
	return open_alone(k, e);
}

int kernel_file_open(const void *data, size_t len, struct kernel_file *k, struct err *e)
{
	struct span in;
	int r;

	*k = (struct kernel_file){.kind = KERNEL_ALONE};
	in = unwrap(data, len, &k->image4);
	r = open_kernel(k, in, e);
	if (r)
		kernel_file_release(k);
	return r;
}

void kernel_file_release(struct kernel_file *k)
{
	macho_release(&k->plain_macho);
	buf_release(&k->plain);
	if (k->kind == KERNEL_PRELINKED)
		prelink_release(&k->prelink);
	if (k->kind == KERNEL_COLLECTION)
		fileset_release(&k->fileset);
	*k = (struct kernel_file){.kind = KERNEL_ALONE};
}

bool kernel_file_is_stand_in(const struct kernel_file *k)
{
	return k->kernel && k->kernel->has_uuid && kernel_is_standin(k->kernel->uuid);
}

const char *kernel_file_kind_text(const struct kernel_file *k)
{
	if (k->kind != KERNEL_COLLECTION)
		return k->kind == KERNEL_ALONE ? "kernel" : "prelinked kernel";
	if (k->kernel)
		return "boot kernel collection";
	return k->fileset.has_pageable_kcid || k->m->arch == macho_arch(MACHO_ARM64E)
		       ? "auxiliary kernel collection"
		       : "system kernel collection";
}

/* ---- their parts ---- */

/* Empty both prelink segments, and put them where the kernel ends. */
static void take_out(uint8_t *file, const struct macho *m, uint64_t vm_end,
		     uint64_t file_end)
{
	for (unsigned i = 0; i < m->nsegs; i++) {
		struct macho_segment seg = m->segs[i];
		struct macho_section s;

		if (strncmp(seg.name, "__PRELINK_", strlen("__PRELINK_")) != 0 ||
		    seg.nsects != 1)
			continue;
		s = m->sects[seg.first_sect];
		seg.vmaddr = s.addr = vm_end;
		seg.vmsize = seg.filesize = s.size = 0;
		seg.fileoff = file_end;
		s.offset = (uint32_t)file_end;
		macho_poke_segment(file, &seg);
		macho_poke_section(file, &seg, 0, &s);
	}
}

/* The kernel ends, in file and memory, where its other segments do. */
static int take_kernel(const struct macho *m, struct buf *out, struct err *e)
{
	uint64_t vm_end = 0, file_end = 0;
	int r;

	for (unsigned i = 0; i < m->nsegs; i++) {
		const struct macho_segment *s = &m->segs[i];

		if (!strncmp(s->name, "__PRELINK_", strlen("__PRELINK_")))
			continue;
		if (s->vmaddr + s->vmsize > vm_end)
			vm_end = s->vmaddr + s->vmsize;
		if (s->fileoff + s->filesize > file_end)
			file_end = s->fileoff + s->filesize;
	}
	r = buf_append(out, m->data, file_end, e);
	if (!r)
		take_out(out->data, m, vm_end, file_end);
	return r;
}

int kernel_file_kernel(const struct kernel_file *k, struct buf *out, struct err *e)
{
	if (!k->kernel)
		return err_set(e, E_NOTFOUND, "there is no kernel in it");
	if (k->kind == KERNEL_COLLECTION)
		return macho_detach(k->kernel, out, e);
	if (k->kind == KERNEL_PRELINKED)
		return take_kernel(k->kernel, out, e);
	return buf_append(out, k->m->data, k->m->len, e);
}

static int detach_entry(const struct kernel_file *k, const struct kext_entry *part,
			struct buf *out, struct err *e)
{
	struct macho m;
	int r = fileset_kext_macho(&k->fileset, part, &m, e);

	if (r)
		return r;
	r = macho_detach(&m, out, e);
	macho_release(&m);
	return r;
}

int kernel_file_part(const struct kernel_file *k, const struct kext_entry *part,
		     struct buf *out, struct err *e)
{
	const uint8_t *code;

	if (!part->has_code && !part->placed)
		return err_set(e, E_NOTFOUND, "%s has no code", part->id);
	if (k->kind == KERNEL_COLLECTION)
		return detach_entry(k, part, out, e);
	code = prelink_code(&k->prelink, part);
	if (!code)
		return err_set(e, E_CORRUPT,
			       "%s: _PrelinkExecutableSourceAddr 0x%llx is outside "
			       "__PRELINK_TEXT",
			       part->id, (unsigned long long)part->source_addr);
	return buf_append(out, code, part->size, e);
}
