/* SPDX-License-Identifier: MIT */
/* kextlab image mount and unmount: a volume of a disk image as a folder of the host. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include "components/apfs/serve.h"
#include "harness/cmd_image.h"
#include "harness/subprocess.h"
#include "images/seal_place.h"
#include "sim/formats/apfs/reader.h"

#define SUBTYPE	   "kextlab" /* mount(8) shows it as type fuse.kextlab */
#define UNMOUNT_MS 10000

struct mount_words {
	const char *volume; /* NULL: the system's */
	const char *snapshot;
	bool live; /* not what the Mac would root from */
	bool foreground, others;
	const char *log; /* file */
	struct apfs_fs_options fs;
	struct seal_place place;
	struct apfs_volume *state; /* of it */
	char device[32];
};

/* ---- which state ---- */

/* The only volume of an image that has no System volume and no seal. */
static int open_only_volume(struct seal_place *p, const char *image, struct err *e)
{
	struct apfs_volume_info info;
	char slot[16] = "";
	struct apfs *c;
	int r = apfs_open_path(image, &c, e);

	if (r)
		return r;
	for (unsigned i = 0; i < apfs_slots(c); i++)
		if (!apfs_volume_get_info(c, i, &info, e))
			snprintf(slot, sizeof(slot), slot[0] ? "more" : "slot:%u", i);
	apfs_close(c);
	err_clear(e);
	if (strncmp(slot, "slot:", 5) != 0)
		return err_set(e, E_INVAL,
			       "there is no System volume: say which with --volume");
	return seal_place_open(p, image, slot, e);
}

static int choose(struct mount_words *w, const char *image, struct err *e)
{
	struct seal_place *p = &w->place;
	uint64_t xid;
	int r = seal_place_open(p, image, w->volume, e);

	if (r == -E_NOTFOUND && !w->volume && p->cs.n) {
		seal_place_close(p);
		r = open_only_volume(p, image, e);
	}
	if (!r)
		r = seal_place_state(p, w->live ? "" : w->snapshot, &w->state, &xid, e);
	if (r)
		return r;
	snprintf(w->device, sizeof(w->device), "disk%us%u", p->cs.v[p->container].disk,
		 p->slot + 1);
	w->fs.container = p->apfs;
	w->fs.volume = w->state;
	w->fs.device = w->device;
	return 0;
}

static void forget(struct mount_words *w)
{
	if (w->state)
		apfs_volume_close(w->state);
	seal_place_close(&w->place);
}

/* ---- mount ---- */

static void print_line(void *ctx, const char *line)
{
	char stamp[32] = "";
	time_t now = time(NULL);
	struct tm tm;

	(void)ctx;
	if (localtime_r(&now, &tm))
		strftime(stamp, sizeof(stamp), "%F %T ", &tm);
	fprintf(stderr, "%skextlab: %s\n", stamp, line);
	fflush(stderr);
}

/* To standard error while there is one: in the background that is the file, or nothing.
 */
static int open_log(const struct mount_words *w, int *ret_fd, struct err *e)
{
	*ret_fd = -1;
	if (!w->log)
		return 0;
	*ret_fd = open(w->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	return *ret_fd < 0 ? err_sys(e, "%s", w->log) : 0;
}

static int serve(const struct mount_words *w, struct server *s, int log_fd, struct err *e)
{
	int r = w->foreground ? 0 : server_daemonize(s, e);

	if (!r && log_fd >= 0 && dup2(log_fd, STDERR_FILENO) < 0)
		r = err_sys(e, "%s", w->log);
	return r ? r : server_run(s, e);
}

static int mount_state(struct mount_words *w, const char *image, const char *dir,
		       struct err *e)
{
	struct serve_options o = {
		.dir = dir,
		.source = image,
		.subtype = SUBTYPE,
		.others = w->others,
	};
	struct apfs_fs *fs = NULL;
	struct server *s = NULL;
	int log_fd, r;

	w->fs.log = print_line;
	r = apfs_fs_open(&w->fs, &fs, e);
	if (r == -E_BADHASH)
		err_ctx(e, "not mounted (--no-verify does not look at the seal)");
	if (r)
		return r;
	r = open_log(w, &log_fd, e);
	if (!r)
		r = server_new(fs, &o, &s, e);
	if (!r)
		r = serve(w, s, log_fd, e);
	server_free(s);
	if (log_fd >= 0)
		close(log_fd);
	apfs_fs_close(fs);
	return r;
}

static const struct option mount_options[] = {
	{"volume", required_argument, NULL, 'v'},
	{"snapshot", required_argument, NULL, 's'},
	{"live", no_argument, NULL, 'l'},
	{"no-verify", no_argument, NULL, 'n'},
	{"foreground", no_argument, NULL, 'f'},
	{"allow-other", no_argument, NULL, 'a'},
	{"log", required_argument, NULL, 'o'},
	{NULL, 0, NULL, 0},
};

static int take_option(struct mount_words *w, int c)
{
	switch (c) {
	case 'v':
		w->volume = optarg;
		return 0;
	case 's':
		w->snapshot = optarg;
		return 0;
	case 'l':
		w->live = true;
		return 0;
	case 'n':
		w->fs.no_verify = true;
		return 0;
	case 'f':
		w->foreground = true;
		return 0;
	case 'a':
		w->others = true;
		return 0;
	case 'o':
		w->log = optarg;
		return 0;
	default:
		return cmd_usage_error("image", "mount: bad option");
	}
}

int image_mount(int argc, char **argv)
{
	struct mount_words w = {.volume = NULL};
	struct err e = ERR_INIT;
	char image[PATH_MAX];
	int c, r = 0;

	optind = 0;
	while (!r && (c = getopt_long(argc, argv, "f", mount_options, NULL)) != -1)
		r = take_option(&w, c);
	if (r)
		return r;
	if (optind + 2 != argc)
		return cmd_usage_error("image", "mount IMAGE FOLDER");
	if (w.live && w.snapshot)
		return cmd_usage_error("image", "--live or --snapshot");
	r = choose(&w, argv[optind], &e);
	/* In full, since it is what mount(8) shows. */
	if (!r && !realpath(argv[optind], image))
		r = err_sys(&e, "%s", argv[optind]);
	if (!r)
		r = mount_state(&w, image, argv[optind + 1], &e);
	forget(&w);
	return r ? cmd_error(&e) : EXIT_PASSED;
}

/* ---- unmount ---- */

/* Is @dir where one of our volumes is mounted? */
static bool is_ours(const char *dir)
{
	FILE *f = setmntent("/proc/self/mounts", "r");
	struct mntent *m;
	bool ours = false; /* what was mounted last is on top */

	while (f && (m = getmntent(f)))
		if (!strcmp(m->mnt_dir, dir))
			ours = !strcmp(m->mnt_type, "fuse." SUBTYPE);
	if (f)
		endmntent(f);
	return ours;
}

/* Who is not root has fusermount3 do it, which looks whether the mount is his. */
static int unmount(const char *dir, struct err *e)
{
	const char *const argv[] = {"fusermount3", "-u", "--", dir, NULL};
	struct buf said = BUF_INIT;
	int status, r;

	if (!umount2(dir, UMOUNT_NOFOLLOW))
		return 0;
	if (errno == EBUSY)
		return err_set(e, E_BUSY, "%s is in use", dir);
	if (errno != EPERM)
		return err_sys(e, "unmounting %s", dir);
	r = subprocess_run(argv, UNMOUNT_MS, &said, &status, e);
	if (!r && status)
		r = err_set(e, E_INFRA, "fusermount3: %.*s",
			    (int)strcspn(buf_str(&said), "\n"), buf_str(&said));
	buf_release(&said);
	return r;
}

int image_unmount(int argc, char **argv)
{
	struct err e = ERR_INIT;
	char dir[PATH_MAX];
	int r = 0;

	if (argc != 2)
		return cmd_usage_error("image", "unmount FOLDER");
	if (!realpath(argv[1], dir))
		r = err_sys(&e, "%s", argv[1]);
	else if (!is_ours(dir))
		r = err_set(&e, E_INVAL, "%s: no volume is mounted there", argv[1]);
	if (!r)
		r = unmount(dir, &e);
	return r ? cmd_error(&e) : EXIT_PASSED;
}
