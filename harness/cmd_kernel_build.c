/* SPDX-License-Identifier: MIT */
/* kextlab kernel build: a prelinked kernel from a kernel and folders of kexts. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "components/kextcache/build.h"
#include "harness/cmd_kernel.h"
#include "harness/new_file.h"
#include "images/kernels.h"
#include "images/own_system.h"
#include "sim/base/fsio.h"
#include "sim/platform/kpi/kpi.h"
#include "sim/platform/paths.h"

#define PLK_MODE 0644

static const struct {
	const char *name;
	enum prelink_compression how;
} methods[] = {
	{"lzvn", PRELINK_LZVN},
	{"lzss", PRELINK_LZSS},
	{"none", PRELINK_PLAIN},
};

struct kernel_build {
	const struct kernel_words *w;
	struct kc_bundle bundle[KERNEL_EXTENSIONS_MAX + 1];
	char path[KERNEL_EXTENSIONS_MAX + 1][PATH_MAX]; /* in the Mac */
	char folder[KERNEL_EXTENSIONS_MAX + 1][PATH_MAX];
	size_t n;
	char scratch[PATH_MAX]; /* of the stand-in's System.kext; "" without */
	struct kernel_loaded kernel;
	struct own_system own;
	struct buf standin;
	struct buf packed;
	struct kc_built built;
};

static void say(void *arg, enum clog_level level, const char *text)
{
	(void)arg;
	fprintf(stderr, "%s%s\n", level == CLOG_ERROR ? "error: " : "", text);
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcmp(text + n - m, end);
}

/*
 * Where a Mac would have it: a folder that is one of Apple's by its last names keeps
 * them, all others are /Library/Extensions.
 */
static int recorded_path(const char *folder, char *out, struct err *e)
{
	static const char *const known[] = {PATH_SYSTEM_EXTENSIONS,
					    PATH_LIBRARY_EXTENSIONS};
	char parent[PATH_MAX];
	const char *home = PATH_LIBRARY_EXTENSIONS, *name = NULL;
	char *slash;

	snprintf(parent, sizeof(parent), "%s", folder);
	slash = strrchr(parent, '/');
	if (ends_with(folder, ".kext") && slash) {
		*slash = '\0';
		name = strrchr(folder, '/') + 1;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (ends_with(parent, known[i])) {
			home = known[i];
			break;
		}
	if (name)
		return fsio_join(out, PATH_MAX, home, name, e);
	snprintf(out, PATH_MAX, "%s", home);
	return 0;
}

static int add_folder(struct kernel_build *b, const char *given, struct err *e)
{
	int r;

	if (b->n >= KERNEL_EXTENSIONS_MAX)
		return err_set(e, E_OVERFLOW, "more than %d folders of extensions",
			       KERNEL_EXTENSIONS_MAX);
	if (!realpath(given, b->folder[b->n]))
		return err_sys(e, "%s", given);
	r = recorded_path(b->folder[b->n], b->path[b->n], e);
	b->bundle[b->n] = (struct kc_bundle){b->folder[b->n], b->path[b->n], false};
	b->n += !r;
	return r;
}

/* Those of --extensions, and what stands behind them. */
static int add_folders(struct kernel_build *b, struct err *e)
{
	const struct kernel_words *w = b->w;
	int r = 0;

	for (int i = 0; !r && i < w->n_extensions && i < KERNEL_EXTENSIONS_MAX; i++)
		r = add_folder(b, w->extensions[i], e);
	for (int i = 0; !r && i < w->n_args; i++)
		r = add_folder(b, w->args[i], e);
	return r;
}

/* All of them are there to choose from. */
static int add_family(void *arg, const char *name, const char *folder, struct err *e)
{
	struct kernel_build *b = arg;
	int r = add_folder(b, folder, e);

	if (r)
		return r;
	b->bundle[b->n - 1].as_demanded = true;
	return fsio_join(b->path[b->n - 1], PATH_MAX, PATH_SYSTEM_EXTENSIONS, name, e);
}

static int add_families(struct kernel_build *b, const struct release *r, struct err *e)
{
	const struct app *app = b->w->app;
	const struct image_env env = {.source_dir = app->source_dir,
				      .build_dir = app->build_dir};
	const struct disk_spec spec = {.release = r};
	const struct scratch none = {.path = "", .fd = -1};

	return system_kexts_each(&env, &spec, &none, add_family, b, e);
}

/* The stand-in kernel of a release comes with its KPIs and the families of drivers. */
static int make_standin(struct kernel_build *b, struct err *e)
{
	const struct release *r = release_by_name(b->w->release);
	const char *tmp = getenv("TMPDIR");
	char dir[PATH_MAX], hint[NEAREST_HINT_MAX];
	int rc;

	if (!r)
		return err_set(e, E_INVAL, "unknown release '%s'%s", b->w->release,
			       release_hint(b->w->release, hint));
	if (r->kernel_collections)
		return err_set(e, E_UNSUPPORTED,
			       "%s has kernel collections, not prelinked kernels",
			       r->name);
	snprintf(b->scratch, sizeof(b->scratch), "%s/kextlab-kpi.XXXXXX",
		 tmp ? tmp : "/tmp");
	if (!mkdtemp(b->scratch)) {
		b->scratch[0] = '\0';
		return err_sys(e, "a folder for the KPIs");
	}
	rc = fsio_join(dir, sizeof(dir), b->scratch,
		       PATH_SYSTEM_EXTENSIONS "/System.kext" + 1, e);
	if (!rc)
		rc = kpi_system_kext_write(r, dir, e);
	if (!rc)
		rc = add_folder(b, dir, e);
	if (!rc)
		rc = add_families(b, r, e);
	return rc ? rc : kernel_standin_build(r, &b->standin, e);
}

/* A kernel that is wrapped or prelinked is unwrapped, and its kexts are taken out. */
static int read_kernel(struct kernel_build *b, struct err *e)
{
	int r = kernel_load(&b->kernel, b->w->kernel, e);

	return r ? r : kernel_file_kernel(&b->kernel.file, &b->standin, e);
}

/* All of it is there to choose from; where else kexts lie they have to go in. */
static int read_system(struct kernel_build *b, struct err *e)
{
	int r = own_system_open(b->w->system, &b->own, e);

	if (!r)
		r = add_folder(b, b->own.extensions, e);
	if (r)
		return r;
	b->bundle[b->n - 1].as_demanded = true;
	return buf_append(&b->standin, b->own.kernel.data, b->own.kernel.len, e);
}

static int take_compression(const struct kernel_words *w, enum prelink_compression *ret,
			    struct err *e)
{
	*ret = PRELINK_LZVN;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (!w->compression || !strcmp(methods[i].name, w->compression)) {
			*ret = methods[i].how;
			return 0;
		}
	return err_set(e, E_INVAL, "--compression lzvn, lzss or none");
}

static int link_kernel(struct kernel_build *b, struct err *e)
{
	const struct component_log log = {.line = say, .max = CLOG_WARNING};
	struct kc_request rq = {
		.kernel = b->standin.data,
		.kernel_len = b->standin.len,
		.bundle = b->bundle,
		.n_bundles = b->n,
		.all_personalities = b->w->all_personalities,
		.omit_bad = b->w->omit,
		.log = &log,
	};
	int r = take_compression(b->w, &rq.compression, e);

	return r ? r : kc_build_for_tree(&rq, &b->packed, &b->built, e);
}

static int write_part(void *ctx, const char *part, struct err *e)
{
	const struct kernel_build *b = ctx;

	return fsio_write_atomic(part, b->packed.data, b->packed.len, PLK_MODE, e);
}

static int build(struct kernel_build *b, struct err *e)
{
	const struct kernel_words *w = b->w;
	int r = w->release  ? make_standin(b, e)
		: w->system ? read_system(b, e)
			    : read_kernel(b, e);

	if (!r)
		r = add_folders(b, e);
	if (!r)
		r = link_kernel(b, e);
	return r ? r : new_file(b->w->output, write_part, b, e);
}

static int print_built(const struct kernel_build *b)
{
	const struct kernel_words *w = b->w;
	char kcid[2 * UUID_LEN + 1];

	kernel_id_text(true, b->built.kcid, kcid);
	if (w->json)
		return cmd_print_json(json_pack("{s:s, s:s, s:I, s:I, s:I, s:b, s:s*}",
						"file", w->output, "kcid", kcid, "kexts",
						(json_int_t)b->built.n_kexts, "omitted",
						(json_int_t)b->built.n_omitted, "bytes",
						(json_int_t)b->packed.len, "stand_in",
						w->release != NULL || b->own.stand_in,
						"system", w->system ? b->own.dir : NULL));
	printf("KernelCache ID %s\n%zu kexts, %zu left out, %zu bytes%s%s\n", kcid,
	       b->built.n_kexts, b->built.n_omitted, b->packed.len,
	       w->system ? "; from the system " : "", w->system ? b->own.dir : "");
	if (w->release || b->own.stand_in)
		puts("the kernel is a stand-in of kextlab");
	return EXIT_PASSED;
}

static void release(struct kernel_build *b)
{
	struct err ignored = ERR_INIT;

	if (b->scratch[0])
		(void)!fsio_remove_tree(b->scratch, &ignored);
	kernel_loaded_release(&b->kernel);
	own_system_release(&b->own);
	buf_release(&b->standin);
	buf_release(&b->packed);
}

int kernel_build(const void *words)
{
	const struct kernel_words *w = words;
	struct kernel_build *b;
	struct err e = ERR_INIT;
	int status;

	if (!w->output || !!w->kernel + !!w->release + !!w->system != 1)
		return cmd_usage_error("kernel",
				       "build --kernel K|--release NAME|--system DIR "
				       "--extensions DIR... -o OUT");
	b = calloc(1, sizeof(*b));
	if (!b)
		return EXIT_INFRA;
	b->w = w;
	status = build(b, &e) ? cmd_error(&e) : print_built(b);
	if (!status && b->built.n_omitted)
		status = EXIT_FAILED;
	release(b);
	free(b);
	return status;
}
