/* SPDX-License-Identifier: MIT */
/*
 * The start of 10.15 on an Intel Mac: boot.efi chooses a volume, loads the prelinked
 * kernel from it and checks that; the kernel mounts the volume.
 */
#include <stdio.h>

#include "components/boot/boot.h"
#include "components/boot/channel.h"
#include "components/boot/tree.h"
#include "sim/carrier/boot_protocol.h"
#include "sim/platform/csr.h"
#include "sim/platform/paths.h"

#define CATALINA_HOSTNAME    "Catalina-Mac" /* of scenarios that were there first */
#define RECOVERY_KERNEL_FORM "/%s/prelinkedkernel" /* on the Recovery volume */

/* Recovery is asked for once, as by holding keys: the next start is a normal one. */
static int obey_recovery_request(struct boot *b, struct err *e)
{
	if (!b->choice.recovery)
		return 0;
	nvram_delete(&b->nvram, NVRAM_APPLE_GUID ":" NVRAM_RECOVERY);
	return nvram_store(&b->nvram, b->nvram_fd, e);
}

static int choose_volume(struct boot *b, struct err *e)
{
	struct boot_choice *c = &b->choice;
	int r = volumes_choose(&b->volumes, &b->nvram, c, e);

	if (!r)
		r = volumes_obey_recovery(&b->nvram, c, e);
	if (!r)
		r = obey_recovery_request(b, e);
	if (r)
		return r;
	b->root = c->recovery ? c->recovery_volume : c->system;
	b->kernel_volume = b->root;
	snprintf(b->detail, sizeof(b->detail), "%s", b->root->name);
	/* The passphrase was given at the EFI login, before the booter ran. */
	for (size_t i = 0; !c->recovery && i < b->volumes.n; i++)
		b->volumes.v[i].locked = false;
	return 0;
}

static int refuse_kernel(const struct boot *b, enum efi_status status, struct err *e)
{
	channel_say(BOOT_FD, "Error loading kernel cache (0x%x)", status);
	return err_ctx(e, "prelinked kernel %s", b->kernel_path);
}

static int open_kernel(struct boot *b, struct buf *file, struct err *e)
{
	int r = volumes_read_file(&b->volumes, b->root, b->kernel_path,
				  KERNELCACHE_MAX, file, e);

	if (r)
		return refuse_kernel(b, r == -E_NOTFOUND ? EFI_NOT_FOUND : EFI_LOAD_ERROR,
				     e);
	r = kernelcache_open(&b->kernel, b->kernel_path, file->data, file->len, e);
	return r ? refuse_kernel(b, EFI_LOAD_ERROR, e) : 0;
}

static int load_kernel(struct boot *b, struct err *e)
{
	struct buf file = BUF_INIT;
	int r;

	if (b->choice.recovery)
		snprintf(b->kernel_path, sizeof(b->kernel_path), RECOVERY_KERNEL_FORM,
			 b->choice.system->group);
	else
		snprintf(b->kernel_path, sizeof(b->kernel_path), "%s", PATH_SYSTEM_PLK);
	r = open_kernel(b, &file, e);
	buf_release(&file);
	if (r)
		return r;
	snprintf(b->detail, sizeof(b->detail), "%s", b->kernel_path);
	boot_tell_kernel(b);
	return 0;
}

static void read_csr(struct boot *b)
{
	const struct nvram_var *var = nvram_get_apple(&b->nvram, NVRAM_CSR_CONFIG);
	struct csr_boot csr;

	csr_boot_init(&csr, b->release->csr_flags, var ? var->value : NULL,
		      var ? var->len : 0, b->choice.recovery);
	b->csr = csr_effective(&csr);
}

static void say_start(const struct boot *b)
{
	channel_say(BOOT_FD, "%s", b->kernel.version);
	channel_say(BOOT_FD, "Starting from prelinked kernel.");
	channel_say(BOOT_FD, "%u prelinked kexts", b->kernel.n_kexts);
	channel_say(BOOT_FD, "BSD root: %s, major 1, minor %u", b->root->device,
		    b->root->slot + 1);
}

static int mount_volumes(struct boot *b, struct err *e)
{
	int r;

	volumes_close_disk(&b->volumes);
	r = b->choice.recovery ?
		tree_build_recovery(&b->volumes, &b->choice, &b->release, e) :
		tree_build_catalina(&b->volumes, &b->choice, &b->release, e);
	if (r)
		return r;
	b->hostname = CATALINA_HOSTNAME;
	snprintf(b->root_device, sizeof(b->root_device), "%s", b->root->device);
	read_csr(b);
	say_start(b);
	return 0;
}

const struct boot_stage catalina_firmware[] = {
	{"volume", choose_volume},
	{"kernel", load_kernel},
	{NULL, NULL},
};

const struct boot_stage catalina_kernel[] = {
	{"mounts", mount_volumes},
	{"sip", boot_prepare_userspace},
	{NULL, NULL},
};
