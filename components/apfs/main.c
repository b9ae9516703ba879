/* SPDX-License-Identifier: MIT */
/*
 * apfs: serves a volume of the Mac's disk on a folder, for boot (/sbin/apfs of the
 * carrier). It runs until it is unmounted.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "components/apfs/report.h"
#include "components/apfs/serve.h"
#include "sim/base/idtext.h"

#define XATTR_PREFIX "osx." /* as the kernel's driver for APFS has it */
#define HASH_LEN     32

struct arguments {
	struct apfs_fs_options fs;
	uint8_t root_hash[HASH_LEN];
	const char *dir;
	int report_fd;
};

static void report(const struct arguments *a, const char *kind, const char *text)
{
	char packet[REPORT_MAX];
	int n = snprintf(packet, sizeof(packet), "%s%s", kind, text);

	if (n >= (int)sizeof(packet))
		n = sizeof(packet) - 1;
	/* Boot may be waiting for us, and then it does not listen. */
	if (a->report_fd < 0 || send(a->report_fd, packet, (size_t)n,
				     MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)n)
		fprintf(stderr, "apfs: %s%s\n", kind, text);
}

static void log_line(void *ctx, const char *line)
{
	report(ctx, REPORT_LOG, line);
}

static void report_error(const struct arguments *a, const struct err *e)
{
	char text[REPORT_MAX];

	snprintf(text, sizeof(text), "%d %s", e->code, e->msg);
	report(a, REPORT_ERROR, text);
}

static const struct option long_options[] = {
	{"snapshot", required_argument, NULL, 's'},
	{"live", no_argument, NULL, 'l'},
	{"root-hash", required_argument, NULL, 'h'},
	{"no-verify", no_argument, NULL, 'n'},
	{"name", required_argument, NULL, 'd'},
	{"report-fd", required_argument, NULL, 'r'},
	{NULL, 0, NULL, 0},
};

static int usage(struct err *e)
{
	return err_set(e, E_INVAL,
		       "usage: apfs [--snapshot NAME|--live] [--root-hash HEX] "
		       "[--no-verify] [--name disk3s1] [--report-fd N] DEVICE SLOT DIR");
}

static int take_hash(struct arguments *a, const char *text, struct err *e)
{
	if (!hex_parse(text, a->root_hash, HASH_LEN))
		return err_set(e, E_INVAL, "--root-hash: 64 hexadecimal digits");
	a->fs.root_hash = a->root_hash;
	return 0;
}

static int take_option(struct arguments *a, int c, struct err *e)
{
	switch (c) {
	case 's':
		a->fs.snapshot = optarg;
		return 0;
	case 'l':
		a->fs.snapshot = NULL;
		return 0;
	case 'h':
		return take_hash(a, optarg, e);
	case 'n':
		a->fs.no_verify = true;
		return 0;
	case 'd':
		a->fs.device = optarg;
		return 0;
	case 'r':
		a->report_fd = atoi(optarg);
		return 0;
	default:
		return usage(e);
	}
}

static int take_words(struct arguments *a, int argc, char **argv, struct err *e)
{
	char *end;

	if (optind + 3 != argc)
		return usage(e);
	a->fs.disk = argv[optind];
	a->fs.slot = (unsigned)strtoul(argv[optind + 1], &end, 10);
	a->dir = argv[optind + 2];
	return *end || end == argv[optind + 1] ? usage(e) : 0;
}

static int parse(struct arguments *a, int argc, char **argv, struct err *e)
{
	int c, r = 0;

	opterr = 0;
	while (!r && (c = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		r = take_option(a, c, e);
	return r ? r : take_words(a, argc, argv, e);
}

/*
 * The carrier has no fusermount3, and libfuse would want an /etc/mtab. Set-id programs
 * of the system count, devices do not: the Mac's are in its /dev.
 */
static int mount_fuse(const char *dir, const char *source, int *ret_fd, struct err *e)
{
	char options[160];
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "/dev/fuse");
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40755,user_id=0,group_id=0,default_permissions,"
		 "allow_other,max_read=%u",
		 fd, SERVE_READ_MAX);
	if (mount(source, dir, "fuse.apfs", MS_RDONLY | MS_NODEV, options)) {
		err_sys(e, "mounting on %s", dir);
		close(fd);
		return -(int)e->code;
	}
	*ret_fd = fd;
	return 0;
}

static int serve(struct arguments *a, struct apfs_fs *fs, struct err *e)
{
	const char *source = a->fs.device ? a->fs.device : a->fs.disk;
	struct serve_options o = {.fuse_fd = -1};
	struct server *s = NULL;
	int r = mount_fuse(a->dir, source, &o.fuse_fd, e);

	if (!r)
		r = server_new(fs, &o, &s, e);
	if (r)
		return r;
	report(a, REPORT_READY, "");
	r = server_run(s, e);
	server_free(s);
	return r;
}

int main(int argc, char **argv)
{
	struct arguments a = {.report_fd = -1};
	struct apfs_fs *fs = NULL;
	struct err e = ERR_INIT;
	int r;

	a.fs.xattr_prefix = XATTR_PREFIX;
	a.fs.log = log_line;
	a.fs.log_ctx = &a;
	r = parse(&a, argc, argv, &e);
	if (!r)
		r = apfs_fs_open(&a.fs, &fs, &e);
	if (!r)
		r = serve(&a, fs, &e);
	apfs_fs_close(fs);
	if (!r)
		return EXIT_SUCCESS;
	report_error(&a, &e);
	return e.code == E_INVAL ? 2 : EXIT_FAILURE;
}
