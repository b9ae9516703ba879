/* SPDX-License-Identifier: MIT */
#include "harness/step.h"

#include <stdio.h>
#include <string.h>

#include "harness/step_run.h"
#include "images/seal_break.h"

static const char *const mode_words[] = {"normal", "recovery", NULL};
static const char *const wait_words[] = {"kext-caches", NULL};

const struct schema_key step_common_keys[] = {
	{"id", SCHEMA_TEXT, .offset = offsetof(struct step, id),
	 .doc = "a name for it, for controls and `--without`"},
	{"note", SCHEMA_TEXT, .offset = offsetof(struct step, note),
	 .doc = "what it is for; shown instead of its arguments"},
	{"timeout_s", SCHEMA_UINT, .offset = offsetof(struct step, timeout_s), .min = 1,
	 .max = 3600, .doc = "give up after so many seconds of the host"},
	{"only", SCHEMA_TEXTS, .offset = offsetof(struct step, only),
	 .doc = "variants that have this step; all when absent"},
	{"machines", SCHEMA_TEXTS, .offset = offsetof(struct step, machines),
	 .doc = "machines that have this step; all when absent"},
	{"releases", SCHEMA_TEXTS, .offset = offsetof(struct step, releases),
	 .doc = "releases of macOS that have this step; all when absent"},
	{NULL},
};

static const struct schema_key boot_keys[] = {
	{"mode", SCHEMA_WORD, .offset = offsetof(struct step_boot, mode),
	 .words = mode_words, .doc = "what to boot"},
	{"refused", SCHEMA_TEXT, .offset = offsetof(struct step_boot, refused),
	 .doc = "the boot must be refused, with a reason like this pattern"},
	{"hold", SCHEMA_TEXT, .offset = offsetof(struct step_boot, hold),
	 .doc = "stop the Mac for good at this point, for `power_cut`: `sep-11` is when "
		"the Secure Enclave has carried out its command 11, `before-sep-11` when it is "
		"about to"},
	{NULL},
};

static const struct schema_key install_keys[] = {
	{"bundle", SCHEMA_TEXT, true, offsetof(struct step_install, bundle),
	 .doc = "`@name` of a bundle, or a path from the scenario's folder"},
	{"to", SCHEMA_TEXT, .offset = offsetof(struct step_install, to),
	 .doc = "folder on the Mac; /Library/Extensions when absent"},
	{"uid", SCHEMA_UINT, .offset = offsetof(struct step_install, uid), .max = 65535,
	 .doc = "owner of what is installed; root when absent"},
	{"gid", SCHEMA_UINT, .offset = offsetof(struct step_install, gid), .max = 65535,
	 .doc = "group; wheel when absent"},
	{"mode", SCHEMA_OCTAL, .offset = offsetof(struct step_install, mode),
	 .doc = "permissions of every file and folder; 0755 and 0644 when absent"},
	{NULL},
};

static void install_init(void *args)
{
	((struct step_install *)args)->mode = -1;
}

static const struct schema_key run_keys[] = {
	{"argv", SCHEMA_TEXTS, .offset = offsetof(struct step_run, argv),
	 .doc = "program by its full path, and its arguments"},
	{"sh", SCHEMA_TEXT, .offset = offsetof(struct step_run, sh),
	 .doc = "instead of argv: commands for /bin/sh"},
	{"input", SCHEMA_TEXT, .offset = offsetof(struct step_run, input),
	 .doc = "standard input"},
	{"uid", SCHEMA_UINT, .offset = offsetof(struct step_run, uid), .max = 65535,
	 .doc = "user; root when absent"},
	{"status", SCHEMA_UINT, .offset = offsetof(struct step_run, status), .max = 255,
	 .doc = "expected exit status; 0 when absent"},
	{"stdout", SCHEMA_CUSTOM, .offset = offsetof(struct step_run, out),
	 .read = text_match_read, .type = "text, or map of a text match",
	 .doc = "expected standard output"},
	{"stderr", SCHEMA_CUSTOM, .offset = offsetof(struct step_run, err),
	 .read = text_match_read, .type = "text, or map of a text match",
	 .doc = "expected standard error"},
	{NULL},
};

static int run_check(const struct ynode *n, const void *args, struct err *e)
{
	const struct step_run *x = args;

	if (!x->argv.n == !x->sh)
		return ynode_error(n, e, "run: either argv or sh has to be given");
	if (x->argv.n && x->argv.items[0][0] != '/')
		return ynode_error(n, e, "run: '%s' is not a full path",
				   x->argv.items[0]);
	return 0;
}

static const struct schema_key touch_keys[] = {
	{"path", SCHEMA_TEXT, true, offsetof(struct step_path, path),
	 .doc = "what to touch"},
	{"create", SCHEMA_BOOL, .offset = offsetof(struct step_path, create),
	 .doc = "make the file if it is not there; absent: `touch -c`"},
	{NULL},
};

static const struct schema_key remove_keys[] = {
	{"path", SCHEMA_TEXT, true, offsetof(struct step_path, path),
	 .doc = "file or folder to remove with all below it"},
	{NULL},
};

static const struct schema_key write_keys[] = {
	{"path", SCHEMA_TEXT, true, offsetof(struct step_write, path),
	 .doc = "file to write"},
	{"content", SCHEMA_TEXT, true, offsetof(struct step_write, content),
	 .doc = "its new content"},
	{"mode", SCHEMA_OCTAL, .offset = offsetof(struct step_write, mode),
	 .doc = "permissions; 0644 when absent"},
	{NULL},
};

static void write_init(void *args)
{
	((struct step_write *)args)->mode = 0644;
}

static const struct schema_key wait_keys[] = {
	{"for", SCHEMA_WORD, .offset = offsetof(struct step_wait, what),
	 .words = wait_words, .base = 1,
	 .doc = "kextd is idle and the staged kernel is up to date"},
	{"path", SCHEMA_TEXT, .offset = offsetof(struct step_wait, path),
	 .doc = "this file exists"},
	{"gone", SCHEMA_TEXT, .offset = offsetof(struct step_wait, gone),
	 .doc = "this file does not exist"},
	{"console", SCHEMA_TEXT, .offset = offsetof(struct step_wait, console),
	 .doc = "a line like this pattern was printed since the last boot"},
	{"log", SCHEMA_TEXT, .offset = offsetof(struct step_wait, log),
	 .doc = "a line like this pattern is in the Mac's system.log, whenever it was "
		"written: a check, `wait.log`"},
	{"seconds", SCHEMA_NUMBER, .offset = offsetof(struct step_wait, seconds),
	 .doc = "so many seconds of the Mac, scaled by time_factor"},
	{NULL},
};

static int wait_check(const struct ynode *n, const void *args, struct err *e)
{
	const struct step_wait *x = args;

	if (!!x->what + !!x->path + !!x->gone + !!x->console + !!x->log +
		    (x->seconds > 0) !=
	    1)
		return ynode_error(n, e, "wait: exactly one thing to wait for");
	if (x->log && !*x->log)
		return ynode_error(ynode_get(n, "log"), e, "wait: log: an empty pattern");
	return 0;
}

static const struct schema_key reboot_keys[] = {
	{"mode", SCHEMA_WORD, .offset = offsetof(struct step_reboot, mode),
	 .words = mode_words, .doc = "what to boot after the shutdown"},
	{NULL},
};

static const struct schema_key power_cut_keys[] = {
	{"held", SCHEMA_TEXT, .offset = offsetof(struct step_power_cut, held),
	 .doc = "wait until the Mac has stopped at this point, named by `boot: {hold:}`"},
	{NULL},
};

static const struct schema_key no_keys[] = {{NULL}};

static const struct schema_key sip_keys[] = {
	{"to", SCHEMA_TEXT, true, offsetof(struct step_sip, to),
	 .doc = "`enabled`, `disabled`, or csr-active-config as 0x77"},
	{NULL},
};

static const struct schema_key allow_kext_keys[] = {
	{"bundle", SCHEMA_TEXT, true, offsetof(struct step_allow_kext, bundle),
	 .doc = "`@name` of a bundle, or a path from the scenario's folder: its developer is "
		"allowed"},
	{"no_button", SCHEMA_BOOL, .offset = offsetof(struct step_allow_kext, no_button),
	 .doc = "instead: there must be no button"},
	{NULL},
};

static const struct schema_key csrutil_keys[] = {
	{"verb", SCHEMA_TEXT, true, offsetof(struct step_csrutil, verb),
	 .doc = "`disable`, `enable`, `clear`: arguments of /usr/bin/csrutil"},
	{NULL},
};

int release_read(struct binder *b, const struct ynode *n, void *field, struct err *e)
{
	char hint[NEAREST_HINT_MAX];
	int r = schema_want(n, YNODE_SCALAR, "release", e);

	(void)b;
	if (r)
		return r;
	*(const struct release **)field = release_by_name(n->text);
	if (*(const struct release **)field)
		return 0;
	return ynode_error(n, e, "unknown release '%s'%s", n->text,
			   release_hint(n->text, hint));
}

static const struct schema_key upgrade_keys[] = {
	{"release", SCHEMA_CUSTOM, true, offsetof(struct step_upgrade, release),
	 .read = release_read, .type = "name of a release",
	 .doc = "what the system volume becomes"},
	{NULL},
};

static const struct schema_key reinstall_keys[] = {
	{"release", SCHEMA_CUSTOM, .offset = offsetof(struct step_reinstall, release),
	 .read = release_read, .type = "name of a release",
	 .doc = "what is installed; absent: what is there, over itself"},
	{NULL},
};

static const struct schema_key unlock_keys[] = {
	{"volume", SCHEMA_TEXT, true, offsetof(struct step_volume, volume),
	 .doc = "name of the volume"},
	{"passphrase", SCHEMA_TEXT, true, offsetof(struct step_volume, passphrase),
	 .doc = "of a FileVault user"},
	{NULL},
};

static const struct schema_key mount_keys[] = {
	{"volume", SCHEMA_TEXT, true, offsetof(struct step_volume, volume),
	 .doc = "name of the volume"},
	{NULL},
};

static const struct schema_key corrupt_keys[] = {
	{"path", SCHEMA_TEXT, true, offsetof(struct step_corrupt, path),
	 .doc = "file to damage; its modification time stays"},
	{"at", SCHEMA_UINT, .offset = offsetof(struct step_corrupt, at),
	 .doc = "offset of the bytes to replace"},
	{"from_end", SCHEMA_BOOL, .offset = offsetof(struct step_corrupt, from_end),
	 .doc = "`at` counts back from the end"},
	{"bytes", SCHEMA_TEXT, .offset = offsetof(struct step_corrupt, bytes),
	 .doc = "hexadecimal: what is written there"},
	{"truncate", SCHEMA_UINT, .offset = offsetof(struct step_corrupt, truncate),
	 .doc = "instead: cut the file to this size"},
	{NULL},
};

static void corrupt_init(void *args)
{
	((struct step_corrupt *)args)->truncate = -1;
}

static int corrupt_check(const struct ynode *n, const void *args, struct err *e)
{
	const struct step_corrupt *x = args;
	size_t len = x->bytes ? strlen(x->bytes) : 0;

	if (!x->bytes == (x->truncate < 0))
		return ynode_error(n, e, "corrupt: either bytes or truncate");
	if (x->bytes &&
	    (!len || len % 2 || len > 512 || strspn(x->bytes, "0123456789abcdef") != len))
		return ynode_error(n, e,
				   "corrupt: '%s' is not 1 to 256 bytes in hexadecimal",
				   x->bytes);
	return 0;
}

/* In the order of enum seal_break_kind (checked by a test). */
static const char *const seal_break_words[] = {"data",	    "slack", "node",
					       "root-hash", "flag",  "signature", NULL};

static const struct schema_key seal_break_keys[] = {
	{"kind", SCHEMA_WORD, true, offsetof(struct step_seal_break, kind),
	 .words = seal_break_words,
	 .doc = "what is damaged; see `kextlab seal --help`"},
	{"path", SCHEMA_TEXT, .offset = offsetof(struct step_seal_break, path),
	 .doc = "the file, from the root of the System volume"},
	{"offset", SCHEMA_UINT, .offset = offsetof(struct step_seal_break, offset),
	 .doc = "of the byte in the file"},
	{"live", SCHEMA_BOOL, .offset = offsetof(struct step_seal_break, live),
	 .doc = "the live state, not the snapshot that the next start roots from"},
	{NULL},
};

static int seal_break_check(const struct ynode *n, const void *args, struct err *e)
{
	const struct step_seal_break *x = args;
	const struct seal_break_row *row = &seal_break_rows[x->kind];

	if (row->needs_path && !x->path)
		return ynode_error(n, e, "seal_break: %s needs a path", row->name);
	if (!row->takes_path && x->path)
		return ynode_error(n, e, "seal_break: %s has no path", row->name);
	return 0;
}

static const struct schema_key seal_fix_keys[] = {
	{"revert", SCHEMA_BOOL, .offset = offsetof(struct step_seal_fix, revert),
	 .doc = "take the live state back to the snapshot, when its content was changed"},
	{NULL},
};

#define ARGS(type) .args_size = sizeof(struct type)

const struct step_type step_types[] = {
	{"boot", "power on", boot_keys, ARGS(step_boot), .needs = POWER_OFF,
	 .leaves = POWER_ON, .timeout_s = 120, .run = step_run_boot},
	{"install", "put a bundle in place as an installer does: complete, by one rename",
	 install_keys, ARGS(step_install), .shorthand = "bundle", .needs = POWER_ON,
	 .leaves = POWER_ANY, .timeout_s = 60, .init = install_init,
	 .run = step_run_install},
	{"run", "run a program on the Mac", run_keys, ARGS(step_run), .shorthand = "sh",
	 .needs = POWER_ON, .leaves = POWER_ANY, .timeout_s = 60, .check = run_check,
	 .run = step_run_run},
	{"touch", "set a modification time to now, with touch(1)", touch_keys,
	 ARGS(step_path), .shorthand = "path", .needs = POWER_ON, .leaves = POWER_ANY,
	 .timeout_s = 30, .run = step_run_touch},
	{"write_file", "write a file on the Mac", write_keys, ARGS(step_write),
	 .needs = POWER_ON, .leaves = POWER_ANY, .timeout_s = 30, .init = write_init,
	 .run = step_run_write},
	{"remove", "remove a file or folder", remove_keys, ARGS(step_path),
	 .shorthand = "path", .needs = POWER_ON, .leaves = POWER_ANY, .timeout_s = 30,
	 .run = step_run_remove},
	{"wait", "wait for something to happen", wait_keys, ARGS(step_wait),
	 .needs = POWER_ON, .leaves = POWER_ANY, .timeout_s = 120, .check = wait_check,
	 .run = step_run_wait},
	{"reboot", "restart with shutdown(8) and boot again", reboot_keys,
	 ARGS(step_reboot), .shorthand = "mode", .needs = POWER_ON, .leaves = POWER_ON,
	 .timeout_s = 240, .run = step_run_reboot},
	{"shutdown", "shut down with shutdown(8) and wait for the power to go off",
	 no_keys, .needs = POWER_ON, .leaves = POWER_OFF, .timeout_s = 180,
	 .run = step_run_shutdown},
	{"power_cut", "pull the plug", power_cut_keys, ARGS(step_power_cut),
	 .shorthand = "held", .needs = POWER_ON, .leaves = POWER_OFF, .timeout_s = 30,
	 .run = step_run_power_cut},
	{"sip", "set csr-active-config in NVRAM from outside, between two boots",
	 sip_keys, ARGS(step_sip), .shorthand = "to", .needs = POWER_OFF,
	 .leaves = POWER_ANY, .timeout_s = 10, .run = step_run_sip},
	{"allow_kext",
	 "play the user who opens Security & Privacy and clicks on Allow for the developer "
	 "of a kext that was blocked",
	 allow_kext_keys, ARGS(step_allow_kext), .shorthand = "bundle", .needs = POWER_ON,
	 .leaves = POWER_ANY, .timeout_s = 30, .run = step_run_allow_kext},
	{"csrutil", "run csrutil(8), in Recovery", csrutil_keys, ARGS(step_csrutil),
	 .shorthand = "verb", .needs = POWER_ON, .leaves = POWER_ANY, .timeout_s = 30,
	 .run = step_run_csrutil},
	{"upgrade",
	 "update the system volume to another release, as its installer does, from "
	 "Recovery",
	 upgrade_keys, ARGS(step_upgrade), .shorthand = "release", .needs = POWER_OFF,
	 .leaves = POWER_OFF, .timeout_s = 300, .run = step_run_upgrade},
	{"reinstall",
	 "install macOS over itself as Recovery does, on its disk: System is sealed anew, "
	 "Data stays",
	 reinstall_keys, ARGS(step_reinstall), .shorthand = "release",
	 .needs = POWER_OFF, .leaves = POWER_OFF, .timeout_s = 300,
	 .run = step_run_reinstall},
	{"unlock", "unlock a FileVault volume with diskutil, in Recovery", unlock_keys,
	 ARGS(step_volume), .needs = POWER_ON, .leaves = POWER_ANY, .timeout_s = 60,
	 .run = step_run_unlock},
	{"mount", "mount a volume with diskutil", mount_keys, ARGS(step_volume),
	 .shorthand = "volume", .needs = POWER_ON, .leaves = POWER_ANY, .timeout_s = 60,
	 .run = step_run_mount},
	{"corrupt", "damage a file on the Mac, keeping its modification time",
	 corrupt_keys, ARGS(step_corrupt), .needs = POWER_ON, .leaves = POWER_ANY,
	 .timeout_s = 30, .init = corrupt_init, .check = corrupt_check,
	 .run = step_run_corrupt},
	{"seal_break", "damage the sealed System volume, on its disk", seal_break_keys,
	 ARGS(step_seal_break), .shorthand = "kind", .needs = POWER_OFF,
	 .leaves = POWER_OFF, .timeout_s = 60, .check = seal_break_check,
	 .run = step_run_seal_break},
	{"seal_fix",
	 "repair the seal on the disk, as `kextlab seal fix` does: root from the last "
	 "sealed snapshot; take a mark away from what was not changed",
	 seal_fix_keys, ARGS(step_seal_fix), .needs = POWER_OFF, .leaves = POWER_OFF,
	 .timeout_s = 60, .run = step_run_seal_fix},
	{"expect", "judge the state of things now", expect_keys, ARGS(expect),
	 .needs = POWER_ANY, .leaves = POWER_ANY, .timeout_s = 60,
	 .run = step_run_expect},
	{NULL},
};

static const struct step_type *find_type(const char *name)
{
	for (const struct step_type *t = step_types; t->name; t++)
		if (!strcmp(t->name, name))
			return t;
	return NULL;
}

static int unknown_step(const struct ynode *n, struct err *e)
{
	const char *names[sizeof(step_types) / sizeof(step_types[0])];
	size_t i = 0;

	for (; step_types[i].name; i++)
		names[i] = step_types[i].name;
	names[i] = NULL;
	return schema_unknown(n->key, "step", n->key->text, names, e);
}

/* `- touch: /path` stands for `- touch: {path: /path}`. */
static int read_shorthand(struct binder *b, const struct ynode *n, struct step *s,
			  struct err *e)
{
	for (const struct schema_key *k = s->type->keys; k->name; k++)
		if (s->type->shorthand && !strcmp(k->name, s->type->shorthand))
			return schema_bind_value(b, n, k, (char *)s->args + k->offset, e);
	return ynode_error(n, e, "%s: expected a map", s->type->name);
}

int step_read_args(struct binder *b, const struct ynode *args, struct step *s,
		   struct err *e)
{
	int r;

	s->args = arena_alloc(b->arena, s->type->args_size + 1, e);
	if (!s->args)
		return -(int)e->code;
	if (s->type->init)
		s->type->init(s->args);
	s->args_at = args;
	if (args->kind == YNODE_SCALAR && !ynode_is_empty(args))
		r = read_shorthand(b, args, s, e);
	else
		r = schema_bind2(b, args, s->type->keys, s->args, step_common_keys, s, e);
	if (!r && s->type->check)
		r = s->type->check(args, s->args, e);
	return r;
}

int step_read(struct binder *b, const struct ynode *n, struct step *out, struct err *e)
{
	const struct ynode *args;
	int r;

	*out = (struct step){.at = n};
	r = schema_want(n, YNODE_MAP, "a step", e);
	if (r)
		return r;
	if (n->n != 1)
		return ynode_error(n, e, "a step is a map of one key, its name");
	args = n->first;
	out->type = find_type(args->key->text);
	if (!out->type)
		return unknown_step(args, e);
	return step_read_args(b, args, out, e);
}

/* The first argument that is a plain text, in the order of the table. */
static const char *main_argument(const struct step *s)
{
	if (s->args_at->kind == YNODE_SCALAR)
		return ynode_is_empty(s->args_at) ? NULL : s->args_at->text;
	for (const struct schema_key *k = s->type->keys; k->name; k++) {
		const struct ynode *v = ynode_get(s->args_at, k->name);

		if (v && v->kind == YNODE_LIST && k->kind == SCHEMA_TEXTS)
			v = v->first;
		if (v && v->kind == YNODE_SCALAR)
			return v->text;
	}
	return NULL;
}

void step_title(const struct step *s, char *out, size_t size)
{
	const char *arg = s->note ? s->note : main_argument(s);
	int len = arg ? (int)strcspn(arg, "\n") : 0;

	snprintf(out, size, "%s%s%.*s", s->type->name, arg ? " " : "",
		 len > 60 ? 60 : len, arg ? arg : "");
}
