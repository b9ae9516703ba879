/* SPDX-License-Identifier: MIT */
/*
 * kpi-system: the stand-in kernel of a release, and its System.kext, in a folder that is
 * laid out like a Mac's. With another version written into them: a Mac that no release is
 * of, for tests of what becomes of one.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "sim/base/fsio.h"
#include "sim/platform/kpi/kpi.h"
#include "sim/platform/paths.h"

#define SYSTEM_KEXT PATH_SYSTEM_EXTENSIONS "/System.kext"

struct job {
	const struct release *release;
	const char *folder;
	char **words; /* pairs: what is replaced by what */
	int n_words;
};

/* Of one length, so that everything stays where it is. */
static void replace(const struct job *j, struct buf *b)
{
	for (int i = 0; i + 1 < j->n_words; i += 2) {
		size_t n = strlen(j->words[i]);
		uint8_t *at = b->data;

		while ((at = memmem(at, b->len - (size_t)(at - b->data), j->words[i], n)))
			memcpy(at, j->words[i + 1], n);
	}
}

static int write_file(const struct job *j, const char *path, struct buf *b, struct err *e)
{
	char file[PATH_MAX], dir[PATH_MAX];
	int r = fsio_join(file, sizeof(file), j->folder, path + 1, e);

	if (r)
		return r;
	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(file, '/') - file), file);
	r = fsio_mkdirs(dir, 0755, e);
	replace(j, b);
	return r ? r : fsio_write_atomic(file, b->data, b->len, 0644, e);
}

static int emit(void *ctx, const char *path, const void *data, size_t len, struct err *e)
{
	const struct job *j = ctx;
	struct buf b = BUF_INIT;
	char at[PATH_MAX];
	int r = fsio_join(at, sizeof(at), SYSTEM_KEXT, path, e);

	if (!r)
		r = buf_append(&b, data, len, e);
	if (!r)
		r = write_file(j, at, &b, e);
	buf_release(&b);
	return r;
}

static int write_system(struct job *j, struct err *e)
{
	struct buf kernel = BUF_INIT;
	int r = kernel_standin_build(j->release, &kernel, e);

	if (!r)
		r = write_file(j, PATH_KERNEL, &kernel, e);
	buf_release(&kernel);
	return r ? r : kpi_system_kext(j->release, emit, j, e);
}

int main(int argc, char **argv)
{
	struct job j = {.release = argc > 2 ? release_by_name(argv[1]) : NULL};
	bool usage = !j.release || argc % 2 == 0;
	struct err e = ERR_INIT;

	for (int i = 3; i + 1 < argc && !usage; i += 2)
		usage = !argv[i][0] || strlen(argv[i]) != strlen(argv[i + 1]);
	if (usage) {
		fputs("usage: kpi-system RELEASE FOLDER [TEXT AS-LONG]...\n", stderr);
		return 2;
	}
	j.folder = argv[2];
	j.words = argv + 3;
	j.n_words = argc - 3;
	if (!write_system(&j, &e))
		return 0;
	fprintf(stderr, "kpi-system: %s\n", e.msg);
	return 1;
}
