/* SPDX-License-Identifier: MIT */
/* What a build has to fulfil when SIP protects the file it makes. */
#include <string.h>
#include <sysexits.h>

#include "components/kextcache/create_internal.h"
#include "components/kextcache/protect.h"
#include "components/kextcache/signing.h"
#include "sim/platform/paths.h"

static bool begins(const struct creation *c, const char *path, const char *want)
{
	const char *root = strcmp(c->w->root, "/") ? c->w->root : "";
	size_t n = strlen(root);

	return !strncmp(path, root, n) && !strncmp(path + n, want, strlen(want));
}

static bool is_system_plk(const struct creation *c)
{
	struct bootcaches b = {0};
	bool yes;

	if (kc_volume_caches(c->w, c->o, &b))
		b = (struct bootcaches){0};
	yes = begins(c, c->o->plk, b.path ? b.path : PATH_STAGED_PLK);
	bootcaches_release(&b);
	return yes;
}

static bool is_system_kernel(const struct creation *c)
{
	struct bootcaches b = {0};
	bool yes;

	if (kc_volume_caches(c->w, c->o, &b))
		b = (struct bootcaches){0};
	yes = begins(c, c->o->kernel, b.kernel_path ? b.kernel_path : PATH_KERNEL);
	bootcaches_release(&b);
	return yes;
}

static int check_protected(const struct creation *c)
{
	const struct kc_options *o = c->o;

	clog_say(c->w->log, CLOG_DEBUG, "Creating SIP-protected prelinked kernel: %s",
		 o->plk);
	if (o->no_authentication || !kc_protected_action(c->w, o))
		return kc_fail(c->w, EX_NOPERM,
			       "Invalid to create a prelinked kernel without "
			       "authentication at path '%s'",
			       o->plk);
	if (!kc_enforces_signatures(c->w, c->o))
		return kc_fail(c->w, EX_NOPERM,
			       "Invalid to create a prelinked kernel without "
			       "signature enforcement on volume: %s",
			       o->volume_root ? o->volume_root : c->w->root);
	if (!is_system_plk(c))
		return kc_fail(c->w, EX_NOPERM,
			       "Invalid path '%s': SIP-protected prelinked kernels "
			       "must be in /System/Library/PrelinkedKernels",
			       o->plk);
	if (!kc_is_trusted(c->w, o->kernel))
		return kc_fail(c->w, EX_NOPERM,
			       "Untrusted kernel '%s' cannot be used to create a "
			       "SIP-protected prelinked kernel",
			       o->kernel);
	if (!is_system_kernel(c))
		return kc_fail(c->w, EX_NOPERM,
			       "Invalid kernel path '%s': only kernels from "
			       "/System/Library/Kernels can be used when writing "
			       "SIP-protected prelinked kernels",
			       o->kernel);
	return EX_OK;
}

int kc_check_sip(const struct creation *c)
{
	if (kc_sip_on(c->w) && kc_is_trusted(c->w, c->o->plk))
		return check_protected(c);
	clog_say(c->w->log, CLOG_DEBUG, "Creating unprotected prelinked kernel: %s",
		 c->o->plk);
	return EX_OK;
}
