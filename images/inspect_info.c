/* SPDX-License-Identifier: MIT */
/* Containers, volumes, snapshots and seals of a disk, as text. */
#include <inttypes.h>
#include <stdlib.h>

#include "images/inspect.h"
#include "sim/base/idtext.h"
#include "sim/formats/apfs/seal.h"

static int put_seal_of(struct apfs_volume *v, const char *indent, struct buf *out,
		       struct err *e)
{
	struct apfs_seal_info s;
	char hash[2 * APFS_SEAL_HASH_LEN + 1];
	int r = apfs_seal_info_get(v, &s, e);

	if (r || !s.sealed)
		return r;
	hex_text(s.root_hash, sizeof(s.root_hash), hash);
	r = buf_printf(out, e, "%sroot hash  %s\n", indent, hash);
	if (!r && s.broken)
		r = buf_printf(out, e, "%sbroken     in transaction %" PRIu64 "\n", indent,
			       s.broken_xid);
	return r;
}

/* Of the state that snapshot @name holds; NULL: the live one. */
static int put_seal(struct apfs *c, unsigned slot, const char *name, const char *indent,
		    struct buf *out, struct err *e)
{
	struct apfs_volume *v;
	int r = apfs_volume_open(c, slot, name, &v, e);

	if (r)
		return r;
	r = put_seal_of(v, indent, out, e);
	apfs_volume_close(v);
	return r;
}

static int put_snapshots(struct apfs *c, unsigned slot, uint64_t root_xid, struct buf *out,
			 struct err *e)
{
	struct apfs_snapshot *list;
	struct apfs_volume *v;
	size_t n = 0;
	int r = apfs_volume_open(c, slot, NULL, &v, e);

	if (r)
		return r;
	r = apfs_snapshots(v, &list, &n, e);
	for (size_t i = 0; i < n && !r; i++) {
		r = buf_printf(out, e, "    snapshot   %s (transaction %" PRIu64 "%s)\n",
			       list[i].name, list[i].xid,
			       list[i].xid == root_xid ? ", to root from" : "");
		if (!r)
			r = put_seal(c, slot, list[i].name, "      ", out, e);
	}
	if (n)
		free(list);
	apfs_volume_close(v);
	return r;
}

static int put_volume(struct apfs *c, unsigned disk, unsigned slot, struct buf *out,
		      struct err *e)
{
	struct apfs_volume_info i;
	char role[16];
	int r = apfs_volume_get_info(c, slot, &i, e);

	if (r == -E_NOTFOUND)
		return 0;
	if (!r)
		r = buf_printf(out, e, "disk%us%u  %s\n    role       %s\n    UUID       %s\n",
			       disk, slot + 1, i.name, apfs_role_name(i.role, role), i.uuid);
	if (!r && i.group[0])
		r = buf_printf(out, e, "    group      %s\n", i.group);
	if (!r)
		r = buf_printf(out, e,
			       "    names      case-%s\n    holds      %" PRIu64
			       " files, %" PRIu64 " folders, %" PRIu64
			       " symbolic links in %" PRIu64 " blocks\n",
			       i.case_sensitive ? "sensitive" : "insensitive", i.num_files,
			       i.num_dirs, i.num_symlinks, i.alloc_blocks);
	if (!r && (i.sealed || i.encrypted))
		r = buf_printf(out, e, "    state     %s%s\n", i.sealed ? " sealed" : "",
			       i.encrypted ? " encrypted" : "");
	if (!r && i.sealed && !i.encrypted)
		r = put_seal(c, slot, NULL, "    ", out, e);
	if (!r && i.num_snapshots && !i.encrypted)
		r = put_snapshots(c, slot, i.root_to_xid, out, e);
	return r;
}

static int put_container(const struct mac_container *c, struct buf *out, struct err *e)
{
	struct apfs_info i;
	int r;

	apfs_get_info(c->apfs, &i);
	r = buf_printf(out, e,
		       "disk%u  %s container %s at byte %" PRIu64 "\n    size       %" PRIu64
		       " bytes, %" PRIu64 " free\n    checkpoint %" PRIu64 ", one of %u that are whole\n",
		       c->disk, c->kind, i.uuid, i.offset, i.block_count * i.block_size,
		       i.free_blocks * i.block_size, i.xid, i.checkpoints);
	if (!r && i.damage[0])
		r = buf_printf(out, e,
			       "    damaged    the newest, transaction %" PRIu64 ": %s\n",
			       i.newest_xid, i.damage);
	for (unsigned slot = 0; !r && slot < apfs_slots(c->apfs); slot++)
		r = put_volume(c->apfs, c->disk, slot, out, e);
	return r;
}

int inspect_info(struct inspect *in, struct buf *out, struct err *e)
{
	struct containers *cs = inspect_containers(in);
	struct apfs *c;
	int r = 0;

	for (size_t i = 0; i < cs->n && !r; i++) {
		r = containers_get(cs, i, &c, e);
		if (!r)
			r = put_container(&cs->v[i], out, e);
	}
	return r;
}
