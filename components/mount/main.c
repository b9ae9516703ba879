/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sysexits.h>
#include <unistd.h>

#include "components/common/kernel_call.h"
#include "components/mount/mount_tool.h"
#include "sim/platform/paths.h"

struct request {
	bool update, write, read_only;
	const char *type;
};

static bool is_read_only(const char *path)
{
	struct statvfs st;

	return !statvfs(path, &st) && (st.f_flag & ST_RDONLY);
}

static int usage(void)
{
	fputs("usage: mount [-uwr] [-o options] [-t apfs] special | node\n"
	      "       mount [-uwr] [-o options] [-t apfs] special node\n"
	      "       mount\n",
	      stderr);
	return EX_USAGE;
}

static int complain(const char *node, int error)
{
	int status = mount_exit_status(error);

	fprintf(stderr, "mount_apfs: volume could not be mounted: %s\n", strerror(error));
	fprintf(stderr, "mount: %s failed with %d\n", node, status);
	return status;
}

static int show_list(void)
{
	struct volume_list l;
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	int r = volume_list_read(&l, XNU_VOLUMES, &e);

	if (!r)
		r = mount_list_text(&l, is_read_only, &out, &e);
	if (r)
		fprintf(stderr, "mount: %s\n", e.msg);
	fputs(buf_str(&out), stdout);
	buf_release(&out);
	volume_list_release(&l);
	return r ? EX_OSERR : EX_OK;
}

/* A volume is shown by a bind mount: that is what changes, if the kernel lets it. */
static int update(const struct request *q, const char *node)
{
	unsigned long flags = MS_REMOUNT | MS_BIND | (q->read_only ? MS_RDONLY : 0);

	return mount(NULL, node, NULL, flags, NULL) ? complain(node, errno) : EX_OK;
}

static int mount_new(const struct request *q, const char *special, const char *node)
{
	struct err e = ERR_INIT;

	if (!kernel_mount(XNU_KERNEL_SOCKET, special, node, q->read_only, &e))
		return EX_OK;
	return complain(node, e.sys_errno ? e.sys_errno : EIO);
}

static bool add_options(struct request *q, char *list)
{
	char *save = NULL;

	for (char *o = strtok_r(list, ",", &save); o; o = strtok_r(NULL, ",", &save)) {
		if (!strcmp(o, "rdonly") || !strcmp(o, "ro"))
			q->read_only = true;
		else if (!strcmp(o, "update"))
			q->update = true;
		else if (!strcmp(o, "rw"))
			q->write = true;
		else if (strcmp(o, "nobrowse") != 0 && strcmp(o, "owners") != 0 &&
			 strcmp(o, "perm") != 0)
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct request q = {.type = "apfs"};
	int c;

	while ((c = getopt(argc, argv, "uwro:t:")) != -1) {
		switch (c) {
		case 'u': q.update = true; break;
		case 'w': q.write = true; break;
		case 'r': q.read_only = true; break;
		case 't': q.type = optarg; break;
		case 'o':
			if (add_options(&q, optarg))
				break;
			return usage();
		default: return usage();
		}
	}
	argc -= optind;
	argv += optind;
	if (!argc && !q.update)
		return show_list();
	if (argc < 1 || argc > 2 || strcmp(q.type, "apfs") != 0 ||
	    (q.write && q.read_only))
		return usage();
	if (q.update)
		return update(&q, argv[argc - 1]);
	return argc == 2 ? mount_new(&q, argv[0], argv[1]) : usage();
}
