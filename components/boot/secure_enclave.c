/* SPDX-License-Identifier: MIT */
#include "components/boot/secure_enclave.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "components/boot/tree.h"
#include "sim/base/clock.h"
#include "sim/carrier/layout.h"
#include "sim/formats/apfs/raw.h"

/*
 * What was written to volumes is on the medium before the chip says that it counts: the
 * driver's commit leaves it in the disk's cache, as fsync(2) of a Mac does.
 */
static int flush_disk(struct err *e)
{
	int fd = open(CARRIER_DISK, O_RDONLY | O_CLOEXEC), r = 0;

	if (fd < 0 || fsync(fd))
		r = err_sys(e, "flushing the disk");
	if (fd >= 0)
		close(fd);
	return r;
}

/* The chip is as it was, or as it is to be, when the power is cut here. */
static int store(void *ctx, struct sb_chip *chip, struct err *e)
{
	struct boot *b = ctx;
	char point[32];
	int r = flush_disk(e);

	snprintf(point, sizeof(point), "before-sep-%d", (int)b->sep.last);
	boot_hold_point(b, point);
	if (!r)
		r = sb_chip_store(chip, b->chip_fd, e);
	if (r)
		return r;
	snprintf(point, sizeof(point), "sep-%d", (int)b->sep.last);
	boot_hold_point(b, point);
	return 0;
}

static void log_line(void *ctx, const char *line)
{
	klog_from(&((struct boot *)ctx)->log, "kernel", "libbootpolicy.dylib", line,
		  clock_ns());
}

/* Whose recoveryOS runs: of the system that it belongs to, unless it is the common one. */
static const char *paired_group(const struct boot *b)
{
	bool common = b->button == BUTTON_DOUBLE && b->release->paired_recovery;

	return b->env == SEP_MACOS || common ? "" : b->choice.system->group;
}

void secure_enclave_start(struct boot *b)
{
	b->sep = (struct sep){
		.chip = &b->chip,
		.store = store,
		.store_ctx = b,
		.env = b->env,
		.log = log_line,
		.log_ctx = b,
	};
	snprintf(b->sep.paired_group, sizeof(b->sep.paired_group), "%s", paired_group(b));
}

/* ---- the files ---- */

int secure_enclave_files(struct boot *b, struct sb_policy_files *ret, struct err *e)
{
	struct boot_volume *v;
	int r;

	if (b->machine->secure_boot != SECURE_BOOT_LOCAL_POLICY)
		return err_set(e, E_UNSUPPORTED, "this Mac has no LocalPolicy");
	v = volumes_by_role(&b->volumes, b->machine->isc_disk, APFS_ROLE_PREBOOT, NULL);
	if (!v)
		return err_set(e, E_NOTFOUND, "there is no iSCPreboot volume");
	r = tree_mount_volume(&b->volumes, v, e);
	if (!r)
		*ret = sb_policy_files_in(v->carrier_dir);
	return r;
}

int secure_enclave_settle(struct boot *b, struct err *e)
{
	struct sb_policy_files files;
	int r;

	if (b->machine->secure_boot != SECURE_BOOT_LOCAL_POLICY)
		return 0;
	r = secure_enclave_files(b, &files, e);
	if (!r)
		r = policy_settle(&b->sep, &files, NULL, e);
	if (r)
		log_line(b, e->msg);
	err_clear(e);
	return 0;
}
