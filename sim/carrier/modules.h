/* SPDX-License-Identifier: MIT */
/* Which files a kernel module needs, by depmod's modules.dep. */
#ifndef SIM_CARRIER_MODULES_H
#define SIM_CARRIER_MODULES_H

#include <stddef.h>

#include "sim/base/err.h"

#define MODULES_MAX 64

/* Paths on the host in the order of loading. Zero-initialise. */
struct module_list {
	char *paths[MODULES_MAX]; /* owned */
	size_t n;
};

/*
 * Add module @name ("virtio_pci") and what it depends on to @l, each once. @dir is the
 * folder that has modules.dep. E_NOTFOUND when the kernel has no such module.
 */
int modules_add(struct module_list *l, const char *dir, const char *name, struct err *e)
	MUST_CHECK;

/* Add a module that depmod does not know. */
int modules_add_file(struct module_list *l, const char *path, struct err *e) MUST_CHECK;

void modules_release(struct module_list *l);

#endif
