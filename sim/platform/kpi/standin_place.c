/* SPDX-License-Identifier: MIT */
/* Symbols of the stand-in kernel: where they are, and what is there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/platform/kpi/standin_internal.h"

#define SLOT STANDIN_SLOT

const struct macho_section standin_sections[N_SECTS] = {
	[SECT_TEXT] = {.segname = "__TEXT",
		       .name = "__text",
		       .align = 4,
		       .flags = S_ATTR_PURE_INSTRUCTIONS | S_ATTR_SOME_INSTRUCTIONS},
	[SECT_TEXT_CONST] = {.segname = "__TEXT", .name = "__const", .align = 4},
	[SECT_DATA] = {.segname = "__DATA", .name = "__data", .align = 4},
	[SECT_DATA_CONST] = {.segname = "__DATA", .name = "__const", .align = 4},
	[SECT_COMMON] = {.segname = "__DATA",
			 .name = "__common",
			 .align = 4,
			 .flags = S_ZEROFILL},
	[SECT_PRELINK_TEXT] = {.segname = "__PRELINK_TEXT", .name = "__text"},
	[SECT_PRELINK_INFO] = {.segname = "__PRELINK_INFO", .name = "__info"},
};

/* Symbols whose section the table does not know, but which are no functions. */
static const struct {
	const char *name;
	enum content content;
	uint32_t size;
} data_symbols[] = {
	{"_version", CONTENT_VERSION, RELEASE_BANNER_MAX},
	{"_osrelease", CONTENT_DARWIN, SLOT},
	{"_ostype", CONTENT_OSTYPE, SLOT},
	{"_version_major", CONTENT_MAJOR, SLOT},
	{"_version_minor", CONTENT_MINOR, SLOT},
	{"_version_revision", CONTENT_REVISION, SLOT},
	{"_version_stage", CONTENT_NONE, SLOT},
	{"_version_prerelease_level", CONTENT_NONE, SLOT},
	{"_version_variant", CONTENT_NONE, SLOT},
};

static void place(struct placed *p, const struct kpi_symbol *s, uint64_t *size)
{
	*size = SLOT;
	p->sym = s;
	p->sect = SECT_TEXT;
	for (unsigned i = 0; i < SECT_PRELINK_TEXT; i++) {
		const char *sep = strchr(s->section, ',');

		if (sep &&
		    !strncmp(s->section, standin_sections[i].segname,
			     (size_t)(sep - s->section)) &&
		    !strcmp(sep + 1, standin_sections[i].name))
			p->sect = i;
	}
	for (size_t i = 0; i < sizeof(data_symbols) / sizeof(data_symbols[0]); i++)
		if (!strcmp(s->name, data_symbols[i].name)) {
			p->sect = SECT_TEXT_CONST;
			p->content = data_symbols[i].content;
			*size = data_symbols[i].size;
		}
}

static int by_name(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	return strcmp(x->sym->name, y->sym->name);
}

/* All but the KPIs' aliases. */
int standin_place(struct kernel *k, struct err *e)
{
	const struct kpi_table *t = k->table;
	int r;

	k->placed = calloc(t->n_syms + 1, sizeof(*k->placed));
	if (!k->placed)
		return err_set(e, E_NOMEM, "out of memory");
	r = standin_index_vtables(k, e);
	if (r)
		return r;
	for (size_t i = 0; i < t->n_syms; i++) {
		const struct kpi_symbol *s = &t->sym[i];
		struct placed *p = &k->placed[k->n];
		uint64_t size;

		if (s->alias_of)
			continue;
		place(p, s, &size);
		p->named = s->binding != 'L';
		if (standin_vtable_size(k, s->name))
			size = standin_vtable_size(k, s->name);
		if (strcmp(s->name, HEADER_SYMBOL) != 0) {
			p->off = k->sect[p->sect].size;
			k->sect[p->sect].size += size;
		}
		k->n++;
	}
	qsort(k->placed, k->n, sizeof(*k->placed), by_name);
	for (size_t i = 0; !r && i < k->n; i++)
		r = symdict_set(&k->names, k->placed[i].sym->name, i, 0, e);
	return r;
}

uint64_t standin_address(const struct kernel *k, const struct placed *p)
{
	if (!strcmp(p->sym->name, HEADER_SYMBOL))
		return k->cpu->text_addr;
	return k->sect[p->sect].addr + p->off;
}

int standin_add_symbols(struct kernel *k, struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && i < k->n; i++) {
		const struct placed *p = &k->placed[i];
		struct macho_symbol s = {
			.name = p->sym->name,
			.type = N_SECT | N_EXT,
			.sect = (uint8_t)(p->sect + 1),
			.value = standin_address(k, p),
		};

		if (p->named)
			r = macho_symw_add(&k->syms, &s, e);
	}
	return r;
}

/* Part @n of "19.0.0". */
static uint32_t version_part(const char *version, unsigned n)
{
	while (n-- && version)
		version = strchr(version, '.') ? strchr(version, '.') + 1 : NULL;
	return version ? (uint32_t)strtoul(version, NULL, 10) : 0;
}

static void fill(const struct kernel *k, const struct placed *p, uint8_t *at)
{
	switch (p->content) {
	case CONTENT_VERSION:
		release_kernel_banner(k->release, k->machine, (char *)at);
		break;
	case CONTENT_DARWIN:
		snprintf((char *)at, SLOT, "%s", k->release->darwin);
		break;
	case CONTENT_OSTYPE:
		snprintf((char *)at, SLOT, "Darwin");
		break;
	case CONTENT_MAJOR:
	case CONTENT_MINOR:
	case CONTENT_REVISION:
		put_le32(at,
			 version_part(k->release->darwin, p->content - CONTENT_MAJOR));
		break;
	case CONTENT_NONE:
		break;
	}
}

void standin_fill(struct kernel *k)
{
	for (size_t i = 0; i < k->n; i++) {
		const struct placed *p = &k->placed[i];
		const struct macho_section *s = &k->sect[p->sect];

		if (macho_is_zerofill(s) || !strcmp(p->sym->name, HEADER_SYMBOL))
			continue;
		if (p->sect == SECT_TEXT)
			memcpy(k->file.data + s->offset + p->off, k->cpu->function, SLOT);
		else
			fill(k, p, k->file.data + s->offset + p->off);
	}
}
