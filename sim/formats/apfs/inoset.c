/* SPDX-License-Identifier: MIT */
#include "sim/formats/apfs/inoset.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 64

void apfs_inoset_release(struct apfs_inoset *s)
{
	for (size_t i = 0; i < s->cap; i++)
		free(s->slots[i].text);
	free(s->slots);
	*s = (struct apfs_inoset){0};
}

/* Where @ino is or belongs. There is always an empty slot. */
static struct apfs_inoset_entry *probe(struct apfs_inoset_entry *slots, size_t cap,
				       uint64_t ino)
{
	size_t i = (ino * 0x9e3779b97f4a7c15ull >> 32) & (cap - 1);

	while (slots[i].ino && slots[i].ino != ino)
		i = (i + 1) & (cap - 1);
	return &slots[i];
}

static int grow(struct apfs_inoset *s, struct err *e)
{
	size_t cap = s->cap ? s->cap * 2 : FIRST_CAP;
	struct apfs_inoset_entry *slots = calloc(cap, sizeof(*slots));

	if (!slots)
		return err_set(e, E_NOMEM, "set of %zu inodes: out of memory", cap);
	for (size_t i = 0; i < s->cap; i++)
		if (s->slots[i].ino)
			*probe(slots, cap, s->slots[i].ino) = s->slots[i];
	free(s->slots);
	s->slots = slots;
	s->cap = cap;
	return 0;
}

int apfs_inoset_add(struct apfs_inoset *s, uint64_t ino, const char *text,
		    const char **ret_old, struct err *e)
{
	struct apfs_inoset_entry *slot;
	int r = s->n + 1 > s->cap / 2 ? grow(s, e) : 0;

	if (r)
		return r;
	slot = probe(s->slots, s->cap, ino);
	if (slot->ino) {
		if (ret_old)
			*ret_old = slot->text;
		return err_set(e, E_EXISTS, "inode %#" PRIx64 " is there already", ino);
	}
	if (text) {
		slot->text = strdup(text);
		if (!slot->text)
			return err_set(e, E_NOMEM, "set of inodes: out of memory");
	}
	slot->ino = ino;
	s->n++;
	return 0;
}
