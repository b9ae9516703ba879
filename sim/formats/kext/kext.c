/* SPDX-License-Identifier: MIT */
/* Opening a bundle: its property list, where its parts lie, its executable. */
#include "sim/formats/kext/kext.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/fsio.h"
#include "sim/formats/kext/version.h"
#include "sim/formats/macho/macho.h"
#include "sim/formats/plist/pl.h"

static const struct {
	unsigned bit;
	const char *name;
} required_names[] = {
	{KEXT_REQ_ROOT, "Root"},
	{KEXT_REQ_LOCAL_ROOT, "Local-Root"},
	{KEXT_REQ_NETWORK_ROOT, "Network-Root"},
	{KEXT_REQ_CONSOLE, "Console"},
	{KEXT_REQ_SAFE_BOOT, "Safe Boot"},
	{KEXT_REQ_DRIVERKIT, "DriverKit"},
};

#define N_REQUIRED (sizeof(required_names) / sizeof(required_names[0]))

const char *kext_required_name(unsigned bit)
{
	for (size_t i = 0; i < N_REQUIRED; i++)
		if (required_names[i].bit == bit)
			return required_names[i].name;
	return NULL;
}

static unsigned required_bit(const char *name)
{
	for (size_t i = 0; name && i < N_REQUIRED; i++)
		if (!strcmp(required_names[i].name, name))
			return required_names[i].bit;
	return 0;
}

bool kext_is_required(const struct kext *k, unsigned set)
{
	return !set || (k->required & set);
}

plist_t kext_info_value(plist_t info, const char *key)
{
	char arch_key[128];
	plist_t v = NULL;

	if (snprintf(arch_key, sizeof(arch_key), "%s_" KEXT_ARCH, key) <
	    (int)sizeof(arch_key))
		v = plist_dict_get_item(info, arch_key);
	return v ? v : plist_dict_get_item(info, key);
}

plist_t kext_info(const struct kext *k, const char *key)
{
	return kext_info_value(k->info, key);
}

static const char *info_string(const struct kext *k, const char *key)
{
	return pl_str(kext_info(k, key));
}

static bool info_true(const struct kext *k, const char *key)
{
	return pl_true(kext_info(k, key));
}

/* Take what is of the right type; kext_validate complains about the rest. */
static void read_info(struct kext *k)
{
	const char *s = info_string(k, "CFBundleIdentifier");
	plist_t libs = kext_info(k, "OSBundleLibraries");

	k->id = s ? s : "";
	s = info_string(k, "CFBundleVersion");
	k->version_string = s ? s : "";
	k->version = kext_version_parse_user(s);
	s = info_string(k, "OSBundleCompatibleVersion");
	k->compatible = s ? kext_version_parse_user(s) : 0;
	s = info_string(k, "CFBundleExecutable");
	k->executable = s && *s ? s : NULL;
	s = info_string(k, "CFBundlePackageType");
	k->dext = s && !strcmp(s, "DEXT");
	k->required = required_bit(info_string(k, "OSBundleRequired"));
	k->kernel_component = info_true(k, "OSKernelResource");
	k->interface = k->kernel_component || info_true(k, "OSBundleIsInterface");
	k->logging = info_true(k, "OSBundleEnableKextLogging");
	k->promotes = info_true(k, "OSBundleRequiredPromotion");
	if (libs && plist_get_node_type(libs) == PLIST_DICT)
		k->libraries = libs;
}

/* Takes over @info, also on failure. */
static int make(const char *path, plist_t info, bool flat, struct kext **ret,
		struct err *e)
{
	struct kext *k = calloc(1, sizeof(*k));

	if (!k || !(k->path = strdup(path))) {
		plist_free(info);
		free(k);
		return err_set(e, E_NOMEM, "%s: out of memory", path);
	}
	k->info = info;
	k->flat = flat;
	read_info(k);
	*ret = k;
	return 0;
}

int kext_open(const char *path, struct kext **ret, struct err *e)
{
	char file[PATH_MAX];
	plist_t info = NULL;
	bool flat = false;
	int r = fsio_join(file, sizeof(file), path, "Contents/Info.plist", e);

	if (!r && !fsio_exists(file)) {
		flat = true;
		r = fsio_join(file, sizeof(file), path, "Info.plist", e);
	}
	if (!r && !fsio_exists(file))
		return err_set(e, E_NOTFOUND, "%s has no Info.plist file.", path);
	if (!r)
		r = pl_load_dict(file, KEXT_INFO_MAX, &info, e);
	return r ? r : make(path, info, flat, ret, e);
}

int kext_from_info(const char *path, const void *data, size_t len, struct kext **ret,
		   struct err *e)
{
	plist_t info = NULL;
	int r;

	if (len > KEXT_INFO_MAX)
		return err_set(e, E_OVERFLOW, "%s: an Info.plist of %zu bytes", path,
			       len);
	r = pl_parse(data, len, path, &info, e);
	if (r)
		return r;
	if (plist_get_node_type(info) != PLIST_DICT) {
		r = err_set(e, E_CORRUPT, "%s: expected a dictionary, found %s", path,
			    pl_type_name(info));
		plist_free(info);
		return r;
	}
	return make(path, info, false, ret, e);
}

void kext_free(struct kext *k)
{
	if (!k)
		return;
	plist_free(k->info);
	buf_release(&k->exe);
	kext_diags_release(&k->diags);
	free(k->deps);
	free(k->path);
	free(k);
}

int kext_executable_path(const struct kext *k, char *out, size_t size, struct err *e)
{
	const char *dir = k->flat ? "" : "Contents/MacOS/";

	if (!k->executable)
		return err_set(e, E_NOTFOUND, "%s declares no executable", k->path);
	/* A name that leads out of the bundle is none of its executables. */
	if (strchr(k->executable, '/') || !strcmp(k->executable, ".."))
		return err_set(e, E_CORRUPT, "%s: CFBundleExecutable is not a file name",
			       k->path);
	if (snprintf(out, size, "%s%s", dir, k->executable) >= (int)size)
		return err_set(e, E_OVERFLOW, "%s: CFBundleExecutable is too long",
			       k->path);
	return 0;
}

int kext_load_executable(struct kext *k, struct err *e)
{
	char rel[PATH_MAX], file[PATH_MAX];
	int r;

	if (k->exe.len)
		return 0;
	r = kext_executable_path(k, rel, sizeof(rel), e);
	if (!r)
		r = fsio_join(file, sizeof(file), k->path, rel, e);
	if (!r)
		r = fsio_read(file, KEXT_EXE_MAX, &k->exe, e);
	if (r)
		buf_release(&k->exe);
	return r;
}

enum kext_arch_state kext_arch(struct kext *k)
{
	struct err e = ERR_INIT;
	struct macho m;
	int r;

	if (!k->executable)
		return KEXT_ARCH_NO_CODE;
	if (kext_load_executable(k, &e))
		return KEXT_ARCH_BAD;
	r = macho_open(k->exe.data, k->exe.len, &m, &e);
	if (r)
		return r == -E_UNSUPPORTED ? KEXT_ARCH_NO : KEXT_ARCH_BAD;
	macho_release(&m);
	return KEXT_ARCH_YES;
}

int kext_not_usable(const struct kext *k, const char *what, struct err *e)
{
	struct buf b = BUF_INIT;
	int r;

	(void)!kext_diag_print(&k->diags, &b, NULL);
	r = err_set(e, E_CORRUPT, "%s %s:\n%s", k->path, what, buf_str(&b));
	buf_release(&b);
	return r;
}
