/* SPDX-License-Identifier: MIT */
#include "images/containers.h"

#include <stdio.h>
#include <string.h>

#include "sim/formats/gpt/gpt.h"

/* In the order of their numbers. */
static const struct {
	const char *type, *kind;
} kinds[] = {
	{GPT_TYPE_APFS_ISC, "Apple_APFS_ISC"},
	{GPT_TYPE_APFS_RECOVERY, "Apple_APFS_Recovery"},
	{GPT_TYPE_APFS, "Apple_APFS"},
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))
#define SYSTEM	(N_KINDS - 1)

static int add(struct containers *cs, size_t kind, uint64_t offset, uint64_t size,
	       struct err *e)
{
	if (cs->n == CONTAINERS_MAX)
		return err_set(e, E_OVERFLOW, "more than %d APFS containers",
			       CONTAINERS_MAX);
	cs->v[cs->n] = (struct mac_container){
		kinds[kind].kind, (unsigned)cs->n + 1, offset, size, NULL};
	cs->n++;
	return 0;
}

static int add_partitions(struct containers *cs, const struct gpt *g, struct err *e)
{
	int r = 0;

	for (size_t k = 0; k < N_KINDS && !r; k++) {
		if (k == SYSTEM)
			cs->main = cs->n;
		for (size_t i = 0; i < g->n_parts && !r; i++)
			if (!strcmp(g->parts[i].type, kinds[k].type))
				r = add(cs, k, g->parts[i].offset, g->parts[i].size, e);
	}
	if (!r && cs->main == cs->n)
		r = err_set(e, E_NOTFOUND, "no APFS partition");
	return r;
}

static int find_containers(struct containers *cs, struct err *e)
{
	struct err none = ERR_INIT;
	struct gpt g;
	int r = gpt_read(cs->disk, &g, &none);

	if (r == -E_NOTFOUND)
		return add(cs, SYSTEM, 0, cs->disk->size, e);
	if (r)
		return err_set(e, none.code, "%s", none.msg);
	r = add_partitions(cs, &g, e);
	gpt_release(&g);
	return r;
}

static int open_main(struct containers *cs, const char *path, struct err *e)
{
	struct apfs *c;
	int r = find_containers(cs, e);

	if (!r)
		r = containers_get(cs, cs->main, &c, e);
	return r ? err_ctx(e, "%s", path) : 0;
}

int containers_open(struct containers *cs, const char *path, struct err *e)
{
	int r;

	*cs = (struct containers){.disk = NULL};
	r = vdisk_open(path, &cs->disk, e);
	return r ? r : open_main(cs, path, e);
}

int containers_open_rw(struct containers *cs, const char *path, struct err *e)
{
	int r;

	*cs = (struct containers){.disk = NULL};
	r = vdisk_open_rw(path, &cs->disk, e);
	return r ? r : open_main(cs, path, e);
}

void containers_close(struct containers *cs)
{
	for (size_t i = 0; i < cs->n; i++)
		apfs_close(cs->v[i].apfs);
	vdisk_close(cs->disk);
	*cs = (struct containers){.disk = NULL};
}

int containers_get(struct containers *cs, size_t i, struct apfs **ret, struct err *e)
{
	struct mac_container *c = &cs->v[i];
	int r = 0;

	if (!c->apfs)
		r = apfs_open(cs->disk, c->offset, c->size, 0, &c->apfs, e);
	*ret = c->apfs;
	return r && cs->n > 1 ? err_ctx(e, "%s, disk%u", c->kind, c->disk) : r;
}

/* "disk1s2": E_NOTFOUND when it is not of that form, or there is no such disk. */
static int find_device(struct containers *cs, const char *want, struct apfs **ret,
		       unsigned *ret_slot, struct err *e)
{
	unsigned disk, part;
	int n = 0;

	if (sscanf(want, "disk%us%u%n", &disk, &part, &n) != 2 || want[n] || !part)
		return err_set(e, E_NOTFOUND, "'%s' is no device", want);
	for (size_t i = 0; i < cs->n; i++)
		if (cs->v[i].disk == disk) {
			*ret_slot = part - 1;
			return containers_get(cs, i, ret, e);
		}
	return err_set(e, E_NOTFOUND, "there is no disk%u", disk);
}

int containers_find(struct containers *cs, const char *want, struct apfs **ret,
		    unsigned *ret_slot, struct err *e)
{
	struct err why = ERR_INIT, other = ERR_INIT;
	int r = find_device(cs, want, ret, ret_slot, &other);

	if (r != -E_NOTFOUND)
		return r ? err_set(e, other.code, "%s", other.msg) : 0;
	r = apfs_volume_find(cs->v[cs->main].apfs, want, ret_slot, &why);
	*ret = cs->v[cs->main].apfs;
	for (size_t i = 0; i < cs->n && r == -E_NOTFOUND; i++) {
		err_clear(&other);
		if (i == cs->main || containers_get(cs, i, ret, &other))
			continue;
		if (!apfs_volume_find(*ret, want, ret_slot, &other))
			return 0;
	}
	return r ? err_set(e, why.code, "%s", why.msg) : 0;
}
