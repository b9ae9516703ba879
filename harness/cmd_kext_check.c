/* SPDX-License-Identifier: MIT */
/* kextlab kext check: every finding in Apple's words, and a line of verdict. */
#include <stdio.h>
#include <string.h>

#include "harness/cmd_kext.h"
#include "harness/kext_check.h"
#include "sim/base/json_text.h"
#include "sim/platform/release.h"

#define RELEASE "10.15.1" /* without --release */

static const struct option options[] = {
	{"release", required_argument, NULL, 'r'},
	{"sip", required_argument, NULL, 's'},
	{"repository", required_argument, NULL, 'R'},
	{"permissions", no_argument, NULL, 'p'},
	{"anchors", required_argument, NULL, 'a'},
	{"json", no_argument, NULL, 'j'},
	{"system", required_argument, NULL, 'S'},
	{NULL, 0, NULL, 0},
};

static int take_release(struct kext_check_request *rq, const char *name)
{
	char hint[NEAREST_HINT_MAX];

	rq->release = release_by_name(name);
	return rq->release ? 0
			   : cmd_usage_error("kext", "unknown release '%s'%s", name,
					     release_hint(name, hint));
}

static int take_sip(struct kext_check_request *rq, const char *word)
{
	rq->sip = strcmp(word, "off") != 0;
	return strcmp(word, "on") && strcmp(word, "off")
		       ? cmd_usage_error("kext", "--sip is on or off, not '%s'", word)
		       : 0;
}

static int take_folder(struct kext_check_request *rq, const char *folder)
{
	if (rq->n_folders == KEXT_CHECK_FOLDERS)
		return cmd_usage_error("kext", "more than %d repositories",
				       KEXT_CHECK_FOLDERS);
	rq->folder[rq->n_folders++] = folder;
	return 0;
}

/* Of a real Mac: its kernel says what release it is, and Apple's root comes with it. */
static int open_system(struct kext_check_request *rq, struct own_system *own,
		       struct cs_anchors *anchors, struct err *e)
{
	struct buf der = BUF_INIT;
	int r = 0;

	if (!rq->release)
		rq->release = kernel_banner_release(&own->banner);
	if (!rq->release)
		rq->release = release_by_name(RELEASE);
	r = own_system_fits(own, rq->release, e);
	if (!r)
		r = own_system_root(own, NULL, 0, &der, e);
	if (!r && der.len)
		r = cs_anchors_add(anchors, buf_span(&der), e);
	buf_release(&der);
	rq->own = own;
	return r;
}

/* What is not a matter of the check itself. */
struct words {
	bool json;
	const char *anchors, *system;
};

static int read_words(struct kext_check_request *rq, struct words *w, int argc, char **argv)
{
	int c, r = 0;

	while (!r && (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'r':
			r = take_release(rq, optarg);
			break;
		case 's':
			r = take_sip(rq, optarg);
			break;
		case 'R':
			r = take_folder(rq, optarg);
			break;
		case 'p':
			rq->permissions = true;
			break;
		case 'j':
			w->json = true;
			break;
		case 'a':
			w->anchors = optarg;
			break;
		case 'S':
			w->system = optarg;
			break;
		default:
			r = cmd_usage_error("kext", "bad option");
		}
	}
	if (!r && optind != argc - 1)
		r = cmd_usage_error("kext", "check BUNDLE");
	rq->bundle = argv[optind];
	return r;
}

/* ---- for people ---- */

static int print_kernel(const struct kext_check *c, struct buf *out, struct err *e)
{
	int r = buf_printf(out, e, "Kernel:\n    ");

	if (!r)
		r = own_system_text(c->rq->own, c->rq->release, out, e);
	return r ? r : buf_append(out, "\n", 1, e);
}

static int print_links(const struct kext_check *c, struct buf *out, struct err *e)
{
	const struct kext_set *list = &c->result.list;
	bool linked = c->result.link_tried;
	int r = linked ? buf_printf(out, e, "Linked from:\n") : 0;

	for (size_t i = 0; linked && i < list->n && !r; i++) {
		r = buf_printf(out, e, "    %s %s: ", list->item[i]->id,
			       list->item[i]->version_string);
		if (!r)
			r = kext_check_place(c, list->item[i], out, e);
		if (!r)
			r = buf_append(out, "\n", 1, e);
	}
	return r;
}

static int print_messages(struct kext_check *c, struct buf *out, struct err *e)
{
	const char *at = buf_str(&c->messages), *end;
	int r = *at ? buf_printf(out, e, "Messages:\n") : 0;

	for (; *at && !r; at = end + 1) {
		end = strchr(at, '\n');
		r = buf_printf(out, e, "    %.*s\n", (int)(end - at), at);
	}
	return r;
}

static int verdict(struct kext_check *c, struct buf *out, struct err *e)
{
	const char *release = c->rq->release->name, *sip = c->rq->sip ? "on" : "off";

	if (c->why.len)
		return buf_printf(out, e,
				  "does not go into the prelinked kernel of %s with SIP %s: "
				  "%s",
				  release, sip, buf_str(&c->why));
	return buf_printf(out, e, "goes into the prelinked kernel of %s with SIP %s%s%s",
			  release, sip, c->when.len ? ", " : "", buf_str(&c->when));
}

static int print_check(struct kext_check *c, struct buf *out, struct err *e)
{
	int r = kext_diag_print(&c->kext->diags, out, e);

	if (!r)
		r = print_messages(c, out, e);
	if (!r)
		r = print_kernel(c, out, e);
	if (!r)
		r = print_links(c, out, e);
	if (!r)
		r = buf_printf(out, e, "%s %s ", c->kext->id[0] ? c->kext->id : "(no id)",
			       c->kext->version_string);
	if (!r)
		r = verdict(c, out, e);
	return r ? r : buf_append(out, "\n", 1, e);
}

/* ---- for programs ---- */

static json_t *findings_json(const struct kext_diags *d)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < d->n; i++) {
		const struct kext_diag *f = &d->item[i];

		json_array_append_new(
			list, json_pack("{s:s,s:s,s:o}", "category",
					kext_diag_title(kext_fault_class(f->fault)), "text",
					kext_fault_text(f->fault), "subject",
					f->subject ? json_text(f->subject) : json_null()));
	}
	return list;
}

static json_t *lines_json(struct buf *text)
{
	const char *at = buf_str(text), *end;
	json_t *list = json_array();
	char line[4096];

	for (; list && *at; at = end + 1) {
		end = strchr(at, '\n');
		snprintf(line, sizeof(line), "%.*s", (int)(end - at), at);
		json_array_append_new(list, json_text(line));
	}
	return list;
}

static int links_json(const struct kext_check *c, json_t *list, struct err *e)
{
	int r = 0;

	for (size_t i = 0; c->result.link_tried && i < c->result.list.n && !r; i++) {
		const struct kext *k = c->result.list.item[i];
		struct buf path = BUF_INIT;

		r = kext_check_place(c, k, &path, e);
		json_array_append_new(list, json_pack("{s:o,s:o,s:o}", "id", json_text(k->id),
						      "version",
						      json_text(k->version_string), "path",
						      json_text(buf_str(&path))));
		buf_release(&path);
	}
	return r;
}

static int check_json(struct kext_check *c, json_t **ret, struct err *e)
{
	json_t *links = json_array();
	struct buf line = BUF_INIT, kernel = BUF_INIT;
	int r = links_json(c, links, e);

	if (!r)
		r = verdict(c, &line, e);
	if (!r)
		r = own_system_text(c->rq->own, c->rq->release, &kernel, e);
	*ret = json_pack(
		"{s:i,s:o,s:o,s:o,s:s,s:b,s:b,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "schema",
		1, "bundle", json_text(c->kext->path), "id", json_text(c->kext->id),
		"version", json_text(c->kext->version_string), "release",
		c->rq->release->name, "sip", c->rq->sip, "goes_in", !c->why.len,
		"verdict", json_text(buf_str(&line)), "why",
		c->why.len ? json_text(buf_str(&c->why)) : json_null(), "when",
		c->when.len && !c->why.len ? json_text(buf_str(&c->when)) : json_null(),
		"findings", findings_json(&c->kext->diags), "messages",
		lines_json(&c->messages), "linked_from", links, "system",
		c->rq->own ? json_text(c->rq->own->dir) : json_null(), "kernel",
		json_text(buf_str(&kernel)));
	buf_release(&line);
	buf_release(&kernel);
	if (!r && !*ret)
		r = err_set(e, E_NOMEM, "out of memory");
	return r;
}

static int report(struct kext_check *c, bool json, struct err *e)
{
	struct buf out = BUF_INIT;
	json_t *j = NULL;
	int r = json ? check_json(c, &j, e) : print_check(c, &out, e);

	if (r)
		json_decref(j);
	else if (json)
		(void)cmd_print_json(j);
	else
		fputs(buf_str(&out), stdout);
	buf_release(&out);
	return r;
}

int kext_cmd_check(const struct app *app, int argc, char **argv)
{
	struct kext_check_request rq = {
		.source_dir = app->source_dir,
		.build_dir = app->build_dir,
		.sip = true,
	};
	struct kext_check c = {.rq = &rq};
	struct own_system own = {.kernel = BUF_INIT};
	struct cs_anchors anchors = {.n = 0};
	struct err e = ERR_INIT;
	struct words w = {.json = false};
	int r = read_words(&rq, &w, argc, argv), status;

	if (r)
		return r;
	rq.anchors = &anchors;
	r = kext_anchors(app, w.anchors, &anchors, &e);
	if (!r && w.system)
		r = own_system_open(w.system, &own, &e);
	if (!r && w.system)
		r = open_system(&rq, &own, &anchors, &e);
	if (!rq.release)
		rq.release = release_by_name(RELEASE);
	if (!r)
		r = kext_check(&rq, &c, &e);
	if (!r)
		r = report(&c, w.json, &e);
	status = r ? cmd_error(&e) : c.why.len ? EXIT_FAILED : EXIT_PASSED;
	kext_check_release(&c);
	cs_anchors_release(&anchors);
	own_system_release(&own);
	return status;
}
