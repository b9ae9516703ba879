/* SPDX-License-Identifier: MIT */
/* kextlab kext signature: what a signature says, and whether it is good. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "harness/cmd_kext.h"

static const struct option options[] = {
	{"requirement", required_argument, NULL, 'R'},
	{"anchors", required_argument, NULL, 'a'},
	{"json", no_argument, NULL, 'j'},
	{NULL, 0, NULL, 0},
};

struct words {
	const char *bundle, *requirement, *anchors;
	bool json;
};

static const char *time_text(int64_t t, char out[static 32])
{
	time_t at = (time_t)t;
	struct tm tm;

	if (!gmtime_r(&at, &tm) || !strftime(out, 32, "%Y-%m-%d %H:%M:%S UTC", &tm))
		snprintf(out, 32, "%" PRId64, t);
	return out;
}

static void print_details(const struct codesign_result *r)
{
	char hex[2 * CS_CDHASH_LEN + 1], when[32];

	hex_text(r->cdhash, CS_CDHASH_LEN, hex);
	printf("Identifier=%s\nFormat=%s\n", r->ident, r->format);
	printf("CodeDirectory v=%x flags=0x%x%s hash=%s directories=%zu\n", r->version,
	       r->flags, r->adhoc ? "(adhoc)" : "", r->hash->name, r->n_cdhashes);
	printf("CDHash=%s\n", hex);
	if (r->adhoc)
		printf("Signature=adhoc\n");
	for (size_t i = 0; i < r->n_authorities; i++)
		printf("Authority=%s\n", r->authority[i]);
	if (r->timestamp)
		printf("Timestamp=%s\n", time_text(r->timestamp, when));
	else if (r->signing_time)
		printf("Signed Time=%s\n", time_text(r->signing_time, when));
	printf("TeamIdentifier=%s\n", *r->team ? r->team : "not set");
	if (r->requirement)
		printf("designated => %s\n", r->requirement);
}

void kext_print_signature(const char *path, const struct codesign_result *r)
{
	if (r->is_signed)
		print_details(r);
	for (size_t i = 0; i < r->problems.n; i++)
		printf("%s: %s\n", cs_problem_text(r->problems.item[i].kind),
		       r->problems.item[i].rel);
	if (r->problems.more)
		printf("and %zu more\n", r->problems.more);
	if (r->expired)
		printf("a certificate has expired\n");
	printf("%s: %s", path, cs_status_text(r->status));
	if (r->status)
		printf(" (%s %d)%s%s", cs_status_name(r->status), r->status,
		       *r->why ? ": " : "", r->why);
	putchar('\n');
}

static json_t *problems_json(const struct cs_problems *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->n; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s}", "problem",
					cs_problem_text(p->item[i].kind), "path",
					p->item[i].rel));
	return list;
}

static json_t *details_json(const struct codesign_result *r)
{
	char hex[2 * CS_CDHASH_LEN + 1];
	json_t *names = json_array();

	hex_text(r->cdhash, CS_CDHASH_LEN, hex);
	for (size_t i = 0; i < r->n_authorities; i++)
		json_array_append_new(names, json_string(r->authority[i]));
	return json_pack("{s:s, s:s, s:s?, s:s, s:s, s:I, s:b, s:b, s:o, s:I, s:I, s:s?}",
			 "identifier", r->ident, "format", r->format, "team",
			 *r->team ? r->team : NULL, "cdhash", hex, "hash", r->hash->name,
			 "flags", (json_int_t)r->flags, "adhoc", r->adhoc, "expired",
			 r->expired, "authorities", names, "signing_time",
			 (json_int_t)r->signing_time, "timestamp",
			 (json_int_t)r->timestamp, "requirement", r->requirement);
}

json_t *kext_signature_json(const char *path, const struct codesign_result *r)
{
	json_t *j = json_pack("{s:s, s:i, s:s, s:s, s:s, s:b, s:o}", "path", path,
			      "status", r->status, "name", cs_status_name(r->status),
			      "text", cs_status_text(r->status), "why", r->why, "signed",
			      r->is_signed, "problems", problems_json(&r->problems));

	if (j && r->is_signed)
		json_object_set_new(j, "signature", details_json(r));
	return j;
}

static int verify(const struct app *app, const struct words *w,
		  struct codesign_result *res, struct err *e)
{
	struct cs_anchors anchors = {.n = 0};
	struct codesign_check how = {.anchors = &anchors, .now = time(NULL)};
	struct buf req = BUF_INIT;
	int r = w->requirement ? cs_req_parse(w->requirement, &req, e) : 0;

	how.requirement = buf_span(&req);
	if (!r)
		r = kext_anchors(app, w->anchors, &anchors, e);
	if (!r)
		r = codesign_verify(w->bundle, &how, res, e);
	buf_release(&req);
	cs_anchors_release(&anchors);
	return r;
}

static int read_words(struct words *w, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "R:", options, NULL)) != -1) {
		switch (c) {
		case 'R':
			w->requirement = optarg;
			break;
		case 'a':
			w->anchors = optarg;
			break;
		case 'j':
			w->json = true;
			break;
		default:
			return cmd_usage_error("kext", "bad option");
		}
	}
	if (optind != argc - 1)
		return cmd_usage_error("kext", "signature BUNDLE");
	w->bundle = argv[optind];
	return 0;
}

int kext_cmd_signature(const struct app *app, int argc, char **argv)
{
	struct words w = {.json = false};
	struct codesign_result res = {.status = CS_OK};
	struct err e = ERR_INIT;
	int r = read_words(&w, argc, argv), status;

	if (r)
		return r;
	if (verify(app, &w, &res, &e)) {
		codesign_result_release(&res);
		return cmd_error(&e);
	}
	status = res.status ? EXIT_FAILED : EXIT_PASSED;
	if (w.json)
		r = cmd_print_json(kext_signature_json(w.bundle, &res));
	else
		kext_print_signature(w.bundle, &res);
	codesign_result_release(&res);
	return r ? r : status;
}
