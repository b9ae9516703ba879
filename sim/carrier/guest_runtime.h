/* SPDX-License-Identifier: MIT */
/*
 * What a dynamically linked guest program needs beside itself: its loader and its
 * libraries, found on the build host as the host's own loader would find them
 * (DT_NEEDED, then ld.so.cache, then the default folders), and laid out as on a Mac:
 * the loader is /usr/lib/dyld, every library is /usr/lib/<soname>.
 */
#ifndef SIM_CARRIER_GUEST_RUNTIME_H
#define SIM_CARRIER_GUEST_RUNTIME_H

#include <stddef.h>

#include "sim/base/err.h"

#define GUEST_LOADER  "/usr/lib/dyld"
#define GUEST_LIB_DIR "/usr/lib"

/* Called once per file, in order. Returns 0, or a negative code that ends the list. */
typedef int (*guest_runtime_fn)(void *arg, const char *guest_path, const char *host_path,
				struct err *e);

/*
 * List what @programs (@n host paths of x86-64 ELF executables) need, each file once,
 * sorted by guest path. A static program needs nothing. E_NOTFOUND when a library is
 * not on this host, E_CORRUPT or E_UNSUPPORTED for a file that is not such an ELF.
 */
int guest_runtime_list(const char *const *programs, size_t n, guest_runtime_fn fn,
		       void *arg, struct err *e) MUST_CHECK;

#endif
