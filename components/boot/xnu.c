/* SPDX-License-Identifier: MIT */
#include "components/boot/xnu.h"

#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "components/boot/tree.h"
#include "sim/base/bytes.h"
#include "sim/base/fsio.h"
#include "sim/base/idtext.h"
#include "sim/formats/plist/pl.h"
#include "sim/platform/paths.h"

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

static int make_nodes(const struct volumes *vs, struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(nodes) / sizeof(nodes[0]); i++)
		r = make_node(nodes[i].name, S_IFCHR | nodes[i].mode,
			      makedev(nodes[i].major, nodes[i].minor), e);
	return r ? r : make_disk_nodes(vs, e);
}

static int write_file(const char *mac_path, const void *data, size_t len, struct err *e)
{
	char path[256];

	snprintf(path, sizeof(path), TREE_ROOT "%s", mac_path);
	return fsio_write_atomic(path, data, len, 0444, e);
}

static void random_uuid(char out[static UUID_TEXT_MAX])
{
	uint8_t u[UUID_LEN];

	if (getrandom(u, sizeof(u), 0) != sizeof(u))
		memset(u, 0, sizeof(u));
	u[6] = (uint8_t)((u[6] & 0x0f) | 0x40);
	u[8] = (uint8_t)((u[8] & 0x3f) | 0x80);
	uuid_text(u, out);
}

static int write_boot_args(const struct xnu_state *s, struct err *e)
{
	const struct nvram_var *args = nvram_get_apple(s->nvram, NVRAM_BOOT_ARGS);
	struct buf text = BUF_INIT, xml = BUF_INIT;
	char session[UUID_TEXT_MAX];
	plist_t d = plist_new_dict();
	int r = 0;

	random_uuid(session);
	if (args)
		r = buf_printf(&text, e, "%.*s", (int)args->len,
			       (const char *)args->value);
	plist_dict_set_item(d, "Recovery", plist_new_bool(s->recovery));
	plist_dict_set_item(d, "RootDevice", plist_new_string(s->root->device));
	plist_dict_set_item(d, "BootVolumeUUID", plist_new_string(s->root->uuid));
	plist_dict_set_item(d, "BootArgs", plist_new_string(buf_str(&text)));
	plist_dict_set_item(d, "PrelinkedKernel", plist_new_string(s->kernel->path));
	plist_dict_set_item(d, "KernelCacheID",
			    plist_new_data((const char *)s->kernel->kcid_bytes,
					   sizeof(s->kernel->kcid_bytes)));
	plist_dict_set_item(d, "BootSessionUUID", plist_new_string(session));
	plist_dict_set_item(d, "KernelVersion", plist_new_string(s->kernel_version));
	if (!r)
		r = pl_to_xml(d, &xml, e);
	if (!r)
		r = write_file(XNU_BOOT_ARGS, xml.data, xml.len, e);
	plist_free(d);
	buf_release(&xml);
	buf_release(&text);
	return r;
}

int xnu_write_volumes(const struct volumes *vs, struct err *e)
{
	struct buf xml = BUF_INIT;
	int r = volumes_plist(vs, &xml, e);

	if (!r)
		r = write_file(XNU_VOLUMES, xml.data, xml.len, e);
	buf_release(&xml);
	return r;
}

static int write_files(const struct xnu_state *s, struct err *e)
{
	uint8_t csr[4];
	char factor[32];
	int r;

	put_le32(csr, s->csr);
	snprintf(factor, sizeof(factor), "%.6f\n", s->time_factor);
	r = write_file(XNU_CSR_CONFIG, csr, sizeof(csr), e);
	if (!r)
		r = write_file(XNU_TIME_FACTOR, factor, strlen(factor), e);
	if (!r)
		r = write_file(XNU_LOADED_KEXTS, s->kernel->loaded.data,
			       s->kernel->loaded.len, e);
	if (!r)
		r = write_boot_args(s, e);
	return r ? r : xnu_write_volumes(s->volumes, e);
}

int xnu_build(const struct xnu_state *s, struct err *e)
{
	int r = make_nodes(s->volumes, e);

	if (!r)
		r = fsio_mkdirs(TREE_ROOT XNU_DIR, 0755, e);
	if (!r &&
	    mount("xnu", TREE_ROOT XNU_DIR, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755"))
		r = err_sys(e, XNU_DIR);
	if (!r)
		r = fsio_mkdirs(TREE_ROOT XNU_NVRAM_DIR, 0755, e);
	if (!r) /* mounted by init, in the Mac's PID namespace */
		r = fsio_mkdirs(TREE_ROOT XNU_PROC_DIR, 0555, e);
	if (!r)
		r = nvram_to_dir(s->nvram, TREE_ROOT XNU_NVRAM_DIR, e);
	return r ? r : write_files(s, e);
}
