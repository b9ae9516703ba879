/* SPDX-License-Identifier: MIT */
#include "sim/formats/apfs/reader_impl.h"

#include <stdio.h>
#include <stdlib.h>

#include "sim/base/ckd.h"
#include "sim/formats/gpt/gpt.h"

int apfs_open(struct vdisk *d, uint64_t offset, uint64_t size, unsigned flags,
	      struct apfs **ret, struct err *e)
{
	struct apfs *c;
	int r;

	if (!range_inside(offset, size, d->size))
		return err_set(e, E_INVAL, "the container is not inside the disk");
	if (size < APFS_BLOCK_SIZE)
		return err_set(e, E_NOTFOUND, "no APFS container here");
	c = calloc(1, sizeof(*c));
	if (!c)
		return err_set(e, E_NOMEM, "container: out of memory");
	c->disk = d;
	c->flags = flags;
	c->offset = offset;
	c->size = size;
	c->blocks = size / APFS_BLOCK_SIZE;
	r = apfs_checkpoint_load(c, e);
	if (r) {
		apfs_close(c);
		return r;
	}
	uuid_text(c->sb.nx_uuid.b, c->info.uuid);
	c->info.block_size = APFS_BLOCK_SIZE;
	c->info.block_count = c->blocks;
	c->info.xid = c->xid;
	c->info.offset = offset;
	*ret = c;
	return 0;
}

int apfs_find_container(struct vdisk *d, uint64_t *offset, uint64_t *size, struct err *e)
{
	const struct gpt_part *part;
	struct gpt g;
	int r = gpt_read(d, &g, e);

	*offset = 0;
	*size = d->size;
	if (r == -E_NOTFOUND)
		return 0;
	if (r)
		return r;
	part = gpt_find(&g, GPT_TYPE_APFS, 0);
	if (part) {
		*offset = part->offset;
		*size = part->size;
	}
	r = part ? 0 : err_set(e, E_NOTFOUND, "no APFS partition");
	gpt_release(&g);
	return r;
}

int apfs_open_path(const char *path, struct apfs **ret, struct err *e)
{
	struct vdisk *d = NULL;
	uint64_t offset, size;
	int r = vdisk_open(path, &d, e);

	if (r)
		return r;
	r = apfs_find_container(d, &offset, &size, e);
	if (!r)
		r = apfs_open(d, offset, size, 0, ret, e);
	if (r) {
		vdisk_close(d);
		return err_ctx(e, "%s", path);
	}
	(*ret)->own_disk = true;
	return 0;
}

void apfs_close(struct apfs *c)
{
	if (!c)
		return;
	apfs_cache_release(&c->cache);
	if (c->own_disk)
		vdisk_close(c->disk);
	free(c);
}

void apfs_get_info(const struct apfs *c, struct apfs_info *ret)
{
	*ret = c->info;
}
