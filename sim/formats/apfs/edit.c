/* SPDX-License-Identifier: MIT */
/* A transaction from its beginning to its end. */
#include "sim/formats/apfs/edit.h"

#include <stdlib.h>

#include "sim/formats/apfs/edit_impl.h"
#include "sim/formats/apfs/layout.h"

/* Blocks asked for at once: files lie in one piece where there is one of this size. */
#define RUN_BLOCKS 256u

static int next_run(void *ctx, struct apfs_range *ret, struct err *e)
{
	struct apfs_edit *ed = ctx;

	return edit_space_alloc(&ed->space, RUN_BLOCKS, ret, e);
}

static int write_blocks(void *ctx, uint64_t block, const void *data, size_t len,
			struct err *e)
{
	struct apfs_edit *ed = ctx;

	return vdisk_write(&ed->disk.base, ed->c->offset + block * APFS_BLOCK_SIZE, data,
			   len, e);
}

/* ---- Beginning ---- */

/*
 * A checkpoint that is damaged, which a power cut leaves behind, may still lie in the
 * ring with a number of its own: the new one is younger than that too.
 */
static void number_transaction(struct apfs_edit *ed)
{
	struct apfs_info info;

	apfs_get_info(ed->c, &info);
	ed->xid = ed->c->xid > info.newest_xid ? ed->c->xid : info.newest_xid;
	edit_next_xid(ed);
}

void edit_next_xid(struct apfs_edit *ed)
{
	ed->xid++;
	ed->c->xid = ed->xid;
}

static int start(struct apfs_edit *ed, uint64_t offset, uint64_t size, struct err *e)
{
	const struct apfs_out_space space = {
		.next_run = next_run, .write = write_blocks, .ctx = ed};
	int rc = apfs_open(&ed->disk.base, offset, size, 0, &ed->c, e);

	if (rc == 0)
		rc = edit_checkpoint_load(ed, e);
	if (rc == 0)
		rc = edit_omap_load(ed, le64_get(edit_nx(ed)->nx_omap_oid), &ed->omap, e);
	if (rc == 0 && ed->omap.snapshot_tree != 0)
		rc = err_set(e, E_CORRUPT, "object map of the container has snapshots");
	if (rc == 0)
		rc = apfs_out_init_space(&ed->out, &space, e);
	if (rc == 0)
		number_transaction(ed);
	return rc;
}

/* @own: the disk is the transaction's, also on failure. */
static int begin(struct vdisk *d, bool own, uint64_t offset, uint64_t size,
		 int64_t time_ns, struct apfs_edit **ret, struct err *e)
{
	struct apfs_edit *ed = calloc(1, sizeof(*ed));

	if (!ed) {
		if (own)
			vdisk_close(d);
		return err_set(e, E_NOMEM, "out of memory for a transaction");
	}
	edit_disk_init(&ed->disk, d);
	ed->disk.own = own;
	ed->time_ns = time_ns;
	int rc = d->ops->write
			 ? start(ed, offset, size, e)
			 : err_set(e, E_PERM, "the disk was not opened for writing");

	if (rc != 0) {
		apfs_edit_abort(ed);
		return rc;
	}
	*ret = ed;
	return 0;
}

int apfs_edit_begin(struct vdisk *d, uint64_t offset, uint64_t size, int64_t time_ns,
		    struct apfs_edit **ret, struct err *e)
{
	return begin(d, false, offset, size, time_ns, ret, e);
}

int apfs_edit_begin_path(const char *path, int64_t time_ns, struct apfs_edit **ret,
			 struct err *e)
{
	struct vdisk *d = NULL;
	uint64_t offset, size;
	int rc = vdisk_open_rw(path, &d, e);

	if (rc != 0)
		return rc;
	rc = apfs_find_container(d, &offset, &size, e);
	if (rc != 0)
		vdisk_close(d);
	else
		rc = begin(d, true, offset, size, time_ns, ret, e);
	return rc != 0 ? err_ctx(e, "%s", path) : 0;
}

/* ---- End ---- */

void apfs_edit_abort(struct apfs_edit *ed)
{
	if (!ed)
		return;
	if (ed->out.space.ctx)
		apfs_out_release(&ed->out);
	for (unsigned i = 0; i < APFS_NX_MAX_FILE_SYSTEMS; i++)
		edit_volume_free(ed->volume[i]);
	edit_omap_release(&ed->omap);
	edit_space_release(&ed->space);
	edit_ephs_release(&ed->ephs);
	apfs_close(ed->c);
	edit_disk_release(&ed->disk);
	free(ed);
}

int edit_settle(struct apfs_edit *ed, struct err *e)
{
	return apfs_out_flush(&ed->out, e);
}

static int write_volumes(struct apfs_edit *ed, struct err *e)
{
	int rc = 0;

	for (unsigned i = 0; i < APFS_NX_MAX_FILE_SYSTEMS && rc == 0; i++)
		if (ed->volume[i] && ed->volume[i]->dirty)
			rc = edit_volume_write(ed, ed->volume[i], e);
	return rc;
}

static int write_omap(struct apfs_edit *ed, uint64_t *ret_oid, struct err *e)
{
	const struct apfs_omap_spec spec = {
		.xid = ed->xid, .flags = ed->omap.flags, .map = &ed->omap.map};
	uint64_t n_blocks;
	int rc = 0;

	for (size_t i = 0; i < ed->omap.nodes.n && rc == 0; i++)
		rc = edit_space_free(&ed->space, ed->omap.nodes.v[i], 1, e);
	return rc != 0 ? rc : apfs_omap_write(&ed->out, &spec, ret_oid, &n_blocks, e);
}

static int write_all(struct apfs_edit *ed, struct err *e)
{
	uint64_t omap_oid = 0;
	int rc = write_volumes(ed, e);

	if (rc != 0 || !ed->omap.dirty)
		return rc;
	rc = write_omap(ed, &omap_oid, e);
	if (rc == 0)
		rc = edit_settle(ed, e);
	if (rc == 0)
		rc = edit_space_unalloc(&ed->space, &ed->out.run, e);
	return rc != 0 ? rc : edit_checkpoint_write(ed, omap_oid, e);
}

int apfs_edit_commit(struct apfs_edit *ed, struct err *e)
{
	int rc = write_all(ed, e);

	apfs_edit_abort(ed);
	return rc;
}

struct apfs *apfs_edit_container(struct apfs_edit *ed)
{
	return ed->c;
}
