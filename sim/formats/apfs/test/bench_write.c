/* SPDX-License-Identifier: MIT */
/*
 * bench-apfs-write [sealed] FOLDER IMAGE [MIB]: write a container with one volume that
 * holds FOLDER, sealed and with a snapshot if that is asked for, and print
 * "<files> files, <bytes> bytes, <seconds> s". For ci/bench.sh, which sets it against
 * mkfs.ext4 -d of the same folder, and against openssl speed.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sim/formats/apfs/writer.h"

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int write_image(const char *folder, int fd, uint64_t size, bool sealed,
		       struct fs_tree *tree, struct err *e)
{
	const struct apfs_volume_spec volume = {
		.name = "Bench",
		.case_sensitive = true,
		.tree = tree,
		.sealed = sealed,
		.snapshot = sealed ? APFS_SNAPSHOT_OF_ROOT_HASH : NULL,
	};
	const struct apfs_container_spec spec = {
		.size = size, .volumes = &volume, .n_volumes = 1};
	int rc = fs_tree_init(tree, 0, e);

	if (rc == 0)
		rc = fs_tree_import(tree, "/", folder, e);
	return rc != 0 ? rc : apfs_write(fd, 0, &spec, e);
}

static void report(const struct fs_tree *tree, double seconds)
{
	unsigned long long files = 0, bytes = 0;

	for (const struct fs_node *n = tree->root; n; n = fs_tree_next(tree, n)) {
		files++;
		if (S_ISREG(n->mode) && !n->link)
			bytes += n->size;
	}
	printf("%llu files, %llu bytes, %.3f s\n", files, bytes, seconds);
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct fs_tree tree;
	const bool sealed = argc > 1 && strcmp(argv[1], "sealed") == 0;

	argc -= sealed;
	argv += sealed;
	if (argc < 3 || argc > 4) {
		fprintf(stderr, "usage: bench-apfs-write [sealed] FOLDER IMAGE [MIB]\n");
		return 2;
	}
	int fd = open(argv[2], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0) {
		perror(argv[2]);
		return 3;
	}
	double start = now();
	uint64_t mib = argc == 4 ? strtoull(argv[3], NULL, 10) : 3072;
	int rc = write_image(argv[1], fd, mib << 20, sealed, &tree, &e);

	if (rc == 0)
		report(&tree, now() - start);
	else
		fprintf(stderr, "%s\n", e.msg);
	fs_tree_release(&tree);
	close(fd);
	return rc == 0 ? 0 : 3;
}
