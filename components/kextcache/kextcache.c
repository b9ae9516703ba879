/* SPDX-License-Identifier: MIT */
/* The order of kextcache_main.c main(). */
#include "components/kextcache/kextcache.h"

#include <sys/resource.h>
#include <sysexits.h>

#include "components/kextcache/choose.h"
#include "components/kextcache/create.h"
#include "components/kextcache/options.h"
#include "components/kextcache/update.h"

/*
 * -F: with a prelinked kernel to build, Apple's waits until the system load is low; here
 * it is low at once, because nothing simulates it.
 */
static void lower_priority(const struct kc_world *w, const struct kc_options *o)
{
	clog_say(w->log, CLOG_DETAIL, "Running in low-priority background mode.");
	setpriority(PRIO_PROCESS, 0, PRIO_MAX);
	if (o->has_plk)
		clog_say(w->log, CLOG_PROGRESS, "Waiting for low system load.");
}

/* -Boot -U: on a Mac writes the list of kexts that are allowed to load. */
static int early_boot(const struct kc_world *w, const struct kc_options *o)
{
	if (!kc_is_root_volume(w, o->update_volume)) {
		clog_say(w->log, CLOG_WARNING,
			 "-Boot -U {vol} only works on the root/boot volume");
		return EX_OK;
	}
	clog_say(w->log, CLOG_ERROR, "-Boot is not part of this simulation.");
	return EX_UNAVAILABLE;
}

static int work(struct kc_world *w, const struct kc_options *o)
{
	if (o->low_priority)
		lower_priority(w, o);
	if (o->clear_staging || o->prune_staging) {
		clog_say(w->log, CLOG_DETAIL, "%s staging directory.",
			 o->clear_staging ? "Clearing" : "Pruning");
		return kc_tidy_staging(w, o->clear_staging);
	}
	if (o->update_opts & KC_UPDATE_EARLY_BOOT)
		return early_boot(w, o);
	if (o->update_volume)
		return kc_update_volume(w, o);
	if (o->has_plk && !o->n_args)
		return kc_recompress(w, o);
	return kc_create(w, o);
}

int kextcache_run(struct kc_world *w, int argc, char **argv)
{
	struct kc_options o;
	bool help = false;
	int status = kc_options_parse(&o, w, argc, argv, &help);

	/* The most talkative of kextd and the command line decides. */
	if (w->log->max < w->least_level)
		w->log->max = w->least_level;
	if (!status && !help)
		status = kc_options_check(&o, w);
	if (status || help)
		return status;
	return work(w, &o);
}
