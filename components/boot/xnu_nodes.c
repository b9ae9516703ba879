/* SPDX-License-Identifier: MIT */
/* The nodes of the Mac's /dev. */
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "components/boot/tree.h"
#include "components/boot/xnu.h"
#include "sim/base/fsio.h"

#define OPERATOR_GID   5
#define PARTITIONS_MAX 4 /* of the SSD */

static const struct {
	const char *name;
	mode_t mode;
	unsigned minor; /* of the carrier's memory devices, major 1; tty is 5:0 */
	unsigned major;
} nodes[] = {
	{"null", 0666, 3, 1},	{"zero", 0666, 5, 1},	 {"full", 0666, 7, 1},
	{"random", 0666, 8, 1}, {"urandom", 0666, 9, 1}, {"tty", 0666, 0, 5},
};

static int make_node(const char *name, mode_t mode, dev_t dev, struct err *e)
{
	char path[256];

	snprintf(path, sizeof(path), TREE_ROOT "/dev/%s", name);
	if (mknod(path, mode, dev) || chmod(path, mode & 07777))
		return err_sys(e, "/dev/%s", name);
	return 0;
}

static int make_disk_node(const char *name, const char *carrier_node, struct err *e)
{
	char path[256];
	struct stat st;
	int r;

	if (stat(carrier_node, &st))
		return err_sys(e, "%s", carrier_node);
	r = make_node(name, S_IFBLK | 0640, st.st_rdev, e);
	snprintf(path, sizeof(path), TREE_ROOT "/dev/%s", name);
	if (!r && chown(path, 0, OPERATOR_GID))
		r = err_sys(e, "/dev/%s", name);
	return r;
}

/* The SSD and its partitions. */
static int make_ssd_nodes(struct err *e)
{
	int r = make_disk_node("disk0", CARRIER_DISK, e);

	for (unsigned p = 1; !r && p <= PARTITIONS_MAX; p++) {
		char name[32], node[32];

		snprintf(node, sizeof(node), CARRIER_DISK "%u", p);
		snprintf(name, sizeof(name), "disk0s%u", p);
		if (fsio_exists(node))
			r = make_disk_node(name, node, e);
	}
	return r;
}

/* A volume has no device of its own here: its node is that of the container. */
static int make_disk_nodes(const struct volumes *vs, struct err *e)
{
	int r = make_ssd_nodes(e);
	char name[32], node[32];

	for (size_t i = 0; !r && i < vs->n_containers; i++) {
		snprintf(node, sizeof(node), CARRIER_DISK "%u",
			 vs->container[i].partition);
		snprintf(name, sizeof(name), "disk%u", vs->container[i].disk);
		r = make_disk_node(name, node, e);
	}
	for (size_t i = 0; !r && i < vs->n; i++) {
		snprintf(node, sizeof(node), CARRIER_DISK "%u", vs->v[i].partition);
		r = make_disk_node(vs->v[i].device, node, e);
	}
	return r;
}

int xnu_make_nodes(const struct volumes *vs, const char *root_device, struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(nodes) / sizeof(nodes[0]); i++)
		r = make_node(nodes[i].name, S_IFCHR | nodes[i].mode,
			      makedev(nodes[i].major, nodes[i].minor), e);
	if (!r)
		r = make_disk_nodes(vs, e);
	/* A root that is a snapshot has a device beside its volume's. */
	if (!r && !volumes_by_device((struct volumes *)(uintptr_t)vs, root_device))
		r = make_disk_node(root_device, CARRIER_DISK, e);
	return r;
}
