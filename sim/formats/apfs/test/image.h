/* SPDX-License-Identifier: MIT */
/* What the tests of the writer share: a container made of trees, and its judges. */
#ifndef SIM_FORMATS_APFS_TEST_IMAGE_H
#define SIM_FORMATS_APFS_TEST_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/err.h"
#include "sim/formats/apfs/writer.h"

#define IMAGE_MAX_VOLUMES 6

struct image {
	char path[256];
	struct fs_tree tree[IMAGE_MAX_VOLUMES];
	struct apfs_volume_spec volume[IMAGE_MAX_VOLUMES];
	struct apfs_container_spec spec;
};

/* A spec of @n volumes, case-insensitive, without roles, with empty trees. */
void image_init(struct image *im, const char *file, uint64_t size, size_t n);
/* Give back the trees; the file goes with the test's folder. */
void image_release(struct image *im);

/* Write the container at @offset of the file, which is made if need be. */
int image_write(struct image *im, uint64_t offset, struct err *e);
/* image_write at 0, which must work. */
void image_must_write(struct image *im);

/* Add files; they must be addable. */
struct fs_node *image_file(struct fs_tree *t, const char *path, const void *data, size_t len);
struct fs_node *image_text(struct fs_tree *t, const char *path, const char *text);

/*
 * Write the container with "/large", 320 MiB and a bit, nearly all of it a hole, between
 * two small files; the judges and 7-Zip must read it. It may take up @max_kib on the host.
 */
void image_large_file(struct image *im, unsigned max_kib);

bool have(const char *tool);
/* apfsck -cuw and 7zz t of the whole container find nothing wrong. */
bool judges_accept(const char *path);
/*
 * The contents as 7-Zip extracts them are those of the trees, byte for byte. The trees
 * hold no host files.
 */
bool extracts_as_written(const struct image *im);
/* The same of one folder of a container with one volume. */
bool folder_extracts_as_written(const struct image *im, const char *path);

#endif
