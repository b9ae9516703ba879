/* SPDX-License-Identifier: MIT */
#include "components/kextunload/kextunload.h"

#include <sysexits.h>

#include "components/common/mac_errors.h"
#include "components/kextunload/options.h"
#include "components/oskext/kernel_request.h"
#include "components/oskext/load.h"
#include "sim/formats/kext/kext.h"

struct run {
	struct kextunload_world *w;
	const struct kextunload_options *o;
	bool terminate_failed; /* what IOKit has to say is in the log */
};

/* The first failure is the status. */
static int keep_first(int first, int status)
{
	return first ? first : status;
}

static int terminate_class(struct run *r, const char *class_)
{
	int error = kernel_request_terminate(r->w->kernel_socket, class_, NULL);

	if (!error) {
		clog_say(r->w->log, CLOG_BASIC, "All instances of class %s terminated.",
			 class_);
		return EX_OK;
	}
	clog_say(r->w->log, CLOG_ERROR, "Failed to terminate class %s - %s.", class_,
		 mac_strerror(error));
	r->terminate_failed = true;
	return KEXTUNLOAD_PARTIAL_FAILURE;
}

static int terminate_kext(struct run *r, const char *id)
{
	int error = kernel_request_terminate(r->w->kernel_socket, NULL, id);

	if (!error) {
		clog_say(r->w->log, CLOG_BASIC,
			 "%s: services terminated and personalities removed (kext not "
			 "unloaded).",
			 id);
		return EX_OK;
	}
	clog_say(r->w->log, CLOG_ERROR, "Terminate for %s failed - %s.", id,
		 mac_strerror(error));
	r->terminate_failed = true;
	return KEXTUNLOAD_PARTIAL_FAILURE;
}

static int unload(struct run *r, const char *id)
{
	if (r->o->personalities_only)
		return terminate_kext(r, id);
	if (oskext_unload(r->w->kernel_socket, id, r->w->log))
		return KEXTUNLOAD_PARTIAL_FAILURE;
	clog_say(r->w->log, CLOG_BASIC, "%s unloaded and personalities removed.", id);
	return EX_OK;
}

/* The kernel knows kexts by their identifiers; those of bundles are read. */
static int unload_bundle(struct run *r, const char *path)
{
	struct kext *k = NULL;
	struct err e = ERR_INIT;
	int status;

	if (kext_open(path, &k, &e) || !*k->id) {
		clog_say(r->w->log, CLOG_ERROR, "Can't create %s.", path);
		status = KEXTUNLOAD_NOT_FOUND;
	} else {
		status = unload(r, k->id);
	}
	kext_free(k);
	return status;
}

int kextunload_run(struct kextunload_world *w, int argc, char **argv)
{
	struct kextunload_options o;
	struct run r = {.w = w, .o = &o};
	bool done;
	int status = kextunload_options(&o, w, argc, argv, &done);

	if (status || done)
		return status;
	for (size_t i = 0; i < o.n_classes; i++)
		status = keep_first(status, terminate_class(&r, o.class_[i]));
	for (size_t i = 0; i < o.n_ids; i++)
		status = keep_first(status, unload(&r, o.id[i]));
	for (size_t i = 0; i < o.n_kexts; i++)
		status = keep_first(status, unload_bundle(&r, o.kext[i]));
	if (r.terminate_failed)
		clog_say(w->log, CLOG_ERROR,
			 "Check the system/kernel logs for error messages from the I/O Kit.");
	return status;
}
