/* SPDX-License-Identifier: MIT */
/*
 * What manifests call "gen:": parts of a volume that are made, not copied.
 */
#ifndef IMAGES_GENERATE_H
#define IMAGES_GENERATE_H

#include "images/kernels.h"
#include "images/scratch.h"
#include "sim/formats/fstree/fstree.h"

struct generator {
	const struct image_env *env;
	const struct disk_spec *spec;
	char guest_dir[IMAGE_PATH_MAX]; /* build/guest */
	struct scratch scratch;
	const struct own_system *own; /* NULL: stand-ins */
	struct own_system own_system;
	uint64_t extensions_room; /* bytes that those of @own may have */
	struct disk_kernels kernels;
	bool for_recovery;              /* the manifest at hand is Recovery's */
};

/* Makes the kernels. Release with generator_release, also after an error. */
int generator_init(struct generator *g, const struct image_env *env,
		   const struct disk_spec *spec, struct err *e) MUST_CHECK;
void generator_release(struct generator *g);

/* The callback of struct manifest_env; @ctx is a struct generator. */
int generate(void *ctx, const char *what, struct fs_tree *t, const char *path, uint32_t mode,
	     struct err *e) MUST_CHECK;

#endif
