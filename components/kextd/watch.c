/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/kextd/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "sim/base/fsio.h"

#define EVENTS_OF_ENTRIES (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)
#define EVENTS_OF_SELF	  (IN_ATTRIB | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF)

int watch_open(struct watch *w, struct err *e)
{
	memset(w, 0, sizeof(*w));
	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	return w->fd < 0 ? err_sys(e, "inotify") : 0;
}

void watch_close(struct watch *w)
{
	for (size_t i = 0; i < w->n_paths; i++)
		free(w->path[i].path);
	w->n_paths = 0;
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

/* Shorten @path to its parent; false at "/". */
static bool to_parent(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || !path[1])
		return false;
	slash[slash == path] = '\0';
	return true;
}

static bool is_used(const struct watch *w, int wd)
{
	for (size_t i = 0; i < w->n_paths; i++)
		if (w->path[i].wd == wd)
			return true;
	return false;
}

/* Attach @p to itself or its nearest ancestor. The watch it had goes when nobody else
 * uses it. */
static void arm(struct watch *w, struct watched_path *p)
{
	char at[PATH_MAX];
	int old = p->wd;

	do {
		snprintf(at, sizeof(at), "%s", p->path);
		do {
			p->wd = inotify_add_watch(w->fd, at,
						  EVENTS_OF_SELF | EVENTS_OF_ENTRIES);
		} while (p->wd < 0 && (errno == ENOENT || errno == ENOTDIR) &&
			 to_parent(at));
		p->missing = strcmp(at, p->path) != 0;
		/* It may have come between the look at it and that at its ancestor. */
	} while (p->missing && p->wd >= 0 && fsio_exists(p->path));
	if (old >= 0 && old != p->wd && !is_used(w, old))
		inotify_rm_watch(w->fd, old);
}

int watch_add(struct watch *w, const char *path, struct err *e)
{
	struct watched_path *p = &w->path[w->n_paths];

	if (w->n_paths == WATCH_PATHS_MAX)
		return err_set(e, E_OVERFLOW, "more than %d watched paths",
			       WATCH_PATHS_MAX);
	if (strlen(path) >= PATH_MAX)
		return err_set(e, E_OVERFLOW, "path too long: %s", path);
	p->path = strdup(path);
	p->wd = -1;
	if (!p->path)
		return err_set(e, E_NOMEM, "watching %s", path);
	w->n_paths++;
	arm(w, p);
	return 0;
}

/* Has @ev changed @p? Attaches it anew where that is needed. */
static bool has_changed(struct watch *w, struct watched_path *p,
			const struct inotify_event *ev)
{
	bool was_missing = p->missing;

	if (ev->mask & IN_Q_OVERFLOW) {
		arm(w, p);
		return true;
	}
	if (p->wd != ev->wd)
		return false;
	/* Attributes and contents of an entry are not those of the folder. */
	if (ev->len && !(ev->mask & EVENTS_OF_ENTRIES))
		return false;
	arm(w, p);
	return !was_missing || !p->missing;
}

static const char *take_event(struct watch *w, const struct inotify_event *ev)
{
	const char *changed = NULL;

	for (size_t i = 0; i < w->n_paths; i++)
		if (has_changed(w, &w->path[i], ev))
			changed = w->path[i].path;
	return changed;
}

const char *watch_drain(struct watch *w)
{
	char buf[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	const char *changed = NULL;
	ssize_t n;

	while ((n = read(w->fd, buf, sizeof(buf))) > 0) {
		for (const char *p = buf; p < buf + n;) {
			const struct inotify_event *ev = (const void *)p;
			const char *c = take_event(w, ev);

			if (c)
				changed = c;
			p += sizeof(*ev) + ev->len;
		}
	}
	return changed;
}
