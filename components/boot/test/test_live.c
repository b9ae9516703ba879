/* SPDX-License-Identifier: MIT */
/*
 * Sealed volumes in a session: which snapshot is the root, what snapshots there will be,
 * and what is on the disk after the end of it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "components/boot/copy_upper.h"
#include "components/boot/live.h"
#include "components/boot/pending.h"
#include "components/boot/root_snapshot.h"
#include "sim/base/fsio.h"
#include "sim/base/test.h"
#include "sim/formats/apfs/test/edit_case.h"

#define NEEDS_ROOT()                                                                     \
	do {                                                                             \
		if (geteuid() != 0)                                                      \
			TEST_SKIP("device nodes and trusted attributes need root");      \
	} while (0)

static struct err e;

static const char *tmp(const char *name)
{
	static char path[4][256];
	static unsigned next;
	char *p = path[next++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", test_tmpdir(), name);
	return p;
}

/* ---- the root ---- */

static void roots_from_the_tagged_or_the_sealed(void)
{
	static const struct apfs_snapshot list[] = {
	    {.xid = 5, .name = "com.apple.os.update-AA"},
	    {.xid = 9, .name = "com.apple.bless.BB"},
	};

	CU_ASSERT_PTR_EQUAL(root_snapshot(list, 2, 0, "com.apple.os.update-AA"),
			    &list[0]);
	CU_ASSERT_PTR_EQUAL(root_snapshot(list, 2, 9, "com.apple.os.update-AA"),
			    &list[1]);
	/* A tag that leads nowhere is not replaced by the sealed one. */
	CU_ASSERT_PTR_NULL(root_snapshot(list, 2, 7, "com.apple.os.update-AA"));
	CU_ASSERT_PTR_NULL(root_snapshot(list, 2, 0, "com.apple.os.update-CC"));
	CU_ASSERT_PTR_NULL(root_snapshot(list, 2, 0, ""));
	CU_ASSERT_PTR_NULL(root_snapshot(NULL, 0, 0, "x"));
}

/* ---- copies of the upper layer ---- */

static void put(const char *dir, const char *name, const char *text)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	ASSERT_OK(fsio_write_atomic(path, text, strlen(text), 0640, &e), &e);
}

static struct stat stat_in(const char *dir, const char *name)
{
	char path[512];
	struct stat st = {.st_mode = 0};

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	CU_ASSERT_EQUAL(lstat(path, &st), 0);
	return st;
}

static void make_upper(const char *dir)
{
	char a[512], b[512];

	snprintf(a, sizeof(a), "%s/sub", dir);
	ASSERT_OK(fsio_mkdirs(a, 0711, &e), &e);
	CU_ASSERT_EQUAL(lsetxattr(a, "trusted.overlay.opaque", "y", 1, 0), 0);
	put(dir, "sub/file", "content");
	snprintf(a, sizeof(a), "%s/sub/file", dir);
	snprintf(b, sizeof(b), "%s/sub/second", dir);
	CU_ASSERT_EQUAL(link(a, b), 0);
	CU_ASSERT_EQUAL(lchown(a, 501, 20), 0);
	CU_ASSERT_EQUAL(lsetxattr(a, "user.x", "1234", 4, 0), 0);
	snprintf(a, sizeof(a), "%s/gone", dir);
	CU_ASSERT_EQUAL(mknod(a, S_IFCHR, makedev(0, 0)), 0);
	snprintf(a, sizeof(a), "%s/link", dir);
	CU_ASSERT_EQUAL(symlink("nowhere", a), 0);
}

static void copies_an_upper_layer_as_it_is(void)
{
	const char *from = tmp("upper-a"), *to = tmp("upper-b");
	struct stat file, sub, old_sub;
	char value[16], path[512];

	NEEDS_ROOT();
	make_upper(from);
	ASSERT_OK(copy_upper(from, to, &e), &e);
	file = stat_in(to, "sub/file");
	sub = stat_in(to, "sub");
	old_sub = stat_in(from, "sub");
	CU_ASSERT(file.st_uid == 501 && file.st_gid == 20 && file.st_size == 7);
	CU_ASSERT_EQUAL(file.st_mode & 07777, 0640);
	CU_ASSERT_EQUAL(file.st_nlink, 2);
	CU_ASSERT_EQUAL(file.st_ino, stat_in(to, "sub/second").st_ino);
	CU_ASSERT_EQUAL(sub.st_mtim.tv_nsec, old_sub.st_mtim.tv_nsec);
	CU_ASSERT(S_ISCHR(stat_in(to, "gone").st_mode) && !stat_in(to, "gone").st_rdev);
	CU_ASSERT(S_ISLNK(stat_in(to, "link").st_mode));
	snprintf(path, sizeof(path), "%s/sub", to);
	CU_ASSERT_EQUAL(lgetxattr(path, "trusted.overlay.opaque", value, 16), 1);
	snprintf(path, sizeof(path), "%s/sub/file", to);
	CU_ASSERT_EQUAL(lgetxattr(path, "user.x", value, 16), 4);
	ASSERT_FAILS(copy_upper(tmp("missing"), tmp("upper-c"), &e), E_NOTFOUND);
	err_clear(&e);
}

static void sees_each_change_of_an_upper_layer(void)
{
	const char *dir = tmp("upper-n");
	struct timespec before, after;

	ASSERT_OK(fsio_mkdirs(dir, 0755, &e), &e);
	put(dir, "file", "one");
	ASSERT_OK(newest_upper(dir, &before, &e), &e);
	ASSERT_OK(newest_upper(dir, &after, &e), &e);
	CU_ASSERT(!memcmp(&before, &after, sizeof(before)));
	usleep(20000);
	CU_ASSERT_EQUAL(unlink(tmp("upper-n/file")), 0);
	ASSERT_OK(newest_upper(dir, &after, &e), &e);
	CU_ASSERT(memcmp(&before, &after, sizeof(before)) != 0);
}

/* ---- a session ---- */

struct session {
	struct image im;
	struct volumes vs;
	struct live live;
	struct live_volume *lv;
};

static void begin(struct session *s, const char *file)
{
	edit_case_init(&s->im, file, true);
	ASSERT_OK(volumes_read(&s->vs, s->im.path, machine_by_name("intel"), &e), &e);
	s->live = (struct live){.may_write = true};
	ASSERT_OK(live_read(&s->live, &s->vs, &e), &e);
	volumes_close_disk(&s->vs);
	CU_ASSERT_EQUAL_FATAL(s->live.n, 1);
	s->lv = &s->live.volume[0];
}

/* What an overlay would hold. */
static void begin_changes(struct session *s, const char *memory)
{
	char upper[80];

	snprintf(s->lv->overlay.memory, sizeof(s->lv->overlay.memory), "%s", tmp(memory));
	ASSERT_OK(fsio_mkdirs(overlay_upper(&s->lv->overlay, upper), 0755, &e), &e);
}

static void change(struct session *s, const char *name, const char *text)
{
	char upper[80];

	usleep(20000);
	put(overlay_upper(&s->lv->overlay, upper), name, text);
}

static void end(struct session *s)
{
	s->lv->overlay.memory[0] = '\0';
	live_release(&s->live);
	volumes_release(&s->vs);
	image_release(&s->im);
}

/* The file @path of a state, or "" when it is not there. */
static const char *content(const struct session *s, const char *snapshot, const char *path)
{
	static struct buf text = BUF_INIT;
	struct apfs_volume *v;
	struct apfs *c;

	buf_clear(&text);
	ASSERT_OK(apfs_open_path(s->im.path, &c, &e), &e);
	ASSERT_OK(apfs_volume_open(c, EDIT_SYSTEM, snapshot, &v, &e), &e);
	if (apfs_read_path(v, path, 100, &text, &e))
		err_clear(&e);
	apfs_volume_close(v);
	apfs_close(c);
	return buf_str(&text);
}

/* What the next session finds. */
static void reopen(struct session *s)
{
	live_release(&s->live);
	volumes_release(&s->vs);
	ASSERT_OK(volumes_read(&s->vs, s->im.path, machine_by_name("intel"), &e), &e);
	ASSERT_OK(live_read(&s->live, &s->vs, &e), &e);
	volumes_close_disk(&s->vs);
	s->lv = &s->live.volume[0];
}

static void nothing_is_pending_at_first(void)
{
	static struct session s;

	begin(&s, "nothing.img");
	CU_ASSERT_FALSE(pending_any(&s.live));
	CU_ASSERT_EQUAL(s.lv->n_snapshots, 1);
	CU_ASSERT_STRING_EQUAL(s.lv->snapshot[0].name, "first");
	CU_ASSERT_EQUAL(s.lv->snapshot[0].seal, LIVE_SEALED);
	CU_ASSERT_EQUAL(strlen(s.lv->snapshot[0].uuid), 36);
	CU_ASSERT_EQUAL(live_seal(s.lv), LIVE_SEALED);
	end(&s);
}

static void refuses_names(void)
{
	static struct session s;
	char long_name[APFS_SNAPSHOT_NAME_MAX + 1];

	begin(&s, "names.img");
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	ASSERT_FAILS(live_create(s.lv, "first", &e), E_EXISTS);
	ASSERT_FAILS(live_create(s.lv, "", &e), E_INVAL);
	ASSERT_FAILS(live_create(s.lv, long_name, &e), E_INVAL);
	ASSERT_FAILS(live_delete(s.lv, "second", &e), E_NOTFOUND);
	ASSERT_FAILS(live_tag_root(s.lv, "second", &e), E_NOTFOUND);
	ASSERT_FAILS(live_revert(s.lv, "second", &e), E_NOTFOUND);
	CU_ASSERT_FALSE(pending_any(&s.live));
	err_clear(&e);
	end(&s);
}

static void a_tagged_snapshot_stays(void)
{
	static struct session s;

	begin(&s, "tag.img");
	ASSERT_OK(live_tag_root(s.lv, "first", &e), &e);
	CU_ASSERT_EQUAL(s.lv->root_xid, s.lv->snapshot[0].xid);
	ASSERT_FAILS(live_delete(s.lv, "first", &e), E_PERM);
	CU_ASSERT_EQUAL(s.lv->n_snapshots, 1);
	CU_ASSERT_EQUAL(s.lv->n_ops, 1);
	err_clear(&e);
	ASSERT_OK(live_tag_root(s.lv, "", &e), &e);
	ASSERT_OK(live_delete(s.lv, "first", &e), &e);
	CU_ASSERT_EQUAL(s.lv->n_snapshots, 0);
	ASSERT_OK(pending_write(&s.live, s.im.path, EDIT_TIME, &e), &e);
	reopen(&s);
	CU_ASSERT_EQUAL(s.lv->n_snapshots, 0);
	CU_ASSERT_EQUAL(s.lv->root_xid, 0);
	end(&s);
}

/* bless --create-snapshot of a changed system: it is broken, the old one is not. */
static void a_changed_system_is_written_with_its_snapshot(void)
{
	static struct session s;

	NEEDS_ROOT();
	begin(&s, "changed.img");
	begin_changes(&s, "mem1");
	CU_ASSERT_FALSE(pending_any(&s.live));
	change(&s, "new-file", "hello");
	CU_ASSERT_EQUAL(live_seal(s.lv), LIVE_BROKEN);
	ASSERT_OK(live_create(s.lv, "blessed", &e), &e);
	ASSERT_OK(live_tag_root(s.lv, "blessed", &e), &e);
	CU_ASSERT_FALSE(live_has_unsaved(s.lv));
	CU_ASSERT(s.lv->snapshot[1].pending && s.lv->snapshot[1].seal == LIVE_BROKEN);
	/* What comes after the snapshot is in the live state alone. */
	change(&s, "later", "more");
	CU_ASSERT_TRUE(live_has_unsaved(s.lv));
	ASSERT_OK(pending_write(&s.live, s.im.path, EDIT_TIME, &e), &e);
	CU_ASSERT_STRING_EQUAL(content(&s, "first", "/new-file"), "");
	CU_ASSERT_STRING_EQUAL(content(&s, "blessed", "/new-file"), "hello");
	CU_ASSERT_STRING_EQUAL(content(&s, "blessed", "/later"), "");
	CU_ASSERT_STRING_EQUAL(content(&s, NULL, "/later"), "more");
	CU_ASSERT_STRING_EQUAL(content(&s, NULL, "/which"), "0");
	CU_ASSERT_TRUE(edit_accepted(s.im.path, EDIT_UNKNOWN));
	reopen(&s);
	CU_ASSERT_EQUAL(s.lv->n_snapshots, 2);
	CU_ASSERT_EQUAL(s.lv->snapshot[0].seal, LIVE_SEALED);
	CU_ASSERT_EQUAL(s.lv->snapshot[1].seal, LIVE_BROKEN);
	CU_ASSERT_EQUAL(s.lv->root_xid, s.lv->snapshot[1].xid);
	CU_ASSERT_EQUAL(s.lv->seal, LIVE_BROKEN);
	end(&s);
}

/* Two snapshots of different states in one session; a deletion between them. */
static void states_are_kept_apart(void)
{
	static struct session s;
	char path[160], upper[80];

	NEEDS_ROOT();
	begin(&s, "apart.img");
	begin_changes(&s, "mem2");
	change(&s, "only-in-one", "1");
	ASSERT_OK(live_create(s.lv, "one", &e), &e);
	ASSERT_OK(live_create(s.lv, "one again", &e), &e);
	CU_ASSERT_STRING_EQUAL(s.lv->op[1].upper, "");
	usleep(20000);
	snprintf(path, sizeof(path), "%s/only-in-one",
		 overlay_upper(&s.lv->overlay, upper));
	CU_ASSERT_EQUAL(unlink(path), 0);
	change(&s, "only-in-two", "2");
	ASSERT_OK(live_create(s.lv, "two", &e), &e);
	ASSERT_OK(pending_write(&s.live, s.im.path, EDIT_TIME, &e), &e);
	CU_ASSERT_STRING_EQUAL(content(&s, "one", "/only-in-one"), "1");
	CU_ASSERT_STRING_EQUAL(content(&s, "one again", "/only-in-one"), "1");
	CU_ASSERT_STRING_EQUAL(content(&s, "two", "/only-in-one"), "");
	CU_ASSERT_STRING_EQUAL(content(&s, "two", "/only-in-two"), "2");
	CU_ASSERT_STRING_EQUAL(content(&s, NULL, "/only-in-two"), "2");
	end(&s);
}

static void a_reverted_system_is_sealed_again(void)
{
	static struct session s;

	NEEDS_ROOT();
	begin(&s, "revert.img");
	begin_changes(&s, "mem3");
	change(&s, "new-file", "hello");
	ASSERT_OK(live_create(s.lv, "blessed", &e), &e);
	ASSERT_OK(live_tag_root(s.lv, "blessed", &e), &e);
	ASSERT_OK(pending_write(&s.live, s.im.path, EDIT_TIME, &e), &e);
	s.lv->overlay.memory[0] = '\0';
	reopen(&s);
	ASSERT_OK(live_tag_root(s.lv, "", &e), &e);
	ASSERT_OK(live_revert(s.lv, "first", &e), &e);
	CU_ASSERT_EQUAL(live_seal(s.lv), LIVE_SEALED);
	CU_ASSERT_EQUAL(s.lv->n_snapshots, 1);
	ASSERT_OK(pending_write(&s.live, s.im.path, EDIT_TIME, &e), &e);
	reopen(&s);
	CU_ASSERT_EQUAL(s.lv->seal, LIVE_SEALED);
	CU_ASSERT_EQUAL(s.lv->n_snapshots, 1);
	CU_ASSERT_STRING_EQUAL(content(&s, NULL, "/new-file"), "");
	end(&s);
}

/* A volume may be reverted as soon as nobody sees its live state any more. */
static void a_live_state_is_reverted_when_it_is_unmounted(void)
{
	static struct session s;

	NEEDS_ROOT();
	begin(&s, "unmounted.img");
	begin_changes(&s, "mem4");
	change(&s, "before", "1");
	ASSERT_OK(live_create(s.lv, "blessed", &e), &e);
	ASSERT_OK(live_tag_root(s.lv, "blessed", &e), &e);
	change(&s, "lost", "2");
	strcpy(s.lv->v->carrier_dir, "/nowhere");
	strcpy(s.lv->v->mount_point, "/Volumes/mnt");
	ASSERT_FAILS(live_revert(s.lv, "first", &e), E_BUSY);
	s.lv->v->mount_point[0] = '\0';
	ASSERT_FAILS(live_revert(s.lv, "blessed", &e), E_BUSY); /* not on the disk yet */
	err_clear(&e);
	CU_ASSERT_EQUAL(live_seal(s.lv), LIVE_BROKEN);
	ASSERT_OK(live_revert(s.lv, "first", &e), &e);
	CU_ASSERT_STRING_EQUAL(s.lv->v->carrier_dir, "");
	CU_ASSERT_STRING_EQUAL(s.lv->below, "first");
	CU_ASSERT_EQUAL(live_seal(s.lv), LIVE_SEALED);
	CU_ASSERT_FALSE(live_has_unsaved(s.lv));
	/* What is changed now is a change of the snapshot. */
	begin_changes(&s, "mem5");
	change(&s, "after", "3");
	CU_ASSERT_EQUAL(live_seal(s.lv), LIVE_BROKEN);
	ASSERT_OK(live_create(s.lv, "second", &e), &e);
	ASSERT_OK(pending_write(&s.live, s.im.path, EDIT_TIME, &e), &e);
	CU_ASSERT_STRING_EQUAL(content(&s, "second", "/after"), "3");
	CU_ASSERT_STRING_EQUAL(content(&s, "second", "/before"), "");
	CU_ASSERT_STRING_EQUAL(content(&s, NULL, "/lost"), "");
	CU_ASSERT_TRUE(edit_accepted(s.im.path, EDIT_UNKNOWN));
	s.lv->overlay.memory[0] = '\0';
	reopen(&s);
	CU_ASSERT_EQUAL(s.lv->n_snapshots, 2);
	CU_ASSERT_STRING_EQUAL(s.lv->snapshot[1].name, "second");
	CU_ASSERT_EQUAL(s.lv->root_xid, 0);
	end(&s);
}

/* What fails at its end leaves nothing of its beginning. */
static void all_is_written_or_nothing(void)
{
	static struct session s;

	NEEDS_ROOT();
	begin(&s, "atomic.img");
	begin_changes(&s, "mem6");
	change(&s, "new-file", "hello");
	ASSERT_OK(live_create(s.lv, "blessed", &e), &e);
	ASSERT_OK(live_tag_root(s.lv, "blessed", &e), &e);
	ASSERT_OK(live_create(s.lv, "another", &e), &e);
	ASSERT_OK(live_delete(s.lv, "another", &e), &e);
	strcpy(s.lv->op[3].name, "of another volume");
	ASSERT_FAILS(pending_write(&s.live, s.im.path, EDIT_TIME, &e), E_NOTFOUND);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, s.lv->v->device));
	err_clear(&e);
	CU_ASSERT_STRING_EQUAL(content(&s, NULL, "/new-file"), "");
	s.lv->overlay.memory[0] = '\0';
	reopen(&s);
	CU_ASSERT_EQUAL(s.lv->n_snapshots, 1);
	CU_ASSERT_EQUAL(s.lv->root_xid, 0);
	CU_ASSERT_EQUAL(s.lv->seal, LIVE_SEALED);
	end(&s);
}

TEST_MAIN("live",
	  {"roots from the tagged snapshot, else from the sealed one",
	   roots_from_the_tagged_or_the_sealed},
	  {"copies an upper layer as it is", copies_an_upper_layer_as_it_is},
	  {"sees each change of an upper layer", sees_each_change_of_an_upper_layer},
	  {"nothing is pending at first", nothing_is_pending_at_first},
	  {"refuses names", refuses_names},
	  {"a tagged snapshot stays", a_tagged_snapshot_stays},
	  {"a changed system is written with its snapshot",
	   a_changed_system_is_written_with_its_snapshot},
	  {"states are kept apart", states_are_kept_apart},
	  {"a reverted system is sealed again", a_reverted_system_is_sealed_again},
	  {"a live state is reverted when it is unmounted",
	   a_live_state_is_reverted_when_it_is_unmounted},
	  {"all is written or nothing", all_is_written_or_nothing})
