/* SPDX-License-Identifier: MIT */
/*
 * Transactions as a program, for scripts and to try them on containers of other origin:
 *
 *	apfs-edit IMAGE OPERATION...
 *
 * All operations are one transaction. Each is a word and what it needs, VOLUME as
 * apfs_volume_find takes it:
 *
 *	snapshot VOLUME NAME      delete VOLUME NAME      revert VOLUME NAME
 *	root VOLUME NAME          unroot VOLUME
 *	break VOLUME              mend VOLUME
 *	seal VOLUME               unseal VOLUME           rewrite VOLUME
 *
 * The last three replace the content of the volume by what it is.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sim/formats/apfs/edit.h"

#define CONTENT_MAX (1u << 30) /* bytes held in memory */

static int replace(struct apfs_edit *ed, unsigned slot, enum apfs_edit_seal mode,
		   struct err *e)
{
	struct apfs_volume *v;
	struct fs_tree t;
	int rc = apfs_volume_open(apfs_edit_container(ed), slot, NULL, &v, e);

	if (rc != 0)
		return rc;
	rc = fs_tree_init(&t, 0, e);
	if (rc == 0)
		rc = apfs_edit_tree_from_volume(v, CONTENT_MAX, &t, e);
	if (rc == 0)
		rc = apfs_edit_replace_tree(ed, slot, &t, mode, NULL, e);
	fs_tree_release(&t);
	apfs_volume_close(v);
	return rc;
}

static int seal(struct apfs_edit *ed, unsigned slot, const char *name, struct err *e)
{
	(void)name;
	return replace(ed, slot, APFS_EDIT_SEALED, e);
}

static int unseal(struct apfs_edit *ed, unsigned slot, const char *name, struct err *e)
{
	(void)name;
	return replace(ed, slot, APFS_EDIT_UNSEALED, e);
}

static int rewrite(struct apfs_edit *ed, unsigned slot, const char *name, struct err *e)
{
	struct apfs_volume_info info;
	int rc = apfs_volume_get_info(apfs_edit_container(ed), slot, &info, e);

	(void)name;
	return rc != 0 ? rc
		       : replace(ed, slot,
				 info.sealed ? APFS_EDIT_BROKEN : APFS_EDIT_UNSEALED, e);
}

static int unroot(struct apfs_edit *ed, unsigned slot, const char *name, struct err *e)
{
	(void)name;
	return apfs_edit_set_root(ed, slot, NULL, e);
}

static int break_seal(struct apfs_edit *ed, unsigned slot, const char *name,
		      struct err *e)
{
	(void)name;
	return apfs_edit_break_seal(ed, slot, e);
}

static int mend_seal(struct apfs_edit *ed, unsigned slot, const char *name, struct err *e)
{
	(void)name;
	return apfs_edit_unbreak(ed, slot, e);
}

static const struct {
	const char *word;
	bool named;
	int (*run)(struct apfs_edit *ed, unsigned slot, const char *name, struct err *e);
} operations[] = {
	{"snapshot", true, apfs_edit_snapshot_create},
	{"delete", true, apfs_edit_snapshot_delete},
	{"revert", true, apfs_edit_revert},
	{"root", true, apfs_edit_set_root},
	{"unroot", false, unroot},
	{"break", false, break_seal},
	{"mend", false, mend_seal},
	{"seal", false, seal},
	{"unseal", false, unseal},
	{"rewrite", false, rewrite},
};

/* One operation from @argv; how many words it was, or a negative error. */
static int operate(struct apfs_edit *ed, int argc, char **argv, struct err *e)
{
	const size_t n = sizeof(operations) / sizeof(operations[0]);
	unsigned slot = 0;
	size_t i = 0;
	int words, rc;

	while (i < n && strcmp(operations[i].word, argv[0]) != 0)
		i++;
	words = i < n && operations[i].named ? 3 : 2;
	if (i == n || argc < words)
		return err_set(e, E_INVAL, "what is to be done: '%s'?", argv[0]);
	rc = apfs_volume_find(apfs_edit_container(ed), argv[1], &slot, e);
	if (rc == 0)
		rc = operations[i].run(ed, slot, words == 3 ? argv[2] : NULL, e);
	return rc != 0 ? rc : words;
}

int main(int argc, char **argv)
{
	struct apfs_edit *ed = NULL;
	struct err e = ERR_INIT;
	int rc;

	if (argc < 3) {
		fprintf(stderr, "usage: apfs-edit IMAGE OPERATION...\n");
		return 2;
	}
	rc = apfs_edit_begin_path(argv[1], (int64_t)time(NULL) * 1000000000, &ed, &e);
	for (int at = 2; rc >= 0 && at < argc; at += rc)
		rc = operate(ed, argc - at, argv + at, &e);
	if (rc < 0)
		apfs_edit_abort(ed);
	else
		rc = apfs_edit_commit(ed, &e);
	if (rc < 0)
		fprintf(stderr, "apfs-edit: %s\n", e.msg);
	return rc < 0;
}
