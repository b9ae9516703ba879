/* SPDX-License-Identifier: MIT */
#include "components/kextcache/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "sim/base/fsio.h"
#include "sim/formats/kext/kext.h"
#include "sim/platform/paths.h"

/* Long options without a letter. */
enum long_option {
	LONG_COMPRESSED = 256,
	LONG_UNCOMPRESSED,
	LONG_SYMBOLS,
	LONG_SYSTEM_CACHES,
	LONG_SYSTEM_PLK,
	LONG_VOLUME_ROOT,
	LONG_ALL_PERSONALITIES,
	LONG_NO_LINK_FAILURES,
	LONG_STRIP_SYMBOLS,
	LONG_INSTALLER,
	LONG_CACHES_ONLY,
	LONG_EARLY_BOOT,
	LONG_IMMUTABLE_KEXTS,
	LONG_IMMUTABLE_KEXTS_ALL,
	LONG_CLEAR_STAGING,
	LONG_PRUNE_STAGING,
};

static const char short_options[] = ":a:b:c:efFhi:kK:lLm:nNqrsStT:u:U:vXz";

static const struct option long_options[] = {
	{"help", no_argument, NULL, 'h'},
	{"quiet", no_argument, NULL, 'q'},
	{"verbose", optional_argument, NULL, 'v'},
	{"compressed", no_argument, NULL, LONG_COMPRESSED},
	{"uncompressed", no_argument, NULL, LONG_UNCOMPRESSED},
	{"arch", required_argument, NULL, 'a'},
	{"target-override", required_argument, NULL, 'T'},
	{"system-mkext", no_argument, NULL, 'e'},
	{"volume-root", required_argument, NULL, LONG_VOLUME_ROOT},
	{"system-caches", no_argument, NULL, LONG_SYSTEM_CACHES},
	{"bundle-id", required_argument, NULL, 'b'},
	{"local-root", no_argument, NULL, 'l'},
	{"local-root-all", no_argument, NULL, 'L'},
	{"network-root", no_argument, NULL, 'n'},
	{"network-root-all", no_argument, NULL, 'N'},
	{"safe-boot", no_argument, NULL, 's'},
	{"safe-boot-all", no_argument, NULL, 'S'},
	{"immutable-kexts", no_argument, NULL, LONG_IMMUTABLE_KEXTS},
	{"immutable-kexts-all", no_argument, NULL, LONG_IMMUTABLE_KEXTS_ALL},
	{"prelinked-kernel", optional_argument, NULL, 'c'},
	{"system-prelinked-kernel", no_argument, NULL, LONG_SYSTEM_PLK},
	{"kernel", required_argument, NULL, 'K'},
	{"all-loaded", no_argument, NULL, 'r'},
	{"symbols", required_argument, NULL, LONG_SYMBOLS},
	{"all-personalities", no_argument, NULL, LONG_ALL_PERSONALITIES},
	{"no-link-failures", no_argument, NULL, LONG_NO_LINK_FAILURES},
	{"strip-symbols", no_argument, NULL, LONG_STRIP_SYMBOLS},
	{"invalidate", required_argument, NULL, 'i'},
	{"update-volume", required_argument, NULL, 'u'},
	{"force", no_argument, NULL, 'f'},
	{"Installer", no_argument, NULL, LONG_INSTALLER},
	{"caches-only", no_argument, NULL, LONG_CACHES_ONLY},
	{"Boot", no_argument, NULL, LONG_EARLY_BOOT},
	{"build-immutable-kernel", no_argument, NULL, 'X'},
	{"no-authentication", no_argument, NULL, 'z'},
	{"print-diagnostics", no_argument, NULL, 't'},
	{"clear-staging", no_argument, NULL, LONG_CLEAR_STAGING},
	{"prune-staging", no_argument, NULL, LONG_PRUNE_STAGING},
	{NULL, 0, NULL, 0},
};

/* OSKextGetSystemExtensionsFolderURLs. */
static const char *const system_dirs[KC_SYSTEM_DIRS] = {
	"/System/Library/Extensions",
	"/Library/Extensions",
	"/AppleInternal/Library/Extensions",
	"/System/Library/DriverExtensions",
	"/Library/DriverExtensions",
	"/Library/Apple/System/Library/Extensions",
};

/* kImmutableKernelKextFilter */
#define IMMUTABLE_FILTER (KEXT_REQ_LOCAL_ROOT | KEXT_REQ_NETWORK_ROOT)

/* Options that do nothing but set a bit or a flag. */
static const struct {
	int option;
	unsigned update, repositories, all;
	size_t flag; /* offset of a bool in struct kc_options, or 0 */
} simple[] = {
#define FLAG(name) offsetof(struct kc_options, name)
	{'f', KC_UPDATE_FORCE, 0, 0, 0},
	{LONG_INSTALLER, KC_UPDATE_FORCE | KC_UPDATE_HELPERS_OPTIONAL, 0, 0, 0},
	{LONG_CACHES_ONLY, KC_UPDATE_CACHES_ONLY, 0, 0, 0},
	{LONG_EARLY_BOOT, KC_UPDATE_EARLY_BOOT, 0, 0, 0},
	{'l', 0, KEXT_REQ_LOCAL_ROOT, 0, 0},
	{'L', 0, 0, KEXT_REQ_LOCAL_ROOT, 0},
	{'n', 0, KEXT_REQ_NETWORK_ROOT, 0, 0},
	{'N', 0, 0, KEXT_REQ_NETWORK_ROOT, 0},
	{'s', 0, KEXT_REQ_SAFE_BOOT, 0, 0},
	{'S', 0, 0, KEXT_REQ_SAFE_BOOT, 0},
	{LONG_IMMUTABLE_KEXTS, 0, IMMUTABLE_FILTER, 0, 0},
	{LONG_IMMUTABLE_KEXTS_ALL, 0, 0, IMMUTABLE_FILTER, 0},
	{'F', 0, 0, 0, FLAG(low_priority)},
	{'r', 0, 0, 0, FLAG(all_loaded)},
	{'t', 0, 0, 0, FLAG(diagnostics)},
	{'z', 0, 0, 0, FLAG(no_authentication)},
	{LONG_COMPRESSED, 0, 0, 0, FLAG(compress)},
	{LONG_UNCOMPRESSED, 0, 0, 0, FLAG(uncompress)},
	{LONG_ALL_PERSONALITIES, 0, 0, 0, FLAG(all_personalities)},
	{LONG_NO_LINK_FAILURES, 0, 0, 0, FLAG(no_link_failures)},
	{LONG_CLEAR_STAGING, 0, 0, 0, FLAG(clear_staging)},
	{LONG_PRUNE_STAGING, 0, 0, 0, FLAG(prune_staging)},
#undef FLAG
};

static bool set_simple(struct kc_options *o, int option)
{
	for (size_t i = 0; i < sizeof(simple) / sizeof(simple[0]); i++) {
		if (simple[i].option != option)
			continue;
		o->update_opts |= simple[i].update;
		o->required_repositories |= simple[i].repositories;
		o->required_all |= simple[i].all;
		if (simple[i].flag)
			*(bool *)((char *)o + simple[i].flag) = true;
		return true;
	}
	return false;
}

static int say(const struct kc_world *w, int status, const char *text)
{
	clog_say(w->log, CLOG_ERROR, "%s", text);
	return status;
}

static int too_many(const struct kc_world *w)
{
	return say(w, EX_USAGE, "Too many arguments.");
}

static int add_system_dirs(struct kc_options *o, const struct kc_world *w)
{
	struct err e = ERR_INIT;

	if (o->n_system_dirs)
		return EX_OK;
	for (size_t i = 0; i < KC_SYSTEM_DIRS; i++) {
		if (fsio_join(o->system_dir[i], PATH_MAX, w->root, system_dirs[i], &e))
			return say(w, EX_OSERR, e.msg);
		o->arg[o->n_args++] = o->system_dir[i];
	}
	o->n_system_dirs = KC_SYSTEM_DIRS;
	return EX_OK;
}

static int set_plk(struct kc_options *o, const struct kc_world *w, const char *file)
{
	struct err e = ERR_INIT;
	char *slash;

	if (o->has_plk)
		clog_say(w->log, CLOG_WARNING,
			 "Warning: prelinked kernel already specified; using last.");
	o->has_plk = true;
	if (!file || !*file) {
		o->default_plk = true;
		if (!o->volume_root)
			o->volume_root = w->root;
		if (fsio_join(o->plk, sizeof(o->plk), w->root, PATH_STAGED_PLK, &e) ||
		    fsio_join(o->plk_dir, sizeof(o->plk_dir), w->root,
			      PATH_STAGED_PLK_DIR, &e))
			return say(w, EX_USAGE, e.msg);
		return add_system_dirs(o, w);
	}
	if (!realpath(file, o->plk) &&
	    snprintf(o->plk, sizeof(o->plk), "%s", file) >= (int)sizeof(o->plk))
		return say(w, EX_USAGE,
			   "Error: prelinked kernel filename length exceeds PATH_MAX");
	strcpy(o->plk_dir, o->plk);
	slash = strrchr(o->plk_dir, '/');
	if (!slash)
		strcpy(o->plk_dir, ".");
	else
		slash[slash == o->plk_dir] = '\0';
	return EX_OK;
}

static int set_kernel(struct kc_options *o, const struct kc_world *w, const char *file)
{
	if (o->has_kernel)
		clog_say(w->log, CLOG_WARNING,
			 "Warning: kernel file already specified; using last.");
	o->has_kernel = true;
	if (!realpath(file, o->kernel))
		return say(w, EX_USAGE, "Error: kernel filename invalid");
	return EX_OK;
}

static int set_volume(struct kc_options *o, const struct kc_world *w, int option,
		      const char *volume)
{
	struct stat st;

	if (o->update_volume)
		clog_say(w->log, CLOG_WARNING,
			 "Warning: %s volume already specified; using last.",
			 option == 'i' ? "invalidate" : "update");
	if (stat(volume, &st)) {
		clog_say(w->log, CLOG_WARNING, "%s - %s.", volume, strerror(errno));
		return EX_NOINPUT;
	}
	o->update_volume = volume;
	if (option == 'i')
		o->update_opts |= KC_UPDATE_INVALIDATE;
	if (option == 'U')
		o->update_opts |= KC_UPDATE_EXPECT_UP_TO_DATE | KC_UPDATE_ANY_ROOT;
	return EX_OK;
}

static int add_arch(struct kc_options *o, const struct kc_world *w, const char *name)
{
	/* What NXGetArchInfoFromName knows of the processors Macs of this time had. */
	static const char *const known[] = {"x86_64", "x86_64h", "i386", "any"};
	size_t i = 0;

	while (i < sizeof(known) / sizeof(known[0]) && strcmp(known[i], name))
		i++;
	if (i == sizeof(known) / sizeof(known[0])) {
		clog_say(w->log, CLOG_ERROR, "Unknown architecture %s.", name);
		return EX_USAGE;
	}
	for (size_t j = 0; j < o->n_archs; j++)
		if (!strcmp(o->arch[j], name))
			return EX_OK;
	o->arch[o->n_archs++] = known[i]; /* at most as many as are known */
	return EX_OK;
}

/* -v [0-6|0x...]: getopt leaves the optional argument to us. */
static int set_verbose(const struct kc_world *w, int argc, char **argv)
{
	/* -v 0 .. 6 to levels */
	static const enum clog_level levels[] = {CLOG_ERROR, CLOG_BASIC,  CLOG_PROGRESS,
						 CLOG_STEP,  CLOG_DETAIL, CLOG_DEBUG,
						 CLOG_DEBUG};
	const char *arg = optarg ? optarg : optind < argc ? argv[optind] : NULL;
	char *end;

	w->log->max = CLOG_BASIC;
	if (!arg)
		return EX_OK;
	if (!strncmp(arg, "-v=", 3)) {
		clog_say(
			w->log, CLOG_ERROR,
			"%s - syntax error (don't use = with single-letter option args).",
			arg);
		return EX_USAGE;
	}
	if (arg[0] == '0' && (arg[1] == 'x' || arg[1] == 'X')) {
		w->log->max = (enum clog_level)(strtoul(arg, &end, 16) & CLOG_LEVEL_MASK);
		if (*end) {
			clog_say(w->log, CLOG_ERROR, "Can't parse verbose argument %s.",
				 arg);
			return EX_USAGE;
		}
	} else if (arg[0] >= '0' && arg[0] <= '6' && !arg[1]) {
		w->log->max = levels[arg[0] - '0'];
	} else {
		return EX_OK;
	}
	optind += !optarg;
	return EX_OK;
}

static int set_system_plk(struct kc_options *o, const struct kc_world *w)
{
	o->all_loaded = true;
	o->required_repositories |= KEXT_REQ_LOCAL_ROOT;
	return set_plk(o, w, NULL);
}

static void quiet(struct kc_world *w)
{
	w->log->line = NULL;
	w->out->line = NULL;
}

/* -prelinked-kernel takes the next word, -c only what getopt found. */
static int read_plk(struct kc_options *o, const struct kc_world *w, bool is_long,
		    int argc, char **argv)
{
	const char *file = optarg;

	if (!file && is_long && optind < argc)
		file = argv[optind++];
	return set_plk(o, w, file);
}

static int add_id(struct kc_options *o, const struct kc_world *w, const char *id)
{
	if (o->n_ids == KC_ARGS_MAX)
		return too_many(w);
	o->id[o->n_ids++] = id;
	return EX_OK;
}

static int not_modelled(struct kc_options *o, const char *name)
{
	if (!o->not_modelled)
		o->not_modelled = name;
	return EX_OK;
}

static int unrecognized(const struct kc_world *w, char **argv)
{
	clog_say(w->log, CLOG_ERROR, "unrecognized option %s", argv[optind - 1]);
	return EX_USAGE;
}

static int take(struct kc_options *o, struct kc_world *w, int option, bool is_long,
		int argc, char **argv)
{
	if (set_simple(o, option))
		return EX_OK;
	switch (option) {
	case 'a':
		return add_arch(o, w, optarg);
	case 'b':
		return add_id(o, w, optarg);
	case 'c':
		return read_plk(o, w, is_long, argc, argv);
	case 'e':
	case LONG_SYSTEM_PLK:
		return set_system_plk(o, w);
	case 'i':
	case 'u':
	case 'U':
		return set_volume(o, w, option, optarg);
	case 'k':
		clog_say(w->log, CLOG_WARNING, "-k is no longer used; ignoring.");
		return EX_OK;
	case 'K':
		return set_kernel(o, w, optarg);
	case 'q':
		quiet(w);
		return EX_OK;
	case 'T': /* names a variant of executables that no kext of ours has */
		return EX_OK;
	case 'v':
		return set_verbose(w, argc, argv);
	case 'X':
		clog_say(w->log, CLOG_WARNING,
			 "WARNING: Cannot find personalization tool to "
			 "build immutable kernel: skipping!");
		return EX_OK;
	case LONG_VOLUME_ROOT:
		if (o->volume_root)
			clog_say(w->log, CLOG_WARNING,
				 "Warning: volume root already specified; using last.");
		o->volume_root = optarg;
		return EX_OK;
	case LONG_SYSTEM_CACHES:
		o->system_caches = true;
		return add_system_dirs(o, w);
	case LONG_SYMBOLS:
		return not_modelled(o, "symbols");
	case LONG_STRIP_SYMBOLS:
		return not_modelled(o, "strip-symbols");
	default:
		return unrecognized(w, argv);
	}
}

static int take_rest(struct kc_options *o, const struct kc_world *w, int argc,
		     char **argv)
{
	if (o->update_volume)
		return EX_OK;
	for (int i = optind; i < argc; i++) {
		if (o->n_args == KC_ARGS_MAX)
			return too_many(w);
		o->arg[o->n_args++] = argv[i];
	}
	return EX_OK;
}

int kc_options_parse(struct kc_options *o, struct kc_world *w, int argc, char **argv,
		     bool *ret_help)
{
	int option, index = -1, status = EX_OK;

	*o = (struct kc_options){.n_args = 0};
	*ret_help = false;
	optind = 0; /* glibc: start anew */
	while (!status && (option = getopt_long_only(argc, argv, short_options,
						     long_options, &index)) != -1) {
		if (option == 'h') {
			kc_usage(w->log, true);
			*ret_help = true;
			return EX_OK;
		}
		if (option == ':' && optopt == 'c') {
			option = 'c';
			optarg = NULL;
		} else if (option == ':') {
			clog_say(w->log, CLOG_ERROR,
				 "kextcache: option requires an argument -- -%c.",
				 optopt);
		}
		status = take(o, w, option, index != -1, argc, argv);
		index = -1;
	}
	if (!status)
		status = take_rest(o, w, argc, argv);
	if (status == EX_USAGE)
		kc_usage(w->log, false);
	return status;
}

bool kc_arg_is_kext(const struct kc_options *o, size_t i)
{
	const char *s = o->arg[i];
	size_t n = strlen(s);

	while (n > 1 && s[n - 1] == '/')
		n--;
	return n > 5 && !strncmp(s + n - 5, ".kext", 5);
}
