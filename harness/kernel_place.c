/* SPDX-License-Identifier: MIT */
#include "harness/kernel_place.h"

#include <stdio.h>
#include <string.h>

#include "sim/platform/paths.h"

#define PREBOOT	     "/System/Volumes/Preboot"
#define NSIH_DIGITS  96u
#define INTEL_KC     "/System/Library/KernelCollections/BootKernelExtensions.kc"
#define SILICON_KC   "/System/Library/Caches/com.apple.kernelcaches/kernelcache"

static int join(char out[static MACFS_PATH_MAX], const char *a, const char *b,
		const char *c, const char *d, struct err *e)
{
	int n = snprintf(out, MACFS_PATH_MAX, "%s%s%s%s", a, b, c, d);

	return n < MACFS_PATH_MAX ? 0 : err_set(e, E_OVERFLOW, "path too long");
}

/* boot/active names the folder of the objects that iBoot takes. */
static int active_folder(struct macfs *fs, const char *group, char hash[NSIH_DIGITS + 1],
			 struct err *e)
{
	char path[MACFS_PATH_MAX];
	struct buf b = BUF_INIT;
	const char *text;
	size_t n;
	int r = join(path, PREBOOT "/", group, "/boot/active", "", e);

	if (!r)
		r = macfs_read(fs, path, 4096, &b, e);
	text = buf_str(&b);
	n = strspn(text, "0123456789abcdefABCDEF");
	if (!r && n != NSIH_DIGITS)
		r = err_set(e, E_CORRUPT, "%s names no folder", path);
	if (!r) {
		memcpy(hash, text, n);
		hash[n] = 0;
	}
	buf_release(&b);
	return r;
}

static int collection_place(struct macfs *fs, const struct machine_model *machine,
			    const char *group, char out[static MACFS_PATH_MAX],
			    struct err *e)
{
	char hash[NSIH_DIGITS + 1], folder[MACFS_PATH_MAX];
	int r;

	if (!group[0])
		return err_set(e, E_NOTFOUND, "no volume group");
	if (!machine->apple_silicon)
		return join(out, PREBOOT "/", group, "/boot", INTEL_KC, e);
	r = active_folder(fs, group, hash, e);
	if (r)
		return r;
	r = join(folder, group, "/boot/", hash, "", e);
	return r ? r : join(out, PREBOOT "/", folder, SILICON_KC, "", e);
}

int kernel_place(struct macfs *fs, const struct release *release,
		 const struct machine_model *machine, const char *group,
		 enum kernel_which which, char out[static MACFS_PATH_MAX], struct err *e)
{
	if (which == KERNEL_SYSTEM && release->kernel_collections)
		return collection_place(fs, machine, group, out, e);
	if (which == KERNEL_STAGED && !release->staged_kernel)
		return err_set(e, E_NOTFOUND, "macOS %s stages no kernel", release->name);
	return join(out, which == KERNEL_SYSTEM ? PATH_SYSTEM_PLK : PATH_STAGED_PLK, "", "",
		    "", e);
}
