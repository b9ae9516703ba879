/* SPDX-License-Identifier: MIT */
/* kextlab kernel extract: the kernel, and each kext as a bundle, out of a kernel file. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/cmd_kernel.h"
#include "sim/base/fsio.h"
#include "sim/formats/plist/pl.h"

#define MODE_FOLDER 0755
#define MODE_CODE   0755
#define MODE_TEXT   0644

struct extract {
	const struct kernel_file *f;
	const char *dir;
	size_t n_code;
};

/*
 * Below @dir: the path of the bundle in the Mac. It comes from the file, so that ".." in
 * it must not lead out.
 */
static int bundle_folder(const struct extract *x, const struct kext_entry *p,
			 char out[static PATH_MAX], struct err *e)
{
	const char *path = p->bundle_path;

	path += strspn(path, "/");
	for (const char *at = path; *at; at += strspn(at, "/")) {
		size_t n = strcspn(at, "/");

		if (n <= 2 && !strncmp(at, "..", n))
			return err_set(e, E_CORRUPT, "%s: _PrelinkBundlePath '%s'", p->id,
				       p->bundle_path);
		at += n;
	}
	if (!*path)
		return err_set(e, E_CORRUPT, "%s: no _PrelinkBundlePath", p->id);
	return fsio_join(out, PATH_MAX, x->dir, path, e);
}

/* What the linker put into the property list is not the bundle's own. */
static int write_info(const char *folder, const struct kext_entry *p, struct err *e)
{
	static const char added[] = "_Prelink";
	char path[PATH_MAX];
	plist_t info = plist_copy(p->info);
	struct pl_iter it;
	int r = fsio_join(path, sizeof(path), folder, "Info.plist", e);

	for (pl_each(&it, p->info); pl_next(&it);)
		if (!strncmp(it.key, added, strlen(added)))
			plist_dict_remove_item(info, it.key);
	if (!r)
		r = pl_write_xml(info, path, MODE_TEXT, e);
	plist_free(info);
	return r;
}

static int write_code(struct extract *x, const char *contents, const struct kext_entry *p,
		      struct err *e)
{
	const char *slash = strrchr(p->exec_rel_path, '/');
	const char *name = slash ? slash + 1 : p->exec_rel_path;
	char folder[PATH_MAX], path[PATH_MAX];
	struct buf code = BUF_INIT;
	int r;

	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return err_set(e, E_CORRUPT, "%s: _PrelinkExecutableRelativePath '%s'",
			       p->id, p->exec_rel_path);
	r = fsio_join(folder, sizeof(folder), contents, "MacOS", e);
	if (!r)
		r = fsio_mkdirs(folder, MODE_FOLDER, e);
	if (!r)
		r = fsio_join(path, sizeof(path), folder, name, e);
	if (!r)
		r = kernel_file_part(x->f, p, &code, e);
	if (!r)
		r = fsio_write_atomic(path, code.data, code.len, MODE_CODE, e);
	buf_release(&code);
	x->n_code += !r && p->has_code;
	return r;
}

static int write_kext(struct extract *x, const struct kext_entry *p, struct err *e)
{
	char bundle[PATH_MAX], contents[PATH_MAX];
	int r = bundle_folder(x, p, bundle, e);

	if (!r)
		r = fsio_join(contents, sizeof(contents), bundle, "Contents", e);
	if (!r)
		r = fsio_mkdirs(contents, MODE_FOLDER, e);
	if (!r)
		r = write_info(contents, p, e);
	/* of an interface its symbols */
	return r || (!p->has_code && !p->placed) ? r : write_code(x, contents, p, e);
}

static int write_kernel(const struct extract *x, struct err *e)
{
	char path[PATH_MAX];
	struct buf b = BUF_INIT;
	int r = fsio_join(path, sizeof(path), x->dir, "kernel", e);

	if (!r)
		r = kernel_file_kernel(x->f, &b, e);
	if (!r)
		r = fsio_write_atomic(path, b.data, b.len, MODE_CODE, e);
	buf_release(&b);
	return r;
}

static int extract_all(struct extract *x, struct err *e)
{
	int r = 0;

	if (mkdir(x->dir, MODE_FOLDER))
		return err_sys(e, "making '%s'", x->dir);
	if (x->f->kernel)
		r = write_kernel(x, e);
	for (size_t i = 0; !r && i < x->f->n_kexts; i++)
		r = write_kext(x, &x->f->kext[i], e);
	return r;
}

int kernel_extract(const void *words)
{
	const struct kernel_words *w = words;
	struct kernel_loaded k;
	struct extract x = {.f = &k.file, .dir = w->output};
	struct err e = ERR_INIT;
	int r;

	if (!w->output)
		return cmd_usage_error("kernel", "extract FILE -o FOLDER");
	r = kernel_load(&k, w->args[0], &e);
	if (!r)
		r = extract_all(&x, &e);
	if (!r)
		printf("%s%zu kexts, %zu of them with code\n",
		       k.file.kernel ? "kernel, " : "", k.file.n_kexts, x.n_code);
	kernel_loaded_release(&k);
	return r ? cmd_error(&e) : EXIT_PASSED;
}
