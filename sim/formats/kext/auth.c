/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "sim/formats/kext/auth.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/base/fsio.h"

#define BUNDLE_DEPTH_MAX 64

static bool check_entry(struct kext *k, const char *path, unsigned depth);

static bool is_plugins(const struct kext *k, const char *path)
{
	const char *rel = path + strlen(k->path);

	return !strcmp(rel, k->flat ? "/PlugIns" : "/Contents/PlugIns");
}

static bool check_folder(struct kext *k, const char *path, unsigned depth)
{
	DIR *d = depth < BUNDLE_DEPTH_MAX ? opendir(path) : NULL;
	struct dirent *de;
	bool ok = true;

	if (!d) {
		kext_diag_add(&k->diags, KEXT_F_FILE_NOT_FOUND, path);
		return false;
	}
	while ((de = readdir(d))) {
		char child[PATH_MAX];

		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, "..") ||
		    !strcmp(de->d_name, ".DS_Store"))
			continue;
		if (snprintf(child, sizeof(child), "%s/%s", path, de->d_name) >=
		    (int)sizeof(child)) {
			kext_diag_add(&k->diags, KEXT_F_FILE_NOT_FOUND, path);
			ok = false;
			continue;
		}
		ok &= check_entry(k, child, depth + 1);
	}
	closedir(d);
	return ok;
}

static bool check_entry(struct kext *k, const char *path, unsigned depth)
{
	struct stat link, st;
	bool ok = true;

	if (lstat(path, &link) || stat(path, &st)) {
		kext_diag_add(&k->diags, KEXT_F_FILE_NOT_FOUND, path);
		return false;
	}
	if (st.st_uid != 0 || st.st_gid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH))) {
		kext_diag_add(&k->diags, KEXT_F_PERMISSIONS, path);
		ok = false;
	}
	if (S_ISLNK(link.st_mode)) {
		kext_diag_add(&k->diags, KEXT_F_WARN_SYMLINK, path);
		return ok;
	}
	if (S_ISDIR(st.st_mode) && !is_plugins(k, path))
		ok &= check_folder(k, path, depth);
	return ok;
}

bool kext_check_filesystem(struct kext *k)
{
	return check_entry(k, k->path, 0);
}

static bool url_safe(unsigned char c)
{
	return isalnum(c) || strchr("/-._~!$&'()*+,;=:@", c);
}

int kext_describe(const struct kext *k, struct buf *out, struct err *e)
{
	int r = buf_printf(out, e, "<OSKext %p [%p]> { URL = \"file://", (const void *)k,
			   (const void *)k->info);

	for (const char *p = k->path; *p && !r; p++) {
		unsigned char c = (unsigned char)*p;

		r = buf_printf(out, e, url_safe(c) ? "%c" : "%%%02X", c);
	}
	if (!r)
		r = buf_printf(out, e, "/\", ID = \"%s\" }", k->id);
	return r;
}

static bool not_excluded(struct kext *k, const struct kext_auth *auth)
{
	return !kext_is_excluded(k, auth->all);
}

static bool filesystem_ok(struct kext *k, const struct kext_auth *auth)
{
	if (auth->installed && fsio_below(k->path, auth->installed))
		return true;
	return !auth->check_filesystem || kext_check_filesystem(k);
}

static void say_of(const struct kext *k, const struct kext_auth *auth, const char *what)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	if (!kext_describe(k, &b, &e))
		clog_say(auth->log, CLOG_ERROR, "%s: %s", what, buf_str(&b));
	buf_release(&b);
}

/* isInvalidSignatureAllowed: what is not signed well may load where SIP lets it. */
static bool untrusted_ok(const struct kext *k, const struct kext_auth *auth, int status)
{
	char text[64];

	if (!auth->signing->untrusted_allowed) {
		clog_say(auth->log, CLOG_ERROR, KEXT_UNTRUSTED_REFUSED);
		return false;
	}
	snprintf(text, sizeof(text), "Kext with invalid signature (%d) allowed", status);
	say_of(k, auth, text);
	return true;
}

static bool signature_ok(struct kext *k, const struct kext_auth *auth)
{
	struct codesign_result res;
	struct err e = ERR_INIT;
	int status;

	if (!auth->signing)
		return true;
	status = kext_check_signature(k, auth->signing, &res, &e) ? CS_INTERNAL_ERROR
								  : res.status;
	if (status == CS_UNSIGNED)
		kext_diag_add(&k->diags, KEXT_F_WARN_NOT_SIGNED, NULL);
	if (status == CS_OK && auth->is_signed)
		auth->is_signed(auth->world, k, &res);
	codesign_result_release(&res);
	return status == CS_OK || untrusted_ok(k, auth, status);
}

static bool location_ok(struct kext *k, const struct kext_auth *auth)
{
	return !auth->is_secure || auth->is_secure(auth->world, k);
}

/* A driver extension is approved elsewhere (sysextd). */
static bool policy_ok(struct kext *k, const struct kext_auth *auth)
{
	return !auth->is_approved || k->dext || auth->is_approved(auth->world, k);
}

/* authenticateKext's order. */
static const struct {
	bool (*ok)(struct kext *k, const struct kext_auth *auth);
	const char *rejection;
} steps[] = {
	{not_excluded, "Kext rejected due to presence on exclude list"},
	{filesystem_ok, "Kext rejected due to improper filesystem permissions"},
	{signature_ok, "Kext rejected due to invalid signature"},
	{location_ok, "Kext rejected due to insecure location"},
	{policy_ok, "Kext rejected due to system policy"},
};

bool kext_authenticate(struct kext *k, const struct kext_auth *auth)
{
	if (k->authentic != KEXT_UNKNOWN)
		return k->authentic == KEXT_YES;
	k->authentic = KEXT_YES;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (steps[i].ok(k, auth))
			continue;
		say_of(k, auth, steps[i].rejection);
		k->authentic = KEXT_NO;
		return false;
	}
	return true;
}
