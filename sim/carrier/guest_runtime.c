/* SPDX-License-Identifier: MIT */
#include "sim/carrier/guest_runtime.h"

#include <elf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/buf.h"
#include "sim/base/ckd.h"
#include "sim/base/fsio.h"
#include "sim/carrier/ld_cache.h"

#define ELF_MAX   (256u << 20)
#define FILES_MAX 256 /* programs and libraries together */

/* Where ld.so looks last (ld.so(8)), on Debian. */
static const char *const default_dirs[] = {
	"/lib/x86_64-linux-gnu",
	"/usr/lib/x86_64-linux-gnu",
	"/lib64",
	"/usr/lib64",
	"/lib",
	"/usr/lib",
};

struct entry {
	char *guest; /* owned */
	char *host;  /* owned */
};

struct list {
	struct entry files[FILES_MAX];
	size_t n, scanned; /* files[scanned..n) still have to be looked into */
	struct ld_cache cache;
};

/* One ELF file in memory, as far as it was checked. */
struct image {
	const char *path;
	struct buf bytes;
	const Elf64_Phdr *ph;
	size_t ph_n;
	const Elf64_Dyn *dyn;
	size_t dyn_n;
	const char *strings;
	size_t strings_len;
};

static const Elf64_Phdr *find_segment(const struct image *im, uint32_t type)
{
	for (size_t i = 0; i < im->ph_n; i++)
		if (im->ph[i].p_type == type)
			return &im->ph[i];
	return NULL;
}

static int check_header(struct image *im, struct err *e)
{
	const Elf64_Ehdr *h = (const void *)im->bytes.data;

	if (im->bytes.len < sizeof(*h) || memcmp(h->e_ident, ELFMAG, SELFMAG) != 0)
		return err_set(e, E_CORRUPT, "%s: not an ELF file", im->path);
	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_machine != EM_X86_64)
		return err_set(e, E_UNSUPPORTED, "%s: not an x86-64 ELF file", im->path);
	if (h->e_phentsize != sizeof(Elf64_Phdr) || h->e_phoff % 8 ||
	    !range_inside(h->e_phoff, (uint64_t)h->e_phnum * sizeof(Elf64_Phdr),
			  im->bytes.len))
		return err_set(e, E_CORRUPT, "%s: bad program headers", im->path);
	im->ph = (const void *)(im->bytes.data + h->e_phoff);
	im->ph_n = h->e_phnum;
	return 0;
}

/* Offset in the file of virtual address @addr, or UINT64_MAX. */
static uint64_t file_offset(const struct image *im, uint64_t addr)
{
	for (size_t i = 0; i < im->ph_n; i++) {
		const Elf64_Phdr *p = &im->ph[i];

		if (p->p_type == PT_LOAD && addr >= p->p_vaddr &&
		    addr - p->p_vaddr < p->p_filesz)
			return p->p_offset + (addr - p->p_vaddr);
	}
	return UINT64_MAX;
}

static uint64_t dyn_value(const struct image *im, int64_t tag, uint64_t missing)
{
	for (size_t i = 0; i < im->dyn_n && im->dyn[i].d_tag != DT_NULL; i++)
		if (im->dyn[i].d_tag == tag)
			return im->dyn[i].d_un.d_val;
	return missing;
}

/* Find the dynamic section and its strings; a static program has none. */
static int find_dynamic(struct image *im, struct err *e)
{
	const Elf64_Phdr *d = find_segment(im, PT_DYNAMIC);
	uint64_t off, len;

	if (!d)
		return 0;
	if (d->p_offset % 8 || !range_inside(d->p_offset, d->p_filesz, im->bytes.len))
		return err_set(e, E_CORRUPT, "%s: bad dynamic section", im->path);
	im->dyn = (const void *)(im->bytes.data + d->p_offset);
	im->dyn_n = d->p_filesz / sizeof(Elf64_Dyn);
	off = file_offset(im, dyn_value(im, DT_STRTAB, UINT64_MAX));
	len = dyn_value(im, DT_STRSZ, 0);
	if (!len || !range_inside(off, len, im->bytes.len) ||
	    im->bytes.data[off + len - 1] != '\0')
		return err_set(e, E_CORRUPT, "%s: bad string table", im->path);
	im->strings = (const char *)im->bytes.data + off;
	im->strings_len = len;
	return 0;
}

static int image_load(struct image *im, const char *path, struct err *e)
{
	int r;

	*im = (struct image){.path = path, .bytes = BUF_INIT};
	r = fsio_read(path, ELF_MAX, &im->bytes, e);
	if (!r)
		r = check_header(im, e);
	if (!r)
		r = find_dynamic(im, e);
	return r;
}

static int add(struct list *l, const char *guest, const char *host, struct err *e)
{
	struct entry n = {NULL, NULL};

	for (size_t i = 0; i < l->n; i++)
		if (l->files[i].guest && !strcmp(l->files[i].guest, guest))
			return 0;
	if (l->n == FILES_MAX)
		return err_set(e, E_OVERFLOW, "more than %d libraries", FILES_MAX);
	n.guest = strdup(guest);
	n.host = strdup(host);
	if (!n.guest || !n.host) {
		free(n.guest);
		free(n.host);
		return err_set(e, E_NOMEM, "out of memory");
	}
	l->files[l->n++] = n;
	return 0;
}

/* The host's file for library @name. */
static int locate(const struct list *l, const char *name, char *out, size_t size,
		  struct err *e)
{
	const char *hit = ld_cache_find(&l->cache, name);
	int r;

	if (hit && access(hit, R_OK) == 0) {
		snprintf(out, size, "%s", hit);
		return 0;
	}
	for (size_t i = 0; i < sizeof(default_dirs) / sizeof(*default_dirs); i++) {
		r = fsio_join(out, size, default_dirs[i], name, e);
		if (r)
			return r;
		if (access(out, R_OK) == 0)
			return 0;
	}
	return err_set(e, E_NOTFOUND, "library %s is not on this host", name);
}

static int add_library(struct list *l, const struct image *im, const char *name,
		       struct err *e)
{
	char guest[PATH_MAX], host[PATH_MAX];
	int r;

	if (!*name || strchr(name, '/'))
		return err_set(e, E_UNSUPPORTED, "%s: library by path: '%s'", im->path,
			       name);
	/* The loader is needed by libc under its Linux name, which dyld stands for. */
	if (!strcmp(name, "ld-linux-x86-64.so.2"))
		return 0;
	r = fsio_join(guest, sizeof(guest), GUEST_LIB_DIR, name, e);
	if (!r)
		r = locate(l, name, host, sizeof(host), e);
	if (r)
		return err_ctx(e, "%s", im->path);
	return add(l, guest, host, e);
}

static int add_needed(struct list *l, const struct image *im, struct err *e)
{
	int r;

	for (size_t i = 0; i < im->dyn_n && im->dyn[i].d_tag != DT_NULL; i++) {
		uint64_t at = im->dyn[i].d_un.d_val;

		if (im->dyn[i].d_tag != DT_NEEDED)
			continue;
		if (at >= im->strings_len)
			return err_set(e, E_CORRUPT, "%s: bad DT_NEEDED", im->path);
		r = add_library(l, im, im->strings + at, e);
		if (r)
			return r;
	}
	return 0;
}

static int scan(struct list *l, const char *path, struct err *e)
{
	struct image im;
	int r = image_load(&im, path, e);

	if (!r && find_segment(&im, PT_INTERP))
		r = add(l, GUEST_LOADER, "/lib64/ld-linux-x86-64.so.2", e);
	if (!r)
		r = add_needed(l, &im, e);
	buf_release(&im.bytes);
	return r;
}

static int by_guest_path(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->guest, ((const struct entry *)b)->guest);
}

static int collect(struct list *l, const char *const *programs, size_t n, struct err *e)
{
	int r = ld_cache_load(&l->cache, "/etc/ld.so.cache", e);

	for (size_t i = 0; !r && i < n; i++)
		r = scan(l, programs[i], e);
	/* Libraries need libraries; the list grows while it is walked. */
	for (; !r && l->scanned < l->n; l->scanned++)
		r = scan(l, l->files[l->scanned].host, e);
	if (!r)
		qsort(l->files, l->n, sizeof(l->files[0]), by_guest_path);
	return r;
}

int guest_runtime_list(const char *const *programs, size_t n, guest_runtime_fn fn,
		       void *arg, struct err *e)
{
	struct list *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return err_set(e, E_NOMEM, "out of memory");
	r = collect(l, programs, n, e);
	for (size_t i = 0; !r && i < l->n; i++)
		r = fn(arg, l->files[i].guest, l->files[i].host, e);
	for (size_t i = 0; i < l->n; i++) {
		free(l->files[i].guest);
		free(l->files[i].host);
	}
	ld_cache_release(&l->cache);
	free(l);
	return r;
}
