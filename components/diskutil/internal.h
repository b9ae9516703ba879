/* SPDX-License-Identifier: MIT */
/* Parts of diskutil: a command line while it is carried out. */
#ifndef COMPONENTS_DISKUTIL_INTERNAL_H
#define COMPONENTS_DISKUTIL_INTERNAL_H

#include "components/common/tool_end.h"
#include "components/common/volume_list.h"
#include "components/diskutil/diskutil.h"

struct diskutil_session {
	const struct diskutil_paths *paths;
	const char *input;
	struct buf *out;
	struct tool_end end;
	struct volume_list list;
};

/* NULL after a message. */
const struct volume_entry *diskutil_find(struct diskutil_session *s, const char *what,
					 int *ret, struct err *e);

/* Commands; @argv is what stands behind the verb. */
int diskutil_list(struct diskutil_session *s, int argc, char **argv, struct err *e);
int diskutil_apfs_list(struct diskutil_session *s, int argc, char **argv, struct err *e);
int diskutil_list_snapshots(struct diskutil_session *s, int argc, char **argv,
			    struct err *e);
int diskutil_delete_snapshot(struct diskutil_session *s, int argc, char **argv,
			     struct err *e);

#endif
