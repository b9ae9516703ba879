/* SPDX-License-Identifier: MIT */
/* kextlab kext identities: who can sign, and whom a Mac of the laboratory trusts. */
#include <stdio.h>

#include "harness/cmd_kext.h"
#include "sim/base/fsio.h"

static const struct option options[] = {
	{"anchor", required_argument, NULL, 'a'},
	{"json", no_argument, NULL, 'j'},
	{NULL, 0, NULL, 0},
};

struct words {
	const char *anchor;
	bool json;
};

static int read_words(struct words *w, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'a')
			w->anchor = optarg;
		else if (c == 'j')
			w->json = true;
		else
			return cmd_usage_error("kext", "bad option");
	}
	return optind == argc ? 0
			      : cmd_usage_error("kext", "identities takes no '%s'",
						argv[optind]);
}

static int print_json(const char *fingerprint)
{
	json_t *list = json_array();

	for (const struct signing_identity *i = signing_identities; i->name; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "name", i->name,
						      "about", i->about));
	return cmd_print_json(json_pack("{s:o, s:s}", "identities", list, "authority",
					fingerprint));
}

static int print_text(const char *fingerprint)
{
	for (const struct signing_identity *i = signing_identities; i->name; i++)
		printf("%-18s %s\n", i->name, i->about);
	printf("authority          %s\n", fingerprint);
	return EXIT_PASSED;
}

static int load(const struct app *app, const struct words *w,
		char fingerprint[static SHA256_TEXT_MAX], struct err *e)
{
	struct signing_authority a = {.store = {.n = 0}};
	struct span root;
	int r = kext_authority(app, &a, e);

	if (!r)
		r = signing_authority_fingerprint(&a, fingerprint, e);
	if (!r)
		r = signing_cert(&a, SIGNING_ROOT, &root, e);
	if (!r && w->anchor)
		r = fsio_write_atomic(w->anchor, root.p, root.len, 0644, e);
	signing_authority_release(&a);
	return r;
}

int kext_cmd_identities(const struct app *app, int argc, char **argv)
{
	char fingerprint[SHA256_TEXT_MAX];
	struct words w = {.anchor = NULL};
	struct err e = ERR_INIT;
	int r = read_words(&w, argc, argv);

	if (r)
		return r;
	if (load(app, &w, fingerprint, &e))
		return cmd_error(&e);
	return w.json ? print_json(fingerprint) : print_text(fingerprint);
}
