/* SPDX-License-Identifier: MIT */
/* kextlab image: look into disks, and build them. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "harness/cmd_image.h"
#include "harness/disk_files.h"
#include "harness/kernel_info.h"
#include "harness/new_file.h"
#include "images/inspect.h"
#include "sim/base/fsio.h"
#include "sim/platform/paths.h"

#define CAT_MAX	  (256u << 20)
#define PLACE_MAX 4096
#define KEXTS_MAX 32u

/* "VOLUME:PATH", or the two as words; the root of the System volume when absent. */
static int get_place(int argc, char **argv, char out[static PLACE_MAX], struct err *e)
{
	int n;

	if (argc > 2)
		return err_set(e, E_INVAL, "too many arguments");
	if (argc == 2)
		n = snprintf(out, PLACE_MAX, "%s:%s", argv[0], argv[1]);
	else
		n = snprintf(out, PLACE_MAX, "%s", argc ? argv[0] : "/");
	return n < PLACE_MAX ? 0 : err_set(e, E_OVERFLOW, "the path is too long");
}

static int print(struct buf *b, struct err *e)
{
	if (b->len && fwrite(b->data, 1, b->len, stdout) != b->len)
		return err_sys(e, "writing to standard output");
	return 0;
}

static int do_info(const struct app *app, struct inspect *in, int argc, char **argv,
		   struct err *e)
{
	struct buf b = BUF_INIT;
	int r = inspect_info(in, &b, e);

	(void)app;
	(void)argc;
	(void)argv;
	if (!r)
		r = print(&b, e);
	buf_release(&b);
	return r;
}

/* The three that print what is at a place. */
static int print_place(struct inspect *in, int argc, char **argv,
		       int (*get)(struct inspect *, const char *, struct buf *,
				  struct err *),
		       struct err *e)
{
	char place[PLACE_MAX];
	struct buf b = BUF_INIT;
	int r = get_place(argc, argv, place, e);

	if (!r)
		r = get(in, place, &b, e);
	if (!r)
		r = print(&b, e);
	buf_release(&b);
	return r;
}

static int get_cat(struct inspect *in, const char *place, struct buf *b, struct err *e)
{
	return inspect_cat(in, place, CAT_MAX, b, e);
}

static int get_tree(struct inspect *in, const char *place, struct buf *b, struct err *e)
{
	return inspect_tree(in, place, true, b, e);
}

static int do_ls(const struct app *app, struct inspect *in, int argc, char **argv,
		 struct err *e)
{
	(void)app;
	return print_place(in, argc, argv, inspect_ls, e);
}

static int do_cat(const struct app *app, struct inspect *in, int argc, char **argv,
		  struct err *e)
{
	(void)app;
	return print_place(in, argc, argv, get_cat, e);
}

static int do_tree(const struct app *app, struct inspect *in, int argc, char **argv,
		   struct err *e)
{
	(void)app;
	return print_place(in, argc, argv, get_tree, e);
}

static int do_extract(const struct app *app, struct inspect *in, int argc, char **argv,
		      struct err *e)
{
	struct apfs_extract_opts opts = {.owners = !geteuid()};
	struct apfs_extract_result res;
	char place[PLACE_MAX];
	int r;

	(void)app;
	if (argc < 2)
		return err_set(e, E_INVAL, "extract DISK PLACE FOLDER");
	r = get_place(argc - 1, argv, place, e);
	if (!r)
		r = inspect_extract(in, place, argv[argc - 1], &opts, &res, e);
	if (!r)
		fprintf(stderr, "%llu files, %llu folders, %llu links, %llu bytes\n",
			(unsigned long long)res.files, (unsigned long long)res.dirs,
			(unsigned long long)res.symlinks, (unsigned long long)res.bytes);
	return r;
}

static int print_kernel(struct macfs *fs, const char *name, const char *path, bool *bad,
			struct err *e)
{
	struct arena a = ARENA_INIT;
	struct kernel_info k;
	struct buf b = BUF_INIT;
	int r = macfs_read(fs, path, KERNEL_FILE_MAX, &b, e);

	if (!r)
		r = kernel_info_read(b.data, b.len, &a, &k, e);
	if (!r) {
		printf("%s %s\n  sha256 %s\n  KernelCache ID %s\n  %s%s\n", name,
		       k.bad ? k.bad : "ok", k.sha256, k.kcid, k.darwin,
		       k.stand_in ? " (a stand-in of kextlab)" : "");
		for (size_t i = 0; i < k.n_kexts; i++)
			printf("  %s %s\n", k.kexts[i].id, k.kexts[i].version);
		*bad |= k.bad != NULL;
	} else if (r == -E_NOTFOUND) {
		printf("%s is not there\n", name);
		r = 0;
	}
	buf_release(&b);
	arena_release(&a);
	return r;
}

/* The kernels a booter and a shutdown would find on the disk. */
static int do_kernels(const char *disk)
{
	struct macfs *fs = NULL;
	struct err e = ERR_INIT;
	bool bad = false;
	int r = disk_files(disk, &fs, &e);

	if (!r)
		r = print_kernel(fs, "system_kernel", PATH_SYSTEM_PLK, &bad, &e);
	if (!r)
		r = print_kernel(fs, "staged_kernel", PATH_STAGED_PLK, &bad, &e);
	macfs_free(fs);
	return r ? cmd_error(&e) : bad ? EXIT_FAILED : EXIT_PASSED;
}

static const struct option build_options[] = {
	{"release", required_argument, NULL, 'r'},
	{"machine", required_argument, NULL, 'm'},
	{"name", required_argument, NULL, 'n'},
	{"order", required_argument, NULL, 'o'},
	{"kext", required_argument, NULL, 'k'},
	{"filevault", required_argument, NULL, 'f'},
	{"security", required_argument, NULL, 's'},
	{"system", required_argument, NULL, 'S'},
	{NULL, 0, NULL, 0},
};

static void show_progress(void *ctx, const char *what)
{
	(void)ctx;
	fprintf(stderr, "  %s\n", what);
}

static int take_build_option(struct disk_spec *spec, struct disk_kext *kexts, int c)
{
	char *colon, hint[NEAREST_HINT_MAX];

	switch (c) {
	case 'r':
		spec->release = release_by_name(optarg);
		return spec->release
			       ? 0
			       : cmd_usage_error("image", "unknown release '%s'%s",
						 optarg, release_hint(optarg, hint));
	case 'm':
		spec->machine = machine_by_name(optarg);
		return spec->machine
			       ? 0
			       : cmd_usage_error("image", "unknown machine '%s'%s",
						 optarg, machine_hint(optarg, hint));
	case 'n':
		spec->system_name = optarg;
		return 0;
	case 'S':
		spec->system = optarg;
		return 0;
	case 'o':
		if (strcmp(optarg, "clean") && strcmp(optarg, "upgraded"))
			return cmd_usage_error("image", "--order clean or upgraded");
		spec->order = strcmp(optarg, "clean") ? VOLUME_ORDER_UPGRADED
						      : VOLUME_ORDER_CLEAN;
		return 0;
	case 'k':
		if (spec->n_kexts == KEXTS_MAX)
			return cmd_usage_error("image", "too many kexts");
		kexts[spec->n_kexts++] = (struct disk_kext){optarg, NULL, NULL};
		return 0;
	case 'f':
		colon = strchr(optarg, ':');
		if (!colon)
			return cmd_usage_error("image", "--filevault USER:PASSPHRASE");
		*colon = 0;
		spec->filevault_user = optarg;
		spec->filevault_passphrase = colon + 1;
		return 0;
	case 's':
		for (int l = 0; l < SB_N_LEVELS; l++)
			if (!strcasecmp(sb_level_row((enum sb_level)l)->name, optarg)) {
				spec->security = (enum sb_level)l;
				return 0;
			}
		return cmd_usage_error("image", "--security full, reduced or permissive");
	default:
		return cmd_usage_error("image", "bad option");
	}
}

struct build {
	const struct image_env *env;
	const struct disk_spec *spec;
	const char *path; /* that the disk is to get */
};

/* The chip gets its name before the disk has one, so that no disk is without it. */
static int name_chip(const char *part, const char *path, struct err *e)
{
	char from[PLACE_MAX], to[PLACE_MAX];

	if (snprintf(from, sizeof(from), "%s" IMAGE_CHIP_SUFFIX, part) >= PLACE_MAX ||
	    snprintf(to, sizeof(to), "%s" IMAGE_CHIP_SUFFIX, path) >= PLACE_MAX)
		return err_set(e, E_OVERFLOW, "path too long: %s", path);
	return rename(from, to) ? err_sys(e, "naming '%s'", to) : 0;
}

static int build_part(void *ctx, const char *part, struct err *e)
{
	const struct build *b = ctx;
	int r = image_build_disk(b->env, b->spec, part, e);

	return r || !image_has_chip(b->spec) ? r : name_chip(part, b->path, e);
}

static int do_build(const struct app *app, int argc, char **argv)
{
	const struct image_env env = {.source_dir = app->source_dir,
				      .build_dir = app->build_dir,
				      .progress = show_progress};
	struct disk_kext kexts[KEXTS_MAX];
	struct disk_spec spec = {.kexts = kexts};
	struct build b = {&env, &spec, NULL};
	struct err e = ERR_INIT;
	int c, r = 0;

	optind = 0;
	while (!r && (c = getopt_long(argc, argv, "", build_options, NULL)) != -1)
		r = take_build_option(&spec, kexts, c);
	if (r)
		return r;
	if (!spec.release || optind + 1 != argc)
		return cmd_usage_error("image", "build --release NAME [--machine NAME] FILE");
	b.path = argv[optind];
	return new_file(b.path, build_part, &b, &e) ? cmd_error(&e) : EXIT_PASSED;
}

static const struct {
	const char *name;
	int (*run)(const struct app *app, struct inspect *in, int argc, char **argv,
		   struct err *e);
} actions[] = {
	{"info", do_info}, {"ls", do_ls},	    {"cat", do_cat},
	{"tree", do_tree}, {"extract", do_extract},
};

int cmd_image(const struct app *app, int argc, char **argv)
{
	struct inspect *in = NULL;
	struct err e = ERR_INIT;
	int r;

	if (argc > 1 && !strcmp(argv[1], "build"))
		return do_build(app, argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "mount"))
		return image_mount(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "unmount"))
		return image_unmount(argc - 1, argv + 1);
	if (argc < 3)
		return cmd_usage_error("image", "which disk?");
	if (!strcmp(argv[1], "check") && argc == 3)
		return do_kernels(argv[2]);
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(actions[i].name, argv[1]))
			continue;
		r = inspect_open(argv[2], &in, &e);
		if (!r)
			r = actions[i].run(app, in, argc - 3, argv + 3, &e);
		inspect_close(in);
		return r ? cmd_error(&e) : EXIT_PASSED;
	}
	return cmd_usage_error("image", "unknown action '%s'", argv[1]);
}
