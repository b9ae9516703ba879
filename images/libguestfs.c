/* SPDX-License-Identifier: MIT */
#include "images/libguestfs.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#define LIBRARY "libguestfs.so.0"

static const struct {
	const char *name;
	size_t at; /* in struct libguestfs */
} calls[] = {
#define ROW(name) {"guestfs_" #name, offsetof(struct libguestfs, name)},
	LIBGUESTFS_CALLS(ROW)
#undef ROW
};

int libguestfs_load(struct libguestfs *ret, struct err *e)
{
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL), *call;

	for (size_t i = 0; library && i < sizeof(calls) / sizeof(calls[0]); i++) {
		call = dlsym(library, calls[i].name);
		if (!call)
			return err_set(e, E_INFRA, LIBRARY " has no %s", calls[i].name);
		/* ISO C has no conversion from an object's pointer to a function's. */
		memcpy((char *)ret + calls[i].at, &call, sizeof(call));
	}
	return library ? 0 : err_set(e, E_INFRA, "libguestfs: %s", dlerror());
}
