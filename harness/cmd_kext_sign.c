/* SPDX-License-Identifier: MIT */
/* kextlab kext sign: a bundle gets a signature of one of the laboratory's identities. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/cmd_kext.h"
#include "sim/base/fsio.h"
#include "sim/base/nearest.h"
#include "sim/base/tree_copy.h"
#include "sim/formats/plist/pl.h"

#define ENTITLEMENTS_MAX (1u << 20) /* bytes */

struct words {
	const char *bundle, *identity, *output, *time, *flags, *entitlements;
	bool json;
};

static const struct option options[] = {
	{"identity", required_argument, NULL, 'i'}, {"output", required_argument, NULL, 'o'},
	{"time", required_argument, NULL, 't'},	    {"options", required_argument, NULL, 'f'},
	{"entitlements", required_argument, NULL, 'e'},
	{"json", no_argument, NULL, 'j'},	    {NULL, 0, NULL, 0},
};

static int read_words(struct words *w, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
		switch (c) {
		case 'i':
			w->identity = optarg;
			break;
		case 'o':
			w->output = optarg;
			break;
		case 't':
			w->time = optarg;
			break;
		case 'f':
			w->flags = optarg;
			break;
		case 'e':
			w->entitlements = optarg;
			break;
		case 'j':
			w->json = true;
			break;
		default:
			return cmd_usage_error("kext", "bad option");
		}
	}
	if (optind != argc - 1)
		return cmd_usage_error("kext", "sign BUNDLE");
	w->bundle = argv[optind];
	return 0;
}

static int find_identity(const char *name, const struct signing_identity **ret)
{
	const char *names[16];
	char hint[NEAREST_HINT_MAX];
	size_t n = 0;

	*ret = signing_identity_by_name(name);
	if (*ret)
		return 0;
	for (const struct signing_identity *i = signing_identities; i->name; i++)
		names[n++] = i->name;
	return cmd_usage_error("kext", "unknown identity '%s'%s", name,
			       nearest_hint(name, names, n, hint));
}

/* "expires,hard": the words of codesign --options. */
static int read_flags(const char *text, uint32_t *ret)
{
	static const struct {
		const char *word;
		uint32_t flag;
	} rows[] = {
		{"host", CS_FLAG_HOST},		   {"hard", CS_FLAG_FORCE_HARD},
		{"kill", CS_FLAG_FORCE_KILL},	   {"expires", CS_FLAG_FORCE_EXPIRED},
		{"restrict", CS_FLAG_RESTRICT},	   {"enforcement", CS_FLAG_ENFORCEMENT},
		{"library-validation", CS_FLAG_LIBRARY},
	};

	for (size_t n; text && *text; text += n + (text[n] == ',')) {
		size_t i = 0;

		n = strcspn(text, ",");
		while (i < sizeof(rows) / sizeof(rows[0]) &&
		       (strlen(rows[i].word) != n || strncmp(rows[i].word, text, n) != 0))
			i++;
		if (i == sizeof(rows) / sizeof(rows[0]))
			return cmd_usage_error("kext", "unknown option '%.*s'", (int)n,
					       text);
		*ret |= rows[i].flag;
	}
	return 0;
}

/* The same input is to give the same bytes, for who sets a time. */
static int read_time(const struct words *w, int64_t *ret)
{
	const char *text = w->time ? w->time : getenv("SOURCE_DATE_EPOCH");
	char *end;

	*ret = time(NULL);
	if (!text || !*text)
		return 0;
	errno = 0;
	*ret = strtoll(text, &end, 10);
	if (errno || *end || *ret <= 0)
		return cmd_usage_error("kext", "'%s' is no time in seconds", text);
	return 0;
}

/* Where it is signed: in place, or a copy in another folder. */
static int place(const struct words *w, char out[static PATH_MAX], struct err *e)
{
	const char *slash, *end = w->bundle + strlen(w->bundle);
	char name[NAME_MAX + 1];
	int r;

	while (end > w->bundle + 1 && end[-1] == '/')
		end--;
	if (!w->output) {
		snprintf(out, PATH_MAX, "%.*s", (int)(end - w->bundle), w->bundle);
		return 0;
	}
	slash = memrchr(w->bundle, '/', (size_t)(end - w->bundle));
	slash = slash ? slash + 1 : w->bundle;
	snprintf(name, sizeof(name), "%.*s", (int)(end - slash), slash);
	r = fsio_mkdirs(w->output, 0755, e);
	if (!r)
		r = fsio_join(out, PATH_MAX, w->output, name, e);
	if (!r)
		r = fsio_remove_tree(out, e);
	return r ? r : tree_copy(w->bundle, out, NULL, e);
}

/* As XML, which is what the signature has, whatever format the file has. */
static int read_entitlements(const struct words *w, struct buf *out, struct err *e)
{
	plist_t dict = NULL;
	int r = w->entitlements
			? pl_load_dict(w->entitlements, ENTITLEMENTS_MAX, &dict, e)
			: 0;

	if (!r && dict)
		r = pl_to_xml(dict, out, e);
	plist_free(dict);
	return r;
}

static int sign(const struct app *app, const struct words *w,
		const struct signing_identity *id, struct signing_how *as,
		struct codesign_result *res, char path[static PATH_MAX], struct err *e)
{
	struct signing_authority a = {.store = {.n = 0}};
	struct cs_anchors anchors = {.n = 0};
	struct codesign_check how = {.anchors = &anchors, .now = as->time};
	struct buf entitlements = BUF_INIT;
	int r = kext_authority(app, &a, e);

	if (!r)
		r = read_entitlements(w, &entitlements, e);
	as->entitlements = buf_span(&entitlements);
	if (!r)
		r = place(w, path, e);
	if (!r)
		r = signing_sign(&a, id, path, as, e);
	if (!r)
		r = signing_anchors(&a, &anchors, e);
	if (!r)
		r = codesign_verify(path, &how, res, e);
	as->entitlements = (struct span){NULL, 0};
	buf_release(&entitlements);
	cs_anchors_release(&anchors);
	signing_authority_release(&a);
	return r;
}

int kext_cmd_sign(const struct app *app, int argc, char **argv)
{
	struct words w = {.identity = SIGNING_IDENTITY_DEFAULT};
	struct codesign_result res = {.status = CS_OK};
	const struct signing_identity *id;
	char path[PATH_MAX];
	struct err e = ERR_INIT;
	struct signing_how as = {.flags = 0};
	int r = read_words(&w, argc, argv);

	if (!r)
		r = find_identity(w.identity, &id);
	if (!r)
		r = read_flags(w.flags, &as.flags);
	if (!r)
		r = read_time(&w, &as.time);
	if (r)
		return r;
	r = sign(app, &w, id, &as, &res, path, &e);
	if (r)
		r = cmd_error(&e);
	else if (w.json)
		r = cmd_print_json(kext_signature_json(path, &res));
	else
		printf("%s: signed as %s%s%s\n", path, id->name,
		       res.n_authorities ? ": " : "",
		       res.n_authorities ? res.authority[0] : "");
	codesign_result_release(&res);
	return r;
}
