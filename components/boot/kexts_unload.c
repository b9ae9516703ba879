/* SPDX-License-Identifier: MIT */
/* A request of user space to unload a kext: OSKext::removeKext, OSKext::unload. */
#include <string.h>

#include "components/boot/kexts_impl.h"

/*
 * Classes of which the running kernel has an object, and whose kext so cannot go: the
 * platform expert is what IOKit stands on. Other drivers have nothing to drive here.
 */
static const struct {
	const char *id, *class_;
} in_use[] = {
	{"com.apple.driver.AppleACPIPlatform", "AppleACPIPlatformExpert"},
};

static const char *class_in_use(const char *id)
{
	for (size_t i = 0; i < sizeof(in_use) / sizeof(in_use[0]); i++)
		if (!strcmp(in_use[i].id, id))
			return in_use[i].class_;
	return NULL;
}

static enum kext_return may_unload(const struct kernel_kexts *k, const struct kernel_kext *x,
				   const struct component_log *log)
{
	const char *class_ = class_in_use(x->id);

	if (kernel_kexts_references(k, x)) {
		clog_say(log, CLOG_ERROR,
			 "Can't unload kext %s; outstanding references (linkage or tracking "
			 "object).",
			 x->id);
		return KEXT_RET_IN_USE;
	}
	if (x->component)
		return KEXT_RET_INVALID_ARGUMENT;
	if (class_) {
		clog_say(log, CLOG_ERROR, "Can't unload kext %s; classes have instances:",
			 x->id);
		clog_say(log, CLOG_ERROR, "    Kext %s class %s has 1 instance.", x->id,
			 class_);
		return KEXT_RET_IN_USE;
	}
	return KEXT_RET_OK;
}

static void take_out(struct kernel_kexts *k, const struct kernel_kext *x)
{
	size_t i = 0;

	while (k->kext[i] != x)
		i++;
	k->n--;
	memmove(&k->kext[i], &k->kext[i + 1], (k->n - i) * sizeof(struct kernel_kext *));
}

enum kext_return kernel_kexts_unload(struct kernel_kexts *k, const char *id,
				     const struct kext_caller *c)
{
	struct kernel_kext *x = kernel_kexts_find(k, id);
	enum kext_return r;

	if (!x) {
		clog_say(c->log, CLOG_ERROR, "Kext %s not found for unload request.", id);
		return KEXT_RET_NOT_FOUND;
	}
	r = may_unload(k, x, c->log);
	if (r)
		return r;
	clog_say(c->log, CLOG_PROGRESS, "Kext %s unloading.", id);
	take_out(k, x);
	clog_say(c->log, CLOG_PROGRESS, "Kext %s unloaded.", id);
	kernel_kext_free(x);
	return KEXT_RET_OK;
}
