/* SPDX-License-Identifier: MIT */
/* mount(8)'s list and exit statuses. */
#include <errno.h>
#include <string.h>

#include "components/mount/mount_tool.h"
#include "sim/base/test.h"

static char device[][8] = {"disk1s1", "disk1s2", "disk1s4", "disk1s5", "disk1s6"};
static char points[][24] = {"/System/Volumes/Data", "", "/private/var/vm", "/",
			    "/Volumes/X"};
static bool root_is_read_only;

static bool read_only(const char *path)
{
	return !strcmp(path, "/") && root_is_read_only;
}

static void list_is(const char *want)
{
	struct volume_list l = {.n = 5};
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < l.n; i++) {
		l.v[i].device = device[i];
		l.v[i].mount_point = points[i];
		l.v[i].read_only = true; /* of no importance: what counts is now */
	}
	ASSERT_OK(mount_list_text(&l, read_only, &out, &e), &e);
	CU_ASSERT_STRING_EQUAL(buf_str(&out), want);
	buf_release(&out);
}

#define OTHERS                                                                           \
	"devfs on /dev (devfs, local, nobrowse)\n"                                       \
	"/dev/disk1s1 on /System/Volumes/Data (apfs, local, journaled, nobrowse)\n"      \
	"/dev/disk1s4 on /private/var/vm (apfs, local, journaled, nobrowse)\n"           \
	"/dev/disk1s6 on /Volumes/X (apfs, local, journaled)\n"

static void lists_as_a_mac(void)
{
	root_is_read_only = true;
	list_is("/dev/disk1s5 on / (apfs, local, read-only, journaled)\n" OTHERS);
	root_is_read_only = false;
	list_is("/dev/disk1s5 on / (apfs, local, journaled)\n" OTHERS);
}

static void exit_statuses(void)
{
	CU_ASSERT_EQUAL(mount_exit_status(EPERM), 77);
	CU_ASSERT_EQUAL(mount_exit_status(ENOENT), 66);
	CU_ASSERT_EQUAL(mount_exit_status(EBUSY), 75);
}

TEST_MAIN("mount", {"lists as a Mac", lists_as_a_mac}, {"exit statuses", exit_statuses})
