/* SPDX-License-Identifier: MIT */
/*
 * Files of the running Mac, by stat(1), cat(1) and readlink(1) in it. What the guest
 * says of itself is evidence for steps in between; the verdict in the end is read from
 * the disk.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/engine_impl.h"
#include "sim/platform/paths.h"

#define LIVE_TIMEOUT_MS 30000u
#define PIECE		8388608u
#define PIECE_TEXT	"8388608"

static int run(struct engine *en, const char *const *argv, struct machine_result *r,
	       struct err *e)
{
	const struct machine_exec x = {.argv = argv, .timeout_ms = LIVE_TIMEOUT_MS};
	int ret = en->machine->ops->exec(en->machine->m, &x, r, e);

	if (!ret && r->gone)
		return err_set(e, E_INFRA, "the machine went down");
	return ret;
}

/* The file, and then the devices of "/" and, where there is one, of the Data volume. */
static const char stat_script[] =
	"/usr/bin/stat -c '%d %f %u %g %s %Y' \"$1\" && "
	"{ /usr/bin/stat -c %d / " PATH_DATA_MOUNT " 2>/dev/null; true; }";

static int parse_stat(const char *text, struct macfs_stat *out, struct err *e)
{
	uint64_t dev, root = 0, data = 0;
	unsigned mode, uid, gid;
	int64_t mtime;

	if (sscanf(text,
		   "%" SCNu64 " %x %u %u %" SCNu64 " %" SCNd64 " %" SCNu64 " %" SCNu64,
		   &dev, &mode, &uid, &gid, &out->size, &mtime, &root, &data) < 7)
		return err_set(e, E_INFRA, "stat says '%s'", text);
	out->mode = mode;
	out->uid = uid;
	out->gid = gid;
	out->mtime_ns = mtime * 1000000000;
	/* Device numbers tell the volumes apart. */
	snprintf(out->role, sizeof(out->role), "%s",
		 dev == root	       ? "System"
		 : data && dev == data ? "Data"
				       : "");
	return 0;
}

static int live_stat(void *ctx, const char *role, const char *path,
		     struct macfs_stat *out, struct err *e)
{
	const char *const argv[] = {"/bin/sh", "-c", stat_script, "stat", path, NULL};
	struct machine_result r = {.status = 0};
	int ret = run(ctx, argv, &r, e);

	(void)role;
	if (!ret && r.status)
		ret = err_set(e, E_NOTFOUND, "%s", buf_str(&r.err));
	if (!ret)
		ret = parse_stat(buf_str(&r.out), out, e);
	machine_result_release(&r);
	return ret;
}

/* Append what @argv prints, but for @cut bytes at its end. *ret_len: how much it was. */
static int take_output(struct engine *en, const char *const *argv, size_t cut,
		       struct buf *out, size_t *ret_len, struct err *e)
{
	struct machine_result r = {.status = 0};
	int ret = run(en, argv, &r, e);

	if (!ret && r.status)
		ret = err_set(e, E_IO, "%s", buf_str(&r.err));
	if (!ret && r.out.len >= cut)
		r.out.len -= cut;
	*ret_len = r.out.len;
	if (!ret)
		ret = buf_append(out, r.out.data, r.out.len, e);
	machine_result_release(&r);
	return ret;
}

/* In pieces: what a program prints has a limit that kernels of real Macs exceed. */
static int read_pieces(struct engine *en, const char *path, uint64_t size, struct buf *out,
		       struct err *e)
{
	int ret = 0;

	for (uint64_t i = 0; i * PIECE < size && !ret; i++) {
		char skip[32];
		const char *const argv[] = {"/bin/sh", "-c",
					    "/usr/bin/tail -c +\"$2\" \"$1\" | "
					    "/usr/bin/head -c " PIECE_TEXT,
					    "read",    path, skip,
					    NULL};
		size_t len;

		snprintf(skip, sizeof(skip), "%" PRIu64, i * PIECE + 1);
		ret = take_output(en, argv, 0, out, &len, e);
		if (!ret && len < PIECE)
			break; /* it became shorter since it was looked at */
	}
	return ret;
}

static int live_read(void *ctx, const char *role, const char *path, size_t max,
		     struct buf *out, struct err *e)
{
	const char *const cat[] = {"/bin/cat", path, NULL};
	const char *const readlink[] = {"/usr/bin/readlink", path, NULL};
	struct macfs_stat st;
	size_t len;
	int ret = live_stat(ctx, role, path, &st, e);

	if (ret)
		return ret;
	if (st.size > max)
		return err_set(e, E_OVERFLOW, "'%s' has more than %zu bytes", path, max);
	if (S_ISLNK(st.mode))
		return take_output(ctx, readlink, 1, out, &len, e); /* without line feed */
	if (st.size > PIECE)
		return read_pieces(ctx, path, st.size, out, e);
	return take_output(ctx, cat, 0, out, &len, e);
}

static void live_free(void *ctx)
{
	(void)ctx; /* the engine owns itself */
}

int live_files(struct engine *en, struct macfs **ret, struct err *e)
{
	static const struct volume_ops ops = {true, live_stat, live_read, NULL, live_free};

	return macfs_new(&ops, en, ret, e);
}
