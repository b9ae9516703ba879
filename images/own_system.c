/* SPDX-License-Identifier: MIT */
#include "images/own_system.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "images/kernel_file.h"
#include "sim/base/fsio.h"
#include "sim/platform/paths.h"

/* Without the leading slash, as they are in the folder. */
#define KERNEL	    (PATH_KERNEL + 1)
#define EXTENSIONS  (PATH_SYSTEM_EXTENSIONS + 1)
#define SYSTEM_KEXT (PATH_SYSTEM_EXTENSIONS "/System.kext" + 1)

/* ---- what is there ---- */

static bool has(const char *dir, const char *name)
{
	char path[PATH_MAX];

	return !fsio_join(path, sizeof(path), dir, name, NULL) && fsio_exists(path);
}

/* One went a folder too deep or, more likely, copied something else. */
static int is_missing(const char *dir, const char *what, struct err *e)
{
	if (has(dir, "Kernels") || has(dir, "Library/Kernels"))
		return err_set(e, E_NOTFOUND,
			       "%s is missing: what is given has to be the folder that "
			       "holds System",
			       what);
	return err_set(e, E_NOTFOUND, "%s is missing. Copy it %s", what, OWN_SYSTEM_COPY);
}

static int find_part(const struct own_system *s, const char *part, mode_t type,
		     char ret[static IMAGE_PATH_MAX], struct err *e)
{
	char path[PATH_MAX];
	struct stat st;
	int r = fsio_join(path, sizeof(path), s->dir, part, e);

	if (r)
		return r;
	/* It may be a link to where the copy really is: paths of kexts begin there. */
	if (!realpath(path, ret) || stat(ret, &st) || (st.st_mode & S_IFMT) != type)
		return is_missing(s->dir, part, e);
	return 0;
}

static int find_parts(const char *dir, struct own_system *s, struct err *e)
{
	struct stat st;
	int r;

	if (!realpath(dir, s->dir) || stat(s->dir, &st))
		return err_sys(e, "there is no such folder");
	if (!S_ISDIR(st.st_mode))
		return err_set(e, E_NOTFOUND, "not a folder");
	r = find_part(s, KERNEL, S_IFREG, s->kernel_path, e);
	if (!r)
		r = find_part(s, EXTENSIONS, S_IFDIR, s->extensions, e);
	/* The KPIs: without them nothing can be linked. */
	if (!r && !has(s->dir, SYSTEM_KEXT))
		r = is_missing(s->dir, SYSTEM_KEXT, e);
	return r;
}

/* ---- the kernel ---- */

static int check_kernel(const struct kernel_file *k, struct own_system *s, struct err *e)
{
	if (k->kind != KERNEL_ALONE)
		return err_set(e, E_UNSUPPORTED, "this is a %s, not a kernel alone",
			       kernel_file_kind_text(k));
	if (k->comp || k->image4)
		return err_set(e, E_UNSUPPORTED, "this kernel is compressed or wrapped");
	if (k->kernel->arch != macho_arch(MACHO_X86_64))
		return err_set(
			e, E_UNSUPPORTED,
			"this kernel is for Apple silicon; one for Intel is needed");
	if (!k->kernel->nsyms)
		return err_set(e, E_UNSUPPORTED,
			       "this kernel has no symbols to link against");
	if (!kernel_banner_parse(k->version, &s->banner))
		return err_set(e, E_UNSUPPORTED,
			       "no version of Darwin and xnu is in it: '%s'", k->version);
	memcpy(s->version, k->version, sizeof(s->version));
	s->stand_in = kernel_file_is_stand_in(k);
	return 0;
}

static int read_kernel(struct own_system *s, struct err *e)
{
	struct buf file = BUF_INIT;
	struct kernel_file k;
	int r = fsio_read(s->kernel_path, KERNEL_FILE_MAX, &file, e);

	if (r)
		return r;
	r = kernel_file_open(file.data, file.len, &k, e);
	if (!r) {
		r = check_kernel(&k, s, e);
		if (!r)
			r = kernel_file_kernel(&k, &s->kernel, e);
		kernel_file_release(&k);
	}
	buf_release(&file);
	return r ? err_ctx(e, "%s", KERNEL) : 0;
}

int own_system_open(const char *dir, struct own_system *ret, struct err *e)
{
	int r;

	*ret = (struct own_system){.kernel = BUF_INIT};
	r = find_parts(dir, ret, e);
	if (!r)
		r = read_kernel(ret, e);
	return r ? err_ctx(e, "system '%s'", dir) : 0;
}

void own_system_release(struct own_system *s)
{
	buf_release(&s->kernel);
}

/* ---- does it fit? ---- */

int own_system_fits(const struct own_system *s, const struct release *r, struct err *e)
{
	const struct release *of = kernel_banner_release(&s->banner);

	if (r->kernel_collections)
		return err_set(
			e, E_UNSUPPORTED,
			"system '%s': macOS %s starts from kernel collections on a "
			"sealed volume; a system of one's own is possible up to "
			"10.15",
			s->dir, r->name);
	if (!kernel_banner_is_near(&s->banner, r))
		return err_set(
			e, E_UNSUPPORTED,
			"system '%s': its kernel is of Darwin %s%s%s, macOS %s has "
			"Darwin %s",
			s->dir, s->banner.darwin, of ? ", macOS " : "",
			of ? of->name : "", r->name, r->darwin);
	return 0;
}

static int add_difference(const struct own_system *s, const struct release *r,
			  struct buf *out, struct err *e)
{
	const struct release *of = kernel_banner_release(&s->banner);

	if (kernel_banner_is_of(&s->banner, r))
		return 0;
	if (of)
		return buf_printf(out, e, ", which is the kernel of %s, not of %s",
				  of->name, r->name);
	return buf_printf(
		out, e, ", which no release here has: daemons and tools are those of %s",
		r->name);
}

int own_system_text(const struct own_system *s, const struct release *r, struct buf *out,
		    struct err *e)
{
	int rc;

	if (!s)
		return buf_printf(out, e, "a stand-in of kextlab, as are Apple's kexts");
	rc = buf_printf(out, e, "from %s: %sDarwin %s, xnu-%s", s->dir,
			s->stand_in ? "a stand-in of kextlab, " : "", s->banner.darwin,
			s->banner.xnu);
	return rc ? rc : add_difference(s, r, out, e);
}
