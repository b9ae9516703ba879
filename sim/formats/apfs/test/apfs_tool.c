/* SPDX-License-Identifier: MIT */
/*
 * The reader as a program, for scripts that compare it with other readers and for the
 * bench:
 *
 *	apfs-tool info IMAGE
 *	apfs-tool read IMAGE                       read every byte of every file
 *	apfs-tool verified IMAGE VOLUME[@SNAPSHOT] the same twice, against the seal
 *	apfs-tool root-hash IMAGE HEX              compare it, as a boot does, and time that
 *	apfs-tool check IMAGE VOLUME[@SNAPSHOT]    the whole seal
 *	apfs-tool list IMAGE VOLUME[@SNAPSHOT]     one line per file
 *	apfs-tool extract IMAGE VOLUME[@SNAPSHOT] FOLDER
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "sim/base/clock.h"
#include "sim/formats/apfs/extract.h"
#include "sim/formats/apfs/reader.h"
#include "sim/formats/apfs/seal.h"

struct totals {
	struct apfs_volume *v;
	uint64_t entries, bytes, xattrs;
	uint8_t *piece;
};
#define PIECE (1u << 20)

static int read_file(struct totals *t, const struct apfs_inode *ino, struct err *e)
{
	struct apfs_file *f;
	size_t n = 1;
	uint64_t off = 0;
	int r = apfs_file_open(t->v, ino, &f, e);

	if (r)
		return r;
	while (!r && n) {
		r = apfs_file_pread(f, off, t->piece, PIECE, &n, e);
		off += r ? 0 : n;
	}
	t->bytes += off;
	apfs_file_close(f);
	return r;
}

static int read_entry(void *ctx, const struct apfs_walk_entry *w, struct err *e)
{
	struct totals *t = ctx;
	struct apfs_xattr *list;
	size_t n;
	int r = apfs_xattrs(t->v, w->inode->ino, &list, &n, e);

	if (r)
		return r;
	free(list);
	t->entries++;
	t->xattrs += n;
	return S_ISREG(w->inode->mode) ? read_file(t, w->inode, e) : 0;
}

static int list_entry(void *ctx, const struct apfs_walk_entry *w, struct err *e)
{
	const struct apfs_inode *i = w->inode;

	(void)ctx;
	(void)e;
	printf("%06o %u:%u %#x %" PRIu64 " %" PRId64 " %u %s\n", i->mode, i->uid, i->gid,
	       i->bsd_flags, i->size, i->mod_ns, i->nlink, w->path);
	return 0;
}

static int open_volume(struct apfs *c, char *name, struct apfs_volume **v, struct err *e)
{
	char *snapshot = strchr(name, '@');
	unsigned slot = 0;
	int r;

	if (snapshot)
		*snapshot++ = '\0';
	r = apfs_volume_find(c, name, &slot, e);
	return r ? r : apfs_volume_open(c, slot, snapshot, v, e);
}

static int read_all(struct apfs *c, struct err *e)
{
	struct totals t = {.piece = malloc(PIECE)};
	int r = t.piece ? 0 : err_set(e, E_NOMEM, "out of memory");

	for (unsigned slot = 0; !r && slot < apfs_slots(c); slot++) {
		r = apfs_volume_open(c, slot, NULL, &t.v, e);
		if (!r) {
			r = apfs_walk(t.v, "/", read_entry, &t, e);
			apfs_volume_close(t.v);
		}
	}
	free(t.piece);
	printf("%" PRIu64 " entries, %" PRIu64 " attributes, %" PRIu64 " bytes\n",
	       t.entries, t.xattrs, t.bytes);
	return r;
}

static int read_verified(struct apfs_volume *v, struct err *e)
{
	struct totals t = {.v = v, .piece = malloc(PIECE)};
	int r = t.piece ? 0 : err_set(e, E_NOMEM, "out of memory");
	struct apfs_verify_stats s;

	if (!r)
		r = apfs_volume_verify(v, NULL, e);
	for (int i = 0; !r && i < 2; i++) {
		t.bytes = 0;
		r = apfs_walk(v, "/", read_entry, &t, e);
		apfs_verify_stats_of(v, &s);
		printf("%" PRIu64 " bytes read; hashed so far: %" PRIu64
		       " nodes, %" PRIu64 " chunks, %" PRIu64 " bytes; known %" PRIu64
		       "\n",
		       t.bytes, s.nodes, s.chunks, s.bytes, s.known_chunks);
	}
	free(t.piece);
	return r;
}

static int check_seal(struct apfs_volume *v, struct err *e)
{
	struct apfs_seal_report rep;
	int64_t start = clock_ns();
	int r = apfs_seal_check(v, NULL, &rep, e);
	double s = (double)(clock_ns() - start) / NS_PER_S;

	printf("%" PRIu64 " nodes, %" PRIu64 " inodes, %" PRIu64 " chunks, %" PRIu64
	       " bytes in %.3f s, %.2f GB/s; %" PRIu64 " faults\n",
	       rep.nodes, rep.inodes, rep.chunks, rep.node_bytes + rep.data_bytes, s,
	       (double)(rep.node_bytes + rep.data_bytes) / 1e9 / s, rep.faults);
	for (size_t i = 0; i < rep.n_findings; i++) {
		const struct apfs_seal_finding *f = &rep.findings[i];

		printf("%s: %s\n  block %" PRIu64 " ids %#" PRIx64 " to %#" PRIx64
		       " offset %" PRIu64 " length %" PRIu64 "\n",
		       apfs_seal_fault_name(f->fault), f->text, f->block, f->first_id,
		       f->last_id, f->offset, f->length);
		for (size_t k = 0; k < f->n_paths; k++)
			printf("  %s\n", f->paths[k]);
		if (f->more_paths)
			printf("  and %" PRIu64 " more\n", f->more_paths);
	}
	apfs_seal_report_release(&rep);
	return r;
}

/* Nanoseconds to read and compare the root hash, all blocks being in the page cache. */
static int time_root_hash(const char *path, const char *want, int64_t *ret, struct err *e)
{
	char got[2 * APFS_SEAL_HASH_LEN + 1];
	struct apfs_volume *v = NULL;
	struct apfs_seal_info info;
	struct apfs *c;
	int64_t start;
	int r = apfs_open_path(path, &c, e);

	if (r)
		return r;
	r = apfs_volume_open(c, 0, NULL, &v, e);
	start = clock_ns();
	if (!r)
		r = apfs_seal_info_get(v, &info, e);
	*ret = clock_ns() - start;
	hex_text(info.root_hash, APFS_SEAL_HASH_LEN, got);
	if (!r && strcasecmp(got, want))
		r = err_set(e, E_BADHASH, "the root hash is %s", got);
	apfs_volume_close(v);
	apfs_close(c);
	return r;
}

static int cmp_ns(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

#define TIMES 101

static int bench_root_hash(const char *path, const char *want, struct err *e)
{
	int64_t ns[TIMES];
	int r = 0;

	for (int i = 0; i < TIMES && !r; i++)
		r = time_root_hash(path, want, &ns[i], e);
	if (r)
		return r;
	qsort(ns, TIMES, sizeof(*ns), cmp_ns);
	printf("%.1f us\n", (double)ns[TIMES / 2] / 1e3);
	return 0;
}

static int show_volume(struct apfs *c, unsigned slot, struct err *e)
{
	struct apfs_volume_info i;
	struct apfs_snapshot *snaps;
	struct apfs_volume *v;
	char role[16];
	size_t n;
	int r = apfs_volume_get_info(c, slot, &i, e);

	if (r)
		return r;
	printf("slot %u '%s' role %s%s%s files %" PRIu64 " folders %" PRIu64
	       " xid %" PRIu64 "\n",
	       slot, i.name, apfs_role_name(i.role, role), i.sealed ? " sealed" : "",
	       i.case_sensitive ? " case-sensitive" : "", i.num_files, i.num_dirs, i.xid);
	r = apfs_volume_open(c, slot, NULL, &v, e);
	if (r)
		return r;
	r = apfs_snapshots(v, &snaps, &n, e);
	for (size_t k = 0; !r && k < n; k++)
		printf("  snapshot %" PRIu64 " '%s'\n", snaps[k].xid, snaps[k].name);
	if (!r)
		free(snaps);
	apfs_volume_close(v);
	return r;
}

static int show_info(struct apfs *c, struct err *e)
{
	struct apfs_info i;
	int r = 0;

	apfs_get_info(c, &i);
	printf("%s xid %" PRIu64 " of %" PRIu64 " (%u checkpoints) %s\n", i.uuid, i.xid,
	       i.newest_xid, i.checkpoints, i.damage);
	printf("%" PRIu64 " blocks, %" PRIu64 " free\noffset %" PRIu64 "\n",
	       i.block_count, i.free_blocks, i.offset);
	for (unsigned slot = 0; !r && slot < apfs_slots(c); slot++)
		r = show_volume(c, slot, e);
	return r;
}

static int on_volume(struct apfs *c, char **argv, struct err *e)
{
	struct apfs_extract_opts opts = {0};
	struct apfs_volume *v;
	int r = open_volume(c, argv[3], &v, e);

	if (r)
		return r;
	if (!strcmp(argv[1], "list"))
		r = apfs_walk(v, "/", list_entry, NULL, e);
	else if (!strcmp(argv[1], "check"))
		r = check_seal(v, e);
	else if (!strcmp(argv[1], "verified"))
		r = read_verified(v, e);
	else
		r = apfs_extract(v, "/", argv[4], &opts, NULL, e);
	apfs_volume_close(v);
	return r;
}

#define N_MODES 7

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int argc;
	} modes[] = {{"info", 3},      {"read", 3},  {"list", 4},   {"verified", 4},
		     {"root-hash", 4}, {"check", 4}, {"extract", 5}};
	struct err e = ERR_INIT;
	struct apfs *c = NULL;
	size_t m = 0;
	int r;

	while (m < N_MODES &&
	       (argc != modes[m].argc || strcmp(argv[1], modes[m].name) != 0))
		m++;
	if (m == N_MODES) {
		fprintf(stderr, "usage: apfs-tool info|read IMAGE | root-hash IMAGE HEX | "
				"list|verified|check IMAGE VOLUME | "
				"extract IMAGE VOLUME FOLDER\n");
		return 2;
	}
	if (!strcmp(argv[1], "root-hash"))
		r = bench_root_hash(argv[2], argv[3], &e);
	else
		r = apfs_open_path(argv[2], &c, &e);
	if (!r && m < 2)
		r = m ? read_all(c, &e) : show_info(c, &e);
	else if (!r && c)
		r = on_volume(c, argv, &e);
	apfs_close(c);
	if (r)
		fprintf(stderr, "apfs-tool: %s\n", e.msg);
	return r ? 1 : 0;
}
