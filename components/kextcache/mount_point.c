/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/kextcache/mount_point.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/base/fsio.h"
#include "sim/platform/paths.h"

#define MOUNTINFO_MAX (4u << 20)

/* In the Mac; on the host, where the image builder and the tests run. */
static const char *const tables[] = {XNU_PROC_DIR "/self/mountinfo", "/proc/self/mountinfo"};

struct entry {
	unsigned long long id;
	char device[32];                    /* major:minor */
	char root[PATH_MAX], at[PATH_MAX];  /* of the mount in the volume; in the tree */
};

/* "\040" is how mountinfo writes a space. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' &&
		    s[2] <= '7' && s[3] >= '0' && s[3] <= '7') {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 |
				       (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

static bool parse_line(const char *line, struct entry *m)
{
	if (sscanf(line, "%llu %*u %31s %4095s %4095s", &m->id, m->device, m->root,
		   m->at) != 4)
		return false;
	unescape(m->root);
	unescape(m->at);
	return true;
}

static const char *next_line(const char *p)
{
	p = strchr(p, '\n');
	return p && p[1] ? p + 1 : NULL;
}

static bool find_device(const char *text, uint64_t id, struct entry *m)
{
	for (const char *p = text; p; p = next_line(p))
		if (parse_line(p, m) && m->id == id)
			return true;
	return false;
}

/* Nearer to the root of the volume; of two such the shorter path. */
static bool better(const struct entry *a, const char *root, const char *at)
{
	size_t n = strlen(a->root), best = strlen(root);

	return n < best || (n == best && strlen(a->at) < strlen(at));
}

static int find_best(const char *text, uint64_t id, struct entry *wanted, struct entry *m,
		     char *out, size_t size, struct err *e)
{
	char root[PATH_MAX], at[PATH_MAX];

	if (!find_device(text, id, wanted))
		return err_set(e, E_NOTFOUND, "no mount has the number %llu",
			       (unsigned long long)id);
	strcpy(root, wanted->root);
	strcpy(at, wanted->at);
	for (const char *p = text; p; p = next_line(p)) {
		if (!parse_line(p, m) || strcmp(m->device, wanted->device) ||
		    !better(m, root, at))
			continue;
		strcpy(root, m->root);
		strcpy(at, m->at);
	}
	if (snprintf(out, size, "%s", at) >= (int)size)
		return err_set(e, E_OVERFLOW, "mount point %s is too long", at);
	return 0;
}

int mount_point_in(const char *mountinfo, uint64_t id, char *out, size_t size,
		   struct err *e)
{
	struct entry *m = calloc(2, sizeof(*m));
	int r;

	if (!m)
		return err_set(e, E_NOMEM, "out of memory");
	r = find_best(mountinfo, id, &m[0], &m[1], out, size, e);
	free(m);
	return r;
}

int mount_point_of_fd(int fd, char *out, size_t size, struct err *e)
{
	struct buf b = BUF_INIT;
	struct statx st;
	int r;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) ||
	    !(st.stx_mask & STATX_MNT_ID))
		return err_sys(e, "finding the mount of an open file");
	r = fsio_read(tables[!fsio_exists(XNU_PROC_DIR)], MOUNTINFO_MAX, &b, e);
	if (r)
		goto out;
	r = mount_point_in(buf_str(&b), st.stx_mnt_id, out, size, e);
	/* The list leaves out what begins above our root, a folder after chroot(2). */
	if (r == -E_NOTFOUND && size >= sizeof("/")) {
		strcpy(out, "/");
		r = 0;
	}
out:
	buf_release(&b);
	return r;
}

int mount_point_of_path(const char *path, char *out, size_t size, struct err *e)
{
	int fd = open(path, O_PATH | O_CLOEXEC), r;

	if (fd < 0)
		return err_sys(e, "%s", path);
	r = mount_point_of_fd(fd, out, size, e);
	close(fd);
	return r;
}
