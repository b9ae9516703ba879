/* SPDX-License-Identifier: MIT */
/* Containers for the reader's tests, from our writer. */
#ifndef SIM_FORMATS_APFS_TEST_MAKE_IMAGE_H
#define SIM_FORMATS_APFS_TEST_MAKE_IMAGE_H

#include "sim/base/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/formats/apfs/writer.h"

#define TEST_TIME 1570449600000000000 /* 2019-10-07T12:00:00Z */
#define TEST_CONTAINER (600ull << 20)

/* A path in the test's folder. Do not free. */
static inline char *in_tmp(const char *name)
{
	static char path[4][4096];
	static unsigned turn;
	char *p = path[turn++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", test_tmpdir(), name);
	return p;
}

/* Write @tree as the only volume, called "Macintosh HD" of the role System, to @path. */
static inline void make_image(const char *path, struct fs_tree *tree, bool sensitive)
{
	struct apfs_volume_spec volume = {
		.name = "Macintosh HD",
		.role = APFS_ROLE_SYSTEM,
		.uuid = {0xaa, 1},
		.case_sensitive = sensitive,
		.tree = tree,
	};
	struct apfs_container_spec spec = {
		.size = TEST_CONTAINER,
		.uuid = {0xcc, 2},
		.time_ns = TEST_TIME,
		.volumes = &volume,
		.n_volumes = 1,
	};
	struct err e = ERR_INIT;
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CU_ASSERT_FATAL(fd >= 0);
	ASSERT_OK(apfs_write(fd, 0, &spec, &e), &e);
	CU_ASSERT_EQUAL(close(fd), 0);
}

#endif
