/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/staging/staging.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/base/idtext.h"
#include "sim/base/tree_copy.h"
#include "sim/formats/kext/identity.h"
#include "sim/formats/kext/kext.h"
#include "sim/platform/csr.h"
#include "sim/platform/paths.h"

#define FOLDER_MODE 0755

int staging_init(struct staging *s, const char *root, const char *csr_config,
		 const struct component_log *log, struct err *e)
{
	struct err unread = ERR_INIT;
	uint32_t config = 0;

	if (csr_read(csr_config, &config, &unread))
		config = 0;
	*s = (struct staging){
		.root = root,
		.enabled = !csr_allows(config, CSR_ALLOW_UNTRUSTED_KEXTS),
		.log = log,
	};
	return trusted_paths_load(&s->trusted, root, e);
}

void staging_release(struct staging *s)
{
	trusted_paths_release(&s->trusted);
}

bool staging_is_secure(const struct staging *s, const char *path)
{
	return !s->enabled || trusted_path(&s->trusted, path, STAGING_CLASS);
}

int staging_path(const struct staging *s, const char *source, char ret[static PATH_MAX],
		 struct err *e)
{
	const char *inside = trusted_path_inside(s->root, source);

	if (!inside || inside[0] != '/')
		return err_set(e, E_INVAL, "%s is not a path of the system", source);
	if (snprintf(ret, PATH_MAX, "%s" PATH_STAGED_EXTENSIONS "%s",
		     strcmp(s->root, "/") ? s->root : "", inside) >= PATH_MAX)
		return err_set(e, E_OVERFLOW, "path too long: %s", source);
	return 0;
}

/*
 * Is what lies at @copy not what lies at @source? The comparison need not be safe from
 * others: the copy is judged once it is where nobody can change it.
 */
static bool differs(const char *source, const char *copy)
{
	char a[KEXT_IDENTITY_MAX], b[KEXT_IDENTITY_MAX];
	struct err e = ERR_INIT;

	return kext_identity(source, a, &e) || kext_identity(copy, b, &e) || strcmp(a, b);
}

/* Said of both verdicts with the path alone. */
static int check_signature(const struct staging *s, const struct kext *k, struct err *e)
{
	struct codesign_result res;
	bool allowed;
	int r = kext_check_signature(k, s->signing, &res, e), status = res.status;

	codesign_result_release(&res);
	if (r || !status)
		return r;
	allowed = s->signing->untrusted_allowed;
	if (!allowed)
		clog_say(s->log, CLOG_ERROR, KEXT_UNTRUSTED_REFUSED);
	clog_say(s->log, CLOG_ERROR, "Kext with invalid signature (%d) %s: %s", status,
		 allowed ? "allowed" : "denied", k->path);
	return allowed ? 0
		       : err_set(e, E_PERM, "%s: %s", k->path, cs_status_text(status));
}

/* kextBundleValidates */
static int validate(const struct staging *s, const char *bundle, struct err *e)
{
	struct kext *k = NULL;
	int r = kext_open(bundle, &k, e);

	if (r)
		clog_say(s->log, CLOG_ERROR, "Could not create kext to validate: %s",
			 bundle);
	if (!r && s->signing)
		r = check_signature(s, k, e);
	kext_free(k);
	return r;
}

static int failed(const struct staging *s, const char *what, const struct err *e)
{
	clog_say(s->log, CLOG_ERROR, "%s during staging: %s", what, e->msg);
	return -(int)e->code;
}

/* Give the copy @temp its name, if it is good. */
static int accept(const struct staging *s, const char *source, const char *temp,
		  const char *copy, struct err *e)
{
	struct err ignored = ERR_INIT;
	int r = validate(s, temp, e);

	if (r)
		clog_say(s->log, CLOG_ERROR,
			 "Bundle (%s) failed to validate, deleting: %s", source, temp);
	else if (rename(temp, copy))
		r = err_sys(e, "%s", copy), failed(s, "Error renaming bundle", e);
	if (r)
		(void)!fsio_remove_tree(temp, &ignored);
	return r;
}

/* stageBundle: copy beside the final name, judge what was copied, rename. */
static int stage(const struct staging *s, const char *source, const char *copy,
		 struct err *e)
{
	char folder[PATH_MAX], temp[PATH_MAX], uuid[UUID_TEXT_MAX];
	int r;

	if (fsio_remove_tree(copy, e)) {
		clog_say(s->log, CLOG_ERROR,
			 "Error deleting old bundle while staging: %s", e->msg);
		return -(int)e->code;
	}
	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(copy, '/') - copy), copy);
	r = uuid_new_text(uuid, e);
	if (r)
		return r;
	/* A kext by its name, or it would not be opened as one. */
	if (snprintf(temp, sizeof(temp), "%s/%s.kext", folder, uuid) >= PATH_MAX)
		return err_set(e, E_OVERFLOW, "path too long: %s", folder);
	if (fsio_mkdirs(folder, FOLDER_MODE, e))
		return failed(s, "Error creating directory", e);
	if (tree_copy(source, temp, TRUSTED_PATH_XATTR, e)) {
		struct err ignored = ERR_INIT;

		(void)!fsio_remove_tree(temp, &ignored);
		return failed(s, "Error copying bundle", e);
	}
	return accept(s, source, temp, copy, e);
}

int staging_place(const struct staging *s, const char *source, char ret[static PATH_MAX],
		  struct err *e)
{
	int r;

	if (staging_is_secure(s, source)) {
		if (snprintf(ret, PATH_MAX, "%s", source) >= PATH_MAX)
			return err_set(e, E_OVERFLOW, "path too long: %s", source);
		return 0;
	}
	r = staging_path(s, source, ret, e);
	if (!r && (!fsio_exists(ret) || differs(source, ret)))
		r = stage(s, source, ret, e);
	if (r)
		clog_say(s->log, CLOG_ERROR, "Unable to stage kext (%s) to secure location.",
			 source);
	return r;
}
