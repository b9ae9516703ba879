/* SPDX-License-Identifier: MIT */
/* Which stages a start goes through, as data, and going through them. */
#include <stdio.h>

#include "components/boot/boot.h"
#include "components/boot/channel.h"
#include "components/boot/kernel.h"
#include "components/boot/tree.h"
#include "components/common/this_release.h"
#include "sim/base/clock.h"
#include "sim/carrier/boot_protocol.h"
#include "sim/formats/apfs/raw.h"
#include "sim/platform/paths.h"

/* ---- what is to be started ---- */

/*
 * The volume and the path that tell which release it is. A sealed System volume does not:
 * what is started is a snapshot, and its live state may hold anything. A booter comes from
 * Preboot, and lies there beside the version that it belongs to.
 */
static const struct boot_volume *version_place(struct boot *b, char path[static BOOT_PATH_BUF])
{
	const struct boot_volume *system = b->choice.system;

	snprintf(path, BOOT_PATH_BUF, "%s", PATH_SYSTEM_VERSION);
	if (!system->sealed)
		return system;
	snprintf(path, BOOT_PATH_BUF, "/%s%s", system->group, PATH_SYSTEM_VERSION);
	return volumes_by_role(&b->volumes, b->machine->main_disk, APFS_ROLE_PREBOOT, NULL);
}

static int read_version(struct boot *b, struct buf *text, struct err *e)
{
	char path[BOOT_PATH_BUF];
	const struct boot_volume *v = version_place(b, path);

	if (!v)
		return err_set(e, E_NOTFOUND, "no volume has the role Preboot");
	return volumes_read_file(&b->volumes, v, path, SYSTEM_VERSION_MAX, text, e);
}

/*
 * The release of the system that would be started. A booter belongs to its release, so
 * this is known before anything of it runs; that it cannot be told is for the stages to
 * find out, each in its own way.
 */
static int identify(struct boot *b, struct err *e)
{
	struct buf text = BUF_INIT;
	int r = volumes_choose(&b->volumes, &b->nvram, &b->choice, e);

	b->release = NULL;
	if (!r)
		r = read_version(b, &text, e);
	if (!r)
		r = this_release_of(text.data, text.len, PATH_SYSTEM_VERSION, &b->release,
				    e);
	buf_release(&text);
	snprintf(b->detail, sizeof(b->detail), "%s",
		 r ? e->msg : b->release->product_version);
	err_clear(e);
	return 0;
}

/* Before anything is known of what is on the disk. */
static const struct boot_stage power_on[] = {
	{"nvram", boot_read_nvram},
	{"disk", boot_read_volumes},
	{"release", identify},
	{NULL, NULL},
};

/* iBoot, or a boot.efi that loads kernel collections. */
static bool has_chain(const struct boot *b)
{
	return b->machine->boots_by_iboot || (b->release && b->release->kernel_collections);
}

static const struct world {
	bool (*fits)(const struct boot *b); /* NULL: the rest */
	const struct boot_stage *firmware; /* decides whether it is Recovery */
	const struct boot_stage *system, *recovery;
} worlds[] = {
	{has_chain, firmware_stages, kernel_stages, kernel_recovery_stages},
	{NULL, catalina_firmware, catalina_kernel, catalina_kernel},
};

/* ---- going through it ---- */

/* What the server of the root found meanwhile, before the stage's own last words. */
static int hear_root(struct boot *b, int r, struct err *e)
{
	struct err why = ERR_INIT;

	if (sealed_root_hear(&b->rooted.server, &why))
		err_keep_first(&r, e, &why);
	return r;
}

static int run_stages(struct boot *b, const struct boot_stage *s, struct err *e)
{
	for (; s->name; s++) {
		int64_t t = clock_ns();
		int r;

		b->detail[0] = '\0';
		r = hear_root(b, s->run(b, e), e);
		klog_flush(&b->log);
		if (r)
			return r;
		channel_stage(BOOT_FD, s->name, b->detail, clock_ns() - t);
	}
	return 0;
}

static const struct world *choose_world(const struct boot *b)
{
	const struct world *w = worlds;

	while (w->fits && !w->fits(b))
		w++;
	return w;
}

/* What a kernel needs and finds damaged on its root: it cannot go on. */
static int without_essentials(struct boot *b, struct err *e)
{
	char text[ERR_MSG_MAX];

	snprintf(text, sizeof(text), "%s", e->msg);
	return kernel_panic(b, "", e, "%s", text);
}

int boot_start_up(struct boot *b, struct err *e)
{
	const struct world *w;
	int r;

	b->end = END_REFUSED;
	r = run_stages(b, power_on, e);
	if (r)
		return r;
	w = choose_world(b);
	r = run_stages(b, w->firmware, e);
	if (r)
		return r;
	r = run_stages(b, b->choice.recovery ? w->recovery : w->system, e);
	if (r && b->end == END_REFUSED && tree_unreadable(e))
		return without_essentials(b, e);
	return r;
}

int boot_undo(struct boot *b, struct err *e)
{
	int r = tree_detach_root(e);
	struct err why = ERR_INIT;

	if (live_unmount_all(&b->live, &why))
		err_keep_first(&r, e, &why);
	if (sealed_root_stop(&b->rooted.server, &why))
		err_keep_first(&r, e, &why);
	if (tree_unmount_volumes(&b->volumes, &why))
		err_keep_first(&r, e, &why);
	return r;
}

void boot_forget(struct boot *b)
{
	live_release(&b->live);
	kernelcache_release(&b->kernel);
	sb_result_release(&b->chain);
	volumes_release(&b->volumes);
	sb_chip_release(&b->chip);
	nvram_release(&b->nvram);
	b->root = b->kernel_volume = NULL;
	b->choice = (struct boot_choice){.recovery = false};
	b->session[0] = '\0';
}
