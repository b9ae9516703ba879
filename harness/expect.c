/* SPDX-License-Identifier: MIT */
#include "harness/expect.h"

#include <string.h>

static const char *const kernel_words[] = {"system_kernel", "staged_kernel",
					   "booted_kernel", NULL};
static const char *const type_words[] = {"any", "file", "folder", "link", NULL};
static const char *const role_words[] = {"System",   "Data", "Preboot",
					 "Recovery", "VM",   NULL};
static const char *const since_words[] = {"shutdown", "boot", "start", NULL};
static const char *const judge_words[] = {"clean", "ignore", NULL};

const struct schema_key text_match_keys[] = {
	{"equals", SCHEMA_TEXT, .offset = offsetof(struct text_match, equals),
	 .doc = "the whole text is this; line feeds at its end do not count"},
	{"contains", SCHEMA_TEXT, .offset = offsetof(struct text_match, contains),
	 .doc = "this stands somewhere in the text"},
	{"like", SCHEMA_TEXT, .offset = offsetof(struct text_match, like),
	 .doc = "some line is like this pattern, where `*` is any run of characters"},
	{"regex", SCHEMA_TEXT, .offset = offsetof(struct text_match, regex),
	 .doc = "this POSIX extended regular expression matches somewhere"},
	{NULL},
};

int text_match_read(struct binder *b, const struct ynode *n, void *field, struct err *e)
{
	struct text_match *m = arena_alloc(b->arena, sizeof(*m), e);
	int r = 0;

	if (!m)
		return -(int)e->code;
	if (n->kind == YNODE_SCALAR)
		m->equals = n->text;
	else
		r = schema_bind(b, n, text_match_keys, m, e);
	if (!r)
		*(struct text_match **)field = m;
	return r;
}

/* Room for the children of @n, which has to be of @kind. */
static int list_room(struct binder *b, const struct ynode *n, enum ynode_kind kind,
		     size_t size, void *ret, struct err *e)
{
	int r = schema_want(n, kind, n->key ? n->key->text : "entry", e);
	void *p;

	if (r)
		return r;
	p = arena_array(b->arena, n->n, size, e);
	if (!p)
		return -(int)e->code;
	*(void **)ret = p;
	return 0;
}

static int read_kexts(struct binder *b, const struct ynode *n, void *field, struct err *e)
{
	struct kext_wants *w = field;
	int r = list_room(b, n, YNODE_MAP, sizeof(*w->items), &w->items, e);

	for (const struct ynode *c = n->first; c && !r; c = c->next) {
		r = schema_want(c, YNODE_SCALAR, "version", e);
		if (!r)
			w->items[w->n++] = (struct kext_want){c->key->text, c->text};
	}
	return r;
}

#define KEXTS_TYPE "map of bundle id (or `@bundle`) to version, `@bundle` or `absent`"

const struct schema_key kernel_expect_keys[] = {
	{"exists", SCHEMA_TRI, .offset = offsetof(struct kernel_expect, exists),
	 .doc = "there is such a file"},
	{"kexts", SCHEMA_CUSTOM, .offset = offsetof(struct kernel_expect, kexts),
	 .read = read_kexts, .type = KEXTS_TYPE, .doc = "kexts linked into it"},
	{"equal_to", SCHEMA_WORD, .offset = offsetof(struct kernel_expect, equal_to),
	 .words = kernel_words, .base = 1,
	 .doc = "byte for byte the same file (SHA-256)"},
	{"same_id_as", SCHEMA_WORD, .offset = offsetof(struct kernel_expect, same_id_as),
	 .words = kernel_words, .base = 1, .doc = "the same KernelCache ID"},
	{"unchanged", SCHEMA_TRI, .offset = offsetof(struct kernel_expect, unchanged),
	 .doc = "the same bytes as before the first boot (`false`: other bytes)"},
	{"verify", SCHEMA_TEXT, .offset = offsetof(struct kernel_expect, verify),
	 .doc = "`ok`, or a pattern for the reason why a booter would refuse it"},
	{"darwin", SCHEMA_TEXT, .offset = offsetof(struct kernel_expect, darwin),
	 .doc = "pattern for the version string of the kernel in it"},
	{NULL},
};

static void kernel_expect_init(void *obj)
{
	struct kernel_expect *k = obj;

	k->exists = k->unchanged = -1;
}

const struct schema_key file_expect_keys[] = {
	{"type", SCHEMA_WORD, .offset = offsetof(struct file_expect, type),
	 .words = type_words, .doc = "what it is"},
	{"volume", SCHEMA_CHOICE, .offset = offsetof(struct file_expect, volume),
	 .words = role_words, .doc = "role of the volume that holds it"},
	{"mode", SCHEMA_OCTAL, .offset = offsetof(struct file_expect, mode),
	 .doc = "permission bits"},
	{"uid", SCHEMA_UINT, .offset = offsetof(struct file_expect, uid), .doc = "owner"},
	{"gid", SCHEMA_UINT, .offset = offsetof(struct file_expect, gid), .doc = "group"},
	{"size", SCHEMA_UINT, .offset = offsetof(struct file_expect, size),
	 .doc = "bytes"},
	{"content", SCHEMA_CUSTOM, .offset = offsetof(struct file_expect, content),
	 .read = text_match_read, .type = "text, or map of a text match",
	 .doc = "what is in it"},
	{"sha256", SCHEMA_TEXT, .offset = offsetof(struct file_expect, sha256),
	 .doc = "hash of the content, hexadecimal"},
	{"link", SCHEMA_TEXT, .offset = offsetof(struct file_expect, link),
	 .doc = "target of the symbolic link"},
	{"same_as", SCHEMA_TEXT, .offset = offsetof(struct file_expect, same_as),
	 .doc = "path of another file with the same content"},
	{NULL},
};

static int read_file(struct binder *b, const struct ynode *n, struct file_expect *f,
		     struct err *e)
{
	static const char *const words[] = {"absent", "present", NULL};

	f->path = n->key->text;
	f->mode = f->uid = f->gid = f->size = -1;
	if (f->path[0] != '/')
		return ynode_error(n->key, e, "'%s' is not an absolute path", f->path);
	if (n->kind != YNODE_SCALAR)
		return schema_bind(b, n, file_expect_keys, f, e);
	f->absent = !strcmp(n->text, "absent");
	if (!f->absent && strcmp(n->text, "present"))
		return schema_unknown(n, "state of a file", n->text, words, e);
	return 0;
}

static int read_files(struct binder *b, const struct ynode *n, void *field, struct err *e)
{
	struct expect *x = field;
	int r = list_room(b, n, YNODE_MAP, sizeof(*x->files), &x->files, e);

	for (const struct ynode *c = n->first; c && !r; c = c->next)
		r = read_file(b, c, &x->files[x->n_files++], e);
	return r;
}

static const struct schema_key console_line_keys[] = {
	{"like", SCHEMA_TEXT, .offset = offsetof(struct console_line, like)},
	{"regex", SCHEMA_TEXT, .offset = offsetof(struct console_line, regex)},
	{NULL},
};

static int read_lines(struct binder *b, const struct ynode *n, void *field, struct err *e)
{
	struct console_lines *l = field;
	int r = list_room(b, n, YNODE_LIST, sizeof(*l->items), &l->items, e);

	for (const struct ynode *c = n->first; c && !r; c = c->next) {
		struct console_line *line = &l->items[l->n++];

		if (c->kind == YNODE_SCALAR)
			line->like = c->text;
		else
			r = schema_bind(b, c, console_line_keys, line, e);
		if (!r && !line->like == !line->regex)
			r = ynode_error(c, e, "a console line has either like or regex");
	}
	return r;
}

#define LINES_TYPE "list of patterns, or of `{regex: ...}`"

const struct schema_key console_expect_keys[] = {
	{"since", SCHEMA_WORD, .offset = offsetof(struct console_expect, since),
	 .words = since_words,
	 .doc = "where to begin: the last shutdown, the last boot, the start of the run"},
	{"lines", SCHEMA_CUSTOM, .offset = offsetof(struct console_expect, lines),
	 .read = read_lines, .type = LINES_TYPE,
	 .doc = "lines in this order; others may stand between them"},
	{"absent", SCHEMA_CUSTOM, .offset = offsetof(struct console_expect, absent),
	 .read = read_lines, .type = LINES_TYPE, .doc = "none of these lines"},
	{NULL},
};

static int read_console(struct binder *b, const struct ynode *n, void *field,
			struct err *e)
{
	struct console_expect *c = arena_alloc(b->arena, sizeof(*c), e);
	int r;

	if (!c)
		return -(int)e->code;
	if (n->kind == YNODE_LIST)
		r = read_lines(b, n, &c->lines, e);
	else
		r = schema_bind(b, n, console_expect_keys, c, e);
	if (!r)
		*(struct console_expect **)field = c;
	return r;
}

static int read_with(struct binder *b, const struct ynode *n, void *field, struct err *e)
{
	struct event_expect *ev = field;
	int r = list_room(b, n, YNODE_MAP, sizeof(*ev->with), &ev->with, e);

	for (const struct ynode *c = n->first; c && !r; c = c->next) {
		r = schema_want(c, YNODE_SCALAR, "with", e);
		if (!r)
			ev->with[ev->n_with++] =
				(struct field_want){c->key->text, c->text};
	}
	return r;
}

const struct schema_key event_expect_keys[] = {
	{"event", SCHEMA_TEXT, true, offsetof(struct event_expect, event),
	 .doc = "name of the event: `sip.denied`, `boot.kernel`, ..."},
	{"with", SCHEMA_CUSTOM, .offset = 0, .read = read_with,
	 .type = "map of field to pattern", .doc = "fields of the event"},
	{"absent", SCHEMA_BOOL, .offset = offsetof(struct event_expect, absent),
	 .doc = "there is no such event"},
	{"since", SCHEMA_WORD, .offset = offsetof(struct event_expect, since),
	 .words = since_words, .doc = "as for console; default: the last boot"},
	{NULL},
};

static int read_events(struct binder *b, const struct ynode *n, void *field,
		       struct err *e)
{
	struct expect *x = field;
	int r = list_room(b, n, YNODE_LIST, sizeof(*x->events), &x->events, e);

	for (const struct ynode *c = n->first; c && !r; c = c->next) {
		struct event_expect *ev = &x->events[x->n_events++];

		ev->since = SINCE_BOOT;
		r = schema_bind(b, c, event_expect_keys, ev, e);
	}
	return r;
}

static int read_nvram(struct binder *b, const struct ynode *n, void *field, struct err *e)
{
	struct expect *x = field;
	int r = list_room(b, n, YNODE_MAP, sizeof(*x->nvram), &x->nvram, e);

	for (const struct ynode *c = n->first; c && !r; c = c->next) {
		r = schema_want(c, YNODE_SCALAR, "nvram", e);
		if (!r && strcmp(c->text, "absent") &&
		    (strlen(c->text) % 2 ||
		     strspn(c->text, "0123456789abcdef") != strlen(c->text)))
			r = ynode_error(c, e,
					"'%s' is neither bytes like 77000000 nor absent",
					c->text);
		if (!r)
			x->nvram[x->n_nvram++] =
				(struct nvram_want){c->key->text, c->text};
	}
	return r;
}

static const char *const live_words[] = {"yes", "no", "broken", NULL};
static const char *const snapshot_words[] = {"yes", "no", "broken", "none", NULL};

#define SEAL(field) .offset = offsetof(struct seal_expect, field)

const struct schema_key seal_expect_keys[] = {
	{"live", SCHEMA_CHOICE, SEAL(live), .words = live_words,
	 .doc = "is the volume's live state sealed"},
	{"snapshot", SCHEMA_CHOICE, SEAL(snapshot), .words = snapshot_words,
	 .doc = "is the snapshot sealed that the next start roots from"},
	{"root", SCHEMA_TEXT, SEAL(root), .doc = "pattern for its name, or `none`"},
	{"tagged", SCHEMA_TRI, SEAL(tagged),
	 .doc = "the volume names it; else it is the one of the last installation"},
	{"unchanged", SCHEMA_TRI, SEAL(unchanged),
	 .doc = "its root hash is the one before the first boot"},
	{"verify", SCHEMA_TEXT, SEAL(verify),
	 .doc = "check every node and file of it: `ok`, or a pattern for what is wrong"},
	{"snapshots", SCHEMA_UINT, SEAL(snapshots), .doc = "how many the volume has"},
	{NULL},
};

static void seal_expect_init(void *obj)
{
	struct seal_expect *x = obj;

	x->tagged = x->unchanged = -1;
	x->snapshots = -1;
}

const struct schema_key judge_keys[] = {
	{"apfsck", SCHEMA_WORD, .offset = offsetof(struct expect, judges.apfsck),
	 .words = judge_words, .doc = "`apfsck -cuw` on the container"},
	{"7zz", SCHEMA_WORD, .offset = offsetof(struct expect, judges.sevenzip),
	 .words = judge_words, .doc = "`7zz t` on the container"},
	{NULL},
};

#define KERNEL_ROW(which)                                                                \
	SCHEMA_PTR, .offset = offsetof(struct expect, kernel[which]),                    \
		    .keys = kernel_expect_keys, .size = sizeof(struct kernel_expect),    \
		    .init = kernel_expect_init

const struct schema_key expect_keys[] = {
	{"system_kernel", KERNEL_ROW(KERNEL_SYSTEM),
	 .doc = "the prelinked kernel on the System volume, which the next boot takes"},
	{"staged_kernel", KERNEL_ROW(KERNEL_STAGED),
	 .doc = "the one that kextcache staged on the Data volume"},
	{"booted_kernel", KERNEL_ROW(KERNEL_BOOTED), .doc = "the one of the last boot"},
	{"running", SCHEMA_CUSTOM, .offset = offsetof(struct expect, running),
	 .read = read_kexts, .type = KEXTS_TYPE,
	 .doc = "what kextstat lists on the running Mac"},
	{"files", SCHEMA_CUSTOM, .offset = 0, .read = read_files,
	 .type = "map of path to `present`, `absent` or a map",
	 .doc = "files of the Mac"},
	{"console", SCHEMA_CUSTOM, .offset = offsetof(struct expect, console),
	 .read = read_console, .type = "list of lines, or map",
	 .doc = "lines on the console"},
	{"events", SCHEMA_CUSTOM, .offset = 0, .read = read_events,
	 .type = "list of maps", .doc = "what the carrier reported"},
	{"nvram", SCHEMA_CUSTOM, .offset = 0, .read = read_nvram,
	 .type = "map of variable to bytes in hexadecimal, or `absent`",
	 .doc = "NVRAM, with the power off"},
	{"seal", SCHEMA_PTR, .offset = offsetof(struct expect, seal),
	 .keys = seal_expect_keys, .size = sizeof(struct seal_expect),
	 .init = seal_expect_init,
	 .doc = "the seal of the System volume, with the power off"},
	{"judges", SCHEMA_MAP, .offset = 0, .keys = judge_keys,
	 .doc = "programs that check the file system after the run"},
	{NULL},
};

int expect_read(struct binder *b, const struct ynode *n, void *field, struct err *e)
{
	struct expect *x = arena_alloc(b->arena, sizeof(*x), e);
	int r;

	if (!x)
		return -(int)e->code;
	r = schema_bind(b, n, expect_keys, x, e);
	if (!r)
		*(struct expect **)field = x;
	return r;
}
