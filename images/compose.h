/* SPDX-License-Identifier: MIT */
/* The file trees of a Mac's volumes, made from the manifests of images/trees. */
#ifndef IMAGES_COMPOSE_H
#define IMAGES_COMPOSE_H

#include "images/generate.h"
#include "images/layout.h"
#include "sim/formats/fstree/fstree.h"

struct disk_trees {
	const struct disk_layout *layout;
	struct fs_tree tree[VOLUME_MAX]; /* zero for volumes that the disk does not have */
	uint8_t uuid[VOLUME_MAX][16];    /* the group's UUID is that of Data */
	struct generator made;        /* holds files that the trees name */
};

/* @v is initialised here; release it also after an error. */
int disk_trees_compose(const struct image_env *env, const struct disk_spec *spec,
		    struct disk_trees *v, struct err *e) MUST_CHECK;
void disk_trees_release(struct disk_trees *v);

#endif
