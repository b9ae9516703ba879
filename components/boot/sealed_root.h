/* SPDX-License-Identifier: MIT */
/*
 * A state of a volume, served on a folder of the carrier by CARRIER_APFS
 * (components/apfs), a process of its own that checks all it hands out against the seal.
 *
 * Files have their APFS inode numbers. What the server's death means is the caller's
 * affair: for the Mac's root it is as if the kernel had died.
 */
#ifndef COMPONENTS_BOOT_SEALED_ROOT_H
#define COMPONENTS_BOOT_SEALED_ROOT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sim/base/err.h"

struct sealed_root {
	pid_t pid; /* 0: none */
	int fd;	   /* poll for POLLIN, then call sealed_root_hear; -1: none */
	char dir[64];
	void (*log)(void *ctx, const char *line);
	void *ctx;
};

#define SEALED_ROOT_INIT                                                                 \
	{                                                                                \
		.fd = -1                                                                 \
	}

struct sealed_root_options {
	const char *disk; /* "/dev/vda": a GPT, or a bare container */
	unsigned slot;
	const char *snapshot; /* by name; NULL: the live state */
	/*
	 * 32 bytes: what the root hash has to be. NULL: what the volume itself says, if
	 * it is sealed.
	 */
	const uint8_t *root_hash;
	bool no_verify;	  /* hand out what a sealed volume has without looking */
	const char *name; /* "disk3s1", for the log */
	const char *dir;  /* where; must exist */
	/* A line of the Mac's kernel, sender apfs. From sealed_root_start and _hear. */
	void (*log)(void *ctx, const char *line);
	void *ctx;
};

/*
 * Start the server and wait until it serves. The errors are its own: E_BADHASH when the
 * root hash is not right or the seal broken, E_INVAL when the state is not sealed and
 * there is a root hash, E_NOTFOUND without such a snapshot; E_INFRA; E_TIMEOUT.
 */
int sealed_root_start(const struct sealed_root_options *o, struct sealed_root *ret,
		      struct err *e) MUST_CHECK;

/* Take in what the server says, without waiting. E_INFRA when it has died. */
int sealed_root_hear(struct sealed_root *s, struct err *e) MUST_CHECK;

/*
 * Unmount it and wait for the server's end. E_BUSY when it is in use; it goes on then.
 * Nothing when it was not started.
 */
int sealed_root_stop(struct sealed_root *s, struct err *e) MUST_CHECK;

#endif
