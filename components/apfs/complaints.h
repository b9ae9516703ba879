/* SPDX-License-Identifier: MIT */
/* Lines of the log, each said once. */
#ifndef COMPONENTS_APFS_COMPLAINTS_H
#define COMPONENTS_APFS_COMPLAINTS_H

#include <stddef.h>
#include <stdint.h>

#define COMPLAINTS_MAX	 2048 /* different ones; then one more that says so */
#define COMPLAINTS_SLOTS 4096

/* Zero-initialise, set log, ctx and device. Holds no resources. */
struct complaints {
	void (*log)(void *ctx, const char *line); /* may be NULL */
	void *ctx;
	char device[32];
	size_t n;
	uint64_t seen[COMPLAINTS_SLOTS]; /* hashes of keys; 0: free */
};

/* Log "<device> <text>" unless something with the same @key was logged before. */
void complain(struct complaints *c, const char *key, const char *text);

#endif
