/* SPDX-License-Identifier: MIT */
#include "components/boot/xnu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "components/boot/boot.h"
#include "components/boot/tree.h"
#include "sim/base/bytes.h"
#include "sim/base/fsio.h"
#include "sim/formats/plist/pl.h"
#include "sim/platform/paths.h"

int xnu_write_file(const char *mac_path, const void *data, size_t len, struct err *e)
{
	char path[256];

	snprintf(path, sizeof(path), TREE_ROOT "%s", mac_path);
	return fsio_write_atomic(path, data, len, 0444, e);
}

int xnu_write_loaded_kexts(const struct boot *b, struct err *e)
{
	struct buf text = BUF_INIT;
	int r = kernel_kexts_plist(&b->kernel.running, &text, e);

	if (!r)
		r = xnu_write_file(XNU_LOADED_KEXTS, text.data, text.len, e);
	buf_release(&text);
	return r;
}

/* ---- boot_args.plist ---- */

/* What iBoot lets through while the LocalPolicy has no sip3; the list is assumed. */
static const char *const harmless_args[] = {"-v", "-x"};

static bool passes(const struct boot *b, const char *word)
{
	if (!b->machine->boots_by_iboot || lp_true(&b->chain.policy, LP_SIP3))
		return true;
	for (size_t i = 0; i < sizeof(harmless_args) / sizeof(harmless_args[0]); i++)
		if (!strcmp(word, harmless_args[i]))
			return true;
	return false;
}

static int boot_args_text(const struct boot *b, struct buf *out, struct err *e)
{
	const struct nvram_var *args = nvram_get_apple(&b->nvram, NVRAM_BOOT_ARGS);
	struct buf text = BUF_INIT;
	char *save = NULL, *word;
	int r = args ? buf_append(&text, args->value, args->len, e) : 0;

	if (!r)
		r = buf_append(&text, "", 1, e);
	for (word = r ? NULL : strtok_r((char *)text.data, " ", &save); word && !r;
	     word = strtok_r(NULL, " ", &save))
		if (passes(b, word))
			r = buf_printf(out, e, "%s%s", out->len ? " " : "", word);
	buf_release(&text);
	return r;
}

static plist_t kcid_of(const struct boot *b)
{
	return plist_new_data((const char *)b->kernel.kcid_bytes,
			      sizeof(b->kernel.kcid_bytes));
}

/* What a kernel of release 11 or later knows of how it was started. */
static void add_secure_boot(const struct boot *b, plist_t d)
{
	const char *snapshot = b->choice.recovery ? "" : b->rooted.snapshot;
	uint64_t xid = b->choice.recovery ? 0 : b->rooted.xid;

	plist_dict_set_item(d, "Machine", plist_new_string(b->machine->name));
	plist_dict_set_item(d, "AppleSilicon",
			    plist_new_bool(b->machine->apple_silicon));
	plist_dict_set_item(d, "AuthenticatedRoot",
			    plist_new_bool(ssv_need_auth(&b->rooted.need)));
	plist_dict_set_item(d, "BootEnvironment", plist_new_uint((uint64_t)b->env));
	plist_dict_set_item(d, "VolumeGroup", plist_new_string(b->choice.system->group));
	plist_dict_set_item(d, "BootObjectsPath",
			    plist_new_string(b->chain.boot_objects_path));
	plist_dict_set_item(d, "KernelCollection", plist_new_string(b->kernel_path));
	plist_dict_set_item(d, "KernelCollectionID", kcid_of(b));
	plist_dict_set_item(d, "RootSnapshot", plist_new_string(snapshot));
	plist_dict_set_item(d, "RootSnapshotXID", plist_new_uint(xid));
}

static plist_t boot_args_dict(const struct boot *b, const char *args)
{
	plist_t d = plist_new_dict();

	plist_dict_set_item(d, "Recovery", plist_new_bool(b->choice.recovery));
	plist_dict_set_item(d, "RootDevice", plist_new_string(b->root_device));
	plist_dict_set_item(d, "BootVolumeUUID", plist_new_string(b->root->uuid));
	plist_dict_set_item(d, "BootArgs", plist_new_string(args));
	plist_dict_set_item(d, "PrelinkedKernel", plist_new_string(b->kernel.path));
	plist_dict_set_item(d, "KernelCacheID", kcid_of(b));
	plist_dict_set_item(d, "BootSessionUUID", plist_new_string(b->session));
	plist_dict_set_item(d, "KernelVersion", plist_new_string(b->kernel.version));
	if (b->release->sealed_system)
		add_secure_boot(b, d);
	return d;
}

static int write_boot_args(const struct boot *b, struct err *e)
{
	struct buf text = BUF_INIT, xml = BUF_INIT;
	plist_t d = NULL;
	int r = boot_args_text(b, &text, e);

	if (!r) {
		d = boot_args_dict(b, buf_str(&text));
		r = pl_to_xml(d, &xml, e);
	}
	if (!r)
		r = xnu_write_file(XNU_BOOT_ARGS, xml.data, xml.len, e);
	plist_free(d);
	buf_release(&xml);
	buf_release(&text);
	return r;
}

/* ---- all of it ---- */

static int write_files(const struct boot *b, struct err *e)
{
	uint8_t csr[4];
	char factor[32];
	int r;

	put_le32(csr, b->csr);
	snprintf(factor, sizeof(factor), "%.6f\n", b->time_factor);
	r = xnu_write_file(XNU_CSR_CONFIG, csr, sizeof(csr), e);
	if (!r)
		r = xnu_write_file(XNU_TIME_FACTOR, factor, strlen(factor), e);
	if (!r)
		r = xnu_write_loaded_kexts(b, e);
	return r ? r : write_boot_args(b, e);
}

int xnu_build(const struct boot *b, struct err *e)
{
	int r = xnu_make_nodes(&b->volumes, b->root_device, e);

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
		r = nvram_to_dir(&b->nvram, TREE_ROOT XNU_NVRAM_DIR, e);
	return r ? r : write_files(b, e);
}
