/* SPDX-License-Identifier: MIT */
#include "sim/carrier/modules.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/buf.h"
#include "sim/base/fsio.h"

#define MODULES_DEP_MAX (8u << 20)

int modules_add_file(struct module_list *l, const char *path, struct err *e)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->paths[i], path))
			return 0;
	if (l->n == MODULES_MAX)
		return err_set(e, E_OVERFLOW, "more than %d kernel modules", MODULES_MAX);
	l->paths[l->n] = strdup(path);
	if (!l->paths[l->n])
		return err_set(e, E_NOMEM, "out of memory");
	l->n++;
	return 0;
}

static int add_below(struct module_list *l, const char *dir, const char *path,
		     struct err *e)
{
	char full[PATH_MAX];
	int r = fsio_join(full, sizeof(full), dir, path, e);

	return r ? r : modules_add_file(l, full, e);
}

/* Is "kernel/drivers/virtio/virtio_pci.ko" the file of "virtio_pci"? */
static bool is_module(const char *path, const char *name)
{
	const char *base = strrchr(path, '/');
	size_t n = strlen(name);

	base = base ? base + 1 : path;
	return !strncmp(base, name, n) && !strcmp(base + n, ".ko");
}

/*
 * One line: "file.ko: dep.ko dep.ko", where what has to be loaded first comes last
 * (modules.dep(5)).
 */
static int add_line(struct module_list *l, const char *dir, char *deps, const char *file,
		    struct err *e)
{
	int r = 0;

	while (!r) {
		char *last;

		while (*deps && deps[strlen(deps) - 1] == ' ')
			deps[strlen(deps) - 1] = '\0';
		if (!*deps)
			break;
		last = strrchr(deps, ' ');
		r = add_below(l, dir, last ? last + 1 : deps, e);
		if (last)
			*last = '\0';
		else
			*deps = '\0';
	}
	return r ? r : add_below(l, dir, file, e);
}

int modules_add(struct module_list *l, const char *dir, const char *name, struct err *e)
{
	struct buf text = BUF_INIT;
	char path[PATH_MAX], *line, *save = NULL;
	int r;

	r = fsio_join(path, sizeof(path), dir, "modules.dep", e);
	if (!r)
		r = fsio_read(path, MODULES_DEP_MAX, &text, e);
	if (!r)
		r = buf_append(&text, "", 1, e);
	if (r)
		goto out;
	r = err_set(e, E_NOTFOUND, "%s: no module %s", path, name);
	for (line = strtok_r((char *)text.data, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *colon = strchr(line, ':');

		if (!colon)
			continue;
		*colon = '\0';
		if (is_module(line, name)) {
			err_clear(e);
			r = add_line(l, dir, colon + 1, line, e);
			break;
		}
	}
out:
	buf_release(&text);
	return r;
}

void modules_release(struct module_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->paths[i]);
	l->n = 0;
}
