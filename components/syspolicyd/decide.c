/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/syspolicyd/decide.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "components/syspolicyd/consent.h"
#include "components/syspolicyd/mdm.h"
#include "sim/base/clock.h"
#include "sim/base/fsio.h"
#include "sim/formats/kext/identity.h"
#include "sim/formats/kext/kext.h"
#include "sim/formats/kext/signer.h"
#include "sim/platform/csr.h"
#include "sim/platform/paths.h"

/* What a decision is about. Release with subject_release. */
struct subject {
	struct kext *kext; /* owned */
	struct kext_signer signer;
	char cdhash[KEXT_IDENTITY_MAX];
	struct policy_kext row; /* borrows from the others */
};

static void subject_release(struct subject *s)
{
	kext_free(s->kext);
}

static int subject_open(struct subject *s, const struct policy_world *w, const char *path,
			struct err *e)
{
	int r;

	*s = (struct subject){.kext = NULL};
	r = kext_open(path, &s->kext, e);
	if (!r)
		r = kext_signer(s->kext, w->anchors, w->now, &s->signer, e);
	if (!r)
		r = kext_identity(path, s->cdhash, e);
	if (r)
		return r;
	s->row = (struct policy_kext){
		.team = s->signer.team,
		.bundle_id = s->kext->id,
		.developer = s->signer.developer,
		.path = path,
		.cdhash = s->cdhash,
	};
	return 0;
}

/* What came with the system, where only its installer writes. */
static bool is_systems(const struct policy_world *w, const char *path)
{
	const char *inside = trusted_path_inside(w->root, path);

	return inside && !fsio_below(inside, PATH_STAGED_EXTENSIONS) &&
	       trusted_path(w->trusted, path, NULL);
}

/* No user is asked: by SIP's setting, or because of who signed. */
static int needs_no_consent(const struct policy_world *w, const struct subject *s, bool *ret,
			    struct err *e)
{
	struct consent_teams teams = {.n = 0};
	uint32_t csr = 0;
	int r = csr_read(w->csr_config, &csr, e);

	if (r)
		return r;
	*ret = !consent_required(csr) || s->signer.apple || is_systems(w, s->row.path);
	if (*ret)
		return 0;
	if (consent_teams_read(&teams, w->nvram_dir, e)) {
		/* What cannot be read allows nobody. */
		clog_say(w->log, CLOG_ERROR, "%s", e->msg);
		err_clear(e);
	}
	*ret = consent_teams_has(&teams, s->row.team);
	return 0;
}

static int note(const struct policy_world *w, const struct subject *s, bool cache,
		struct err *e)
{
	bool first = false;
	int r = policy_db_record(w->db, &s->row, w->boot_uuid, w->now,
				 cache ? POLICY_FROM_CACHE : 0, &first, e);

	/* The alert, which a Mac shows once. */
	if (!r && first)
		clog_say(w->log, CLOG_BASIC,
			 "System Extension Blocked: A program tried to load new system "
			 "extension(s) signed by \"%s\". If you want to enable these "
			 "extensions, open Security & Privacy System Preferences.",
			 s->row.developer);
	return r;
}

static int decide(const struct policy_world *w, const struct subject *s, bool cache,
		  bool *ret, struct err *e)
{
	int r = needs_no_consent(w, s, ret, e);

	if (r || *ret)
		return r;
	if (mdm_apply(w->db, w->mdm_payload, e)) {
		clog_say(w->log, CLOG_ERROR, "%s: %s", w->mdm_payload, e->msg);
		err_clear(e);
	}
	r = policy_db_allows(w->db, &s->row, ret, e);
	return r || *ret ? r : note(w, s, cache, e);
}

int policy_decide(const struct policy_world *w, const char *path, bool cache, bool *ret,
		  struct err *e)
{
	struct subject s;
	int r;

	*ret = false;
	r = subject_open(&s, w, path, e);
	if (!r)
		r = decide(w, &s, cache, ret, e);
	subject_release(&s);
	if (r)
		*ret = false;
	return r;
}

int64_t policy_since(const struct policy_world *w)
{
	return w->now - waits_ns(&w->waits, WAIT_KEXT_APPROVAL) / NS_PER_S;
}

int policy_user_may_allow(const struct policy_world *w, bool *ret, struct err *e)
{
	char value[64];
	int r = policy_db_setting(w->db, MDM_OVERRIDES, value, e);

	*ret = !r && strcmp(value, "0");
	return r;
}

static int rebuild_caches(const struct policy_world *w, struct err *e)
{
	char path[PATH_MAX];
	int r = fsio_join(path, sizeof(path), w->root, PATH_LIBRARY_EXTENSIONS, e);

	if (!r && utimensat(AT_FDCWD, path, NULL, 0))
		r = err_sys(e, "%s", path);
	return r;
}

int policy_allow(const struct policy_world *w, const char *developer, struct err *e)
{
	bool may = false;
	int n = 0, r = policy_user_may_allow(w, &may, e);

	if (!r && !may)
		return err_set(e, E_PERM, "a device manager decides about extensions");
	if (!r)
		r = policy_db_allow_developer(w->db, developer, policy_since(w), &n, e);
	if (!r && !n)
		r = err_set(e, E_NOTFOUND, "nothing of \"%s\" waits to be allowed",
			    developer);
	return r ? r : rebuild_caches(w, e);
}
