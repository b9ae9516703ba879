/* SPDX-License-Identifier: MIT */
#include "components/kextfind/kextfind.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "components/kextfind/query.h"
#include "components/common/loaded_kexts.h"
#include "sim/base/fsio.h"
#include "sim/formats/plist/pl.h"
#include "sim/platform/paths.h"

struct find {
	const struct kextfind_world *w;
	struct kext_set all; /* owns */
	struct query query;
	plist_t loaded;	     /* owned: the kernel's list */
	const char **ids;    /* owned; texts of @loaded, NULL at the end */
	bool nul, no_paths;
};

static void find_release(struct find *f)
{
	query_release(&f->query);
	kext_set_release(&f->all);
	plist_free(f->loaded);
	free(f->ids);
}

static int scan_system(struct find *f, struct err *e)
{
	static const char *const folders[] = {PATH_SYSTEM_EXTENSIONS, PATH_LIBRARY_EXTENSIONS,
					      PATH_APPLE_EXTENSIONS};
	char path[PATH_MAX];
	int r = 0;

	for (size_t i = 0; i < 3 && !r; i++) {
		r = fsio_join(path, sizeof(path), f->w->root, folders[i], e);
		if (!r)
			r = kext_set_scan(&f->all, path, NULL, e);
	}
	return r;
}

static bool is_option(const char *word, const char *letter, const char *name)
{
	return !strcmp(word, letter) || !strcmp(word, name);
}

/* Options and folders in front of the query; *i is then at the query. */
static int read_head(struct find *f, int argc, char **argv, int *i, struct err *e)
{
	bool system = false;
	int r = 0, folders = 0;

	for (; *i < argc && !r; (*i)++) {
		const char *word = argv[*i];

		if (is_option(word, "-i", "-case-insensitive"))
			f->query.global.ignore_case = true;
		else if (is_option(word, "-s", "-substring"))
			f->query.global.substring = true;
		else if (is_option(word, "-0", "-nul"))
			f->nul = true;
		else if (!strcmp(word, "-no-paths"))
			f->no_paths = true;
		else if (is_option(word, "-e", "-system-extensions"))
			system = true;
		else if (is_option(word, "-f", "-search-item") && *i + 1 < argc)
			r = kext_set_scan(&f->all, argv[++*i], NULL, e), folders++;
		else if (word[0] != '-' && word[0] != '(' && word[0] != '!')
			r = kext_set_scan(&f->all, word, NULL, e), folders++;
		else
			break;
	}
	if (!r && *i < argc && !strcmp(argv[*i], "--"))
		(*i)++;
	return r || (folders && !system) ? r : scan_system(f, e);
}

/* Identifiers of what the kernel holds; none if it does not say. */
static int read_loaded(struct find *f, struct err *e)
{
	struct err ignored = ERR_INIT;
	uint32_t n = 0;

	if (!loaded_kexts_read(f->w->loaded_kexts, &f->loaded, &ignored))
		n = plist_array_get_size(f->loaded);
	f->ids = calloc((size_t)n + 1, sizeof(char *));
	if (!f->ids)
		return err_set(e, E_NOMEM, "out of memory");
	for (uint32_t i = 0, at = 0; i < n; i++) {
		plist_t d = plist_array_get_item(f->loaded, i);
		const char *id = pl_str(plist_dict_get_item(d, "CFBundleIdentifier"));

		if (id)
			f->ids[at++] = id;
	}
	return 0;
}

static int print_found(struct find *f, struct buf *out, struct err *e)
{
	const struct kext_auth auth = {.check_filesystem = true, .all = &f->all};
	const struct query_world w = {.all = &f->all, .auth = &auth, .loaded = f->ids};
	int r = 0;

	for (size_t i = 0; i < f->all.n && !r; i++) {
		struct kext *k = f->all.item[i];
		const char *slash = strrchr(k->path, '/');

		if (!query_ask(&f->query, k, &w))
			continue;
		r = buf_printf(out, e, "%s", f->no_paths && slash ? slash + 1 : k->path);
		if (!r)
			r = buf_append(out, f->nul ? "\0" : "\n", 1, e);
	}
	return r;
}

int kextfind_run(const struct kextfind_world *w, int argc, char **argv, struct buf *out,
		 struct buf *err_out, int *ret_status, struct err *e)
{
	struct find f = {.w = w, .all = {.owns = true}};
	struct err why = ERR_INIT;
	int i = 1, r = read_head(&f, argc, argv, &i, &why);

	*ret_status = EX_OK;
	if (!r)
		r = query_parse(&f.query, argc, argv, &i, &why);
	if (!r)
		r = read_loaded(&f, &why);
	if (!r)
		r = print_found(&f, out, &why);
	if (r == -E_NOMEM) {
		*e = why;
	} else if (r) {
		*ret_status = r == -E_INVAL || r == -E_OVERFLOW ? EX_USAGE : EX_OSERR;
		r = buf_printf(err_out, e, "kextfind: %s\n", why.msg);
	}
	find_release(&f);
	return r;
}
