/* SPDX-License-Identifier: MIT */
/* Which stages a start goes through, as data, and going through them. */
#include <stdio.h>

#include "components/boot/boot.h"
#include "components/boot/channel.h"
#include "components/boot/tree.h"
#include "sim/base/clock.h"
#include "sim/carrier/boot_protocol.h"

/* Before anything is known of what is on the disk. */
static const struct boot_stage power_on[] = {
	{"nvram", boot_read_nvram},
	{"disk", boot_read_volumes},
	{NULL, NULL},
};

static const struct world {
	bool (*fits)(const struct boot *b); /* NULL: the rest */
	const struct boot_stage *firmware;  /* decides whether it is Recovery */
	const struct boot_stage *system, *recovery;
} worlds[] = {
	{NULL, catalina_firmware, catalina_kernel, catalina_kernel},
};

static int run_stages(struct boot *b, const struct boot_stage *s, struct err *e)
{
	for (; s->name; s++) {
		int64_t t = clock_ns();
		int r;

		b->detail[0] = '\0';
		r = s->run(b, e);
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
	return r ? r : run_stages(b, b->choice.recovery ? w->recovery : w->system, e);
}

int boot_undo(struct boot *b, struct err *e)
{
	int r = tree_unmount_all(&b->volumes, e);

	kernelcache_release(&b->kernel);
	volumes_release(&b->volumes);
	nvram_release(&b->nvram);
	b->root = b->kernel_volume = NULL;
	b->choice = (struct boot_choice){.recovery = false};
	return r;
}
