/* SPDX-License-Identifier: MIT */
#include "components/boot/entitlements.h"

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "components/common/entitlements.h"
#include "sim/base/buf.h"
#include "sim/base/ckd.h"
#include "sim/base/fsio.h"
#include "sim/formats/plist/pl.h"

#define SECTIONS_MAX 4096
#define NAMES_MAX    (1u << 20)

struct elf {
	int fd;
	uint64_t size;
	Elf64_Ehdr head;
	Elf64_Shdr *section; /* owned */
	char *names;         /* owned, NUL-terminated */
	uint64_t names_len;
};

static int read_part(const struct elf *elf, void *to, uint64_t off, uint64_t len,
		     struct err *e)
{
	if (!range_inside(off, len, elf->size))
		return err_set(e, E_CORRUPT, "ELF: part outside the file");
	return fsio_pread_all(elf->fd, to, len, off, "ELF", e);
}

static int read_sections(struct elf *elf, struct err *e)
{
	const Elf64_Shdr *names;
	int r;

	if (elf->head.e_shentsize != sizeof(Elf64_Shdr) ||
	    elf->head.e_shnum > SECTIONS_MAX || elf->head.e_shstrndx >= elf->head.e_shnum)
		return err_set(e, E_CORRUPT, "ELF: bad section table");
	elf->section = calloc(elf->head.e_shnum, sizeof(Elf64_Shdr));
	if (!elf->section)
		return err_set(e, E_NOMEM, "out of memory");
	r = read_part(elf, elf->section, elf->head.e_shoff,
		      elf->head.e_shnum * sizeof(Elf64_Shdr), e);
	if (r)
		return r;
	names = &elf->section[elf->head.e_shstrndx];
	if (names->sh_size > NAMES_MAX)
		return err_set(e, E_CORRUPT, "ELF: section names too long");
	elf->names_len = names->sh_size;
	elf->names = calloc(1, elf->names_len + 1);
	if (!elf->names)
		return err_set(e, E_NOMEM, "out of memory");
	return read_part(elf, elf->names, names->sh_offset, elf->names_len, e);
}

/* *ret_is_elf is false for a script or any other file that has no ELF header. */
static int open_elf(struct elf *elf, int fd, bool *ret_is_elf, struct err *e)
{
	struct stat st;
	int r;

	*elf = (struct elf){.fd = fd};
	*ret_is_elf = false;
	if (fstat(fd, &st))
		return err_sys(e, "executable");
	elf->size = (uint64_t)st.st_size;
	if (!S_ISREG(st.st_mode) || elf->size < sizeof(elf->head))
		return 0;
	r = read_part(elf, &elf->head, 0, sizeof(elf->head), e);
	if (r || memcmp(elf->head.e_ident, ELFMAG, SELFMAG) != 0 ||
	    elf->head.e_ident[EI_CLASS] != ELFCLASS64 || !elf->head.e_shnum)
		return r;
	*ret_is_elf = true;
	return read_sections(elf, e);
}

static const Elf64_Shdr *find_section(const struct elf *elf, const char *name)
{
	for (unsigned i = 0; i < elf->head.e_shnum; i++)
		if (elf->section[i].sh_name < elf->names_len &&
		    !strcmp(elf->names + elf->section[i].sh_name, name))
			return &elf->section[i];
	return NULL;
}

static int each_true(plist_t dict, int (*fn)(void *arg, const char *name, struct err *e),
		     void *arg, struct err *e)
{
	struct pl_iter it;
	bool value;
	int r = 0;

	for (pl_each(&it, dict); pl_next(&it);) {
		value = false;
		r = pl_bool(dict, it.key, &value, e);
		if (!r && value)
			r = fn(arg, it.key, e);
		if (r) {
			pl_iter_release(&it);
			break;
		}
	}
	return r;
}

static int read_list(const struct elf *elf, const Elf64_Shdr *s,
		     int (*fn)(void *arg, const char *name, struct err *e), void *arg,
		     struct err *e)
{
	plist_t dict = NULL;
	char *text;
	int r;

	if (s->sh_size > ENTITLEMENTS_MAX_BYTES)
		return err_set(e, E_CORRUPT, "entitlements: %llu bytes",
			       (unsigned long long)s->sh_size);
	text = calloc(1, s->sh_size + 1);
	if (!text)
		return err_set(e, E_NOMEM, "out of memory");
	r = read_part(elf, text, s->sh_offset, s->sh_size, e);
	if (!r)
		r = pl_parse(text, strlen(text), "entitlements", &dict, e);
	if (!r && plist_get_node_type(dict) != PLIST_DICT)
		r = err_set(e, E_CORRUPT, "entitlements: not a dictionary");
	if (!r)
		r = each_true(dict, fn, arg, e);
	plist_free(dict);
	free(text);
	return r;
}

int entitlements_read(int fd, int (*fn)(void *arg, const char *name, struct err *e),
		      void *arg, struct err *e)
{
	const Elf64_Shdr *s;
	struct elf elf;
	bool is_elf;
	int r = open_elf(&elf, fd, &is_elf, e);

	if (!r && is_elf) {
		s = find_section(&elf, ENTITLEMENTS_SECTION);
		if (s)
			r = read_list(&elf, s, fn, arg, e);
	}
	free(elf.section);
	free(elf.names);
	return r;
}
