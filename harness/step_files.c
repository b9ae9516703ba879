/* SPDX-License-Identifier: MIT */
/* Steps that run programs and change files on the Mac. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "harness/engine_impl.h"
#include "harness/step_run.h"
#include "sim/formats/ustar/ustar.h"
#include "sim/platform/paths.h"

/*
 * As an installer does it: unpacked elsewhere, then put in place by one rename, so that
 * nobody who watches the folder sees half a bundle. Elsewhere is beside the folder:
 * there is no rename from one firmlink to another.
 * $1 folder, $2 name, $3 owner, $4 mode or empty.
 */
static const char install_script[] = "set -e\n"
				     "t=${1%/*}/.install.$$\n"
				     "/bin/mkdir -p \"$1\" \"$t\"\n"
				     "/usr/bin/tar -xpf - -C \"$t\"\n"
				     "/bin/chmod -R go-w \"$t/$2\"\n"
				     "[ -z \"$4\" ] || /bin/chmod -R \"$4\" \"$t/$2\"\n"
				     "/usr/sbin/chown -R \"$3\" \"$t/$2\"\n"
				     "/bin/rm -rf \"$1/$2\"\n"
				     "/bin/mv \"$t/$2\" \"$1/$2\"\n"
				     "/usr/bin/touch -c \"$1\"\n"
				     "/bin/rm -rf \"$t\"\n";

static int install(struct engine *en, const struct step *s, const struct plan_bundle *b,
		   const char *to, struct err *e)
{
	const struct step_install *x = s->args;
	const char *name = b->mac_name;
	char owner[32], mode[16] = "";
	const char *const argv[] = {"/bin/sh", "-c",  install_script, "install", to,
				    name,      owner, mode,	      NULL};
	struct buf tar = BUF_INIT;
	int r;

	snprintf(owner, sizeof(owner), "%" PRIu64 ":%" PRIu64, x->uid, x->gid);
	if (x->mode >= 0)
		snprintf(mode, sizeof(mode), "%04o", (unsigned)x->mode);
	r = ustar_add_host(&tar, name, b->path, e);
	if (!r)
		r = ustar_end(&tar, e);
	if (!r)
		r = engine_command(en, "install", argv, tar.data, tar.len,
				   engine_timeout_ms(en, s), NULL, e);
	buf_release(&tar);
	return r;
}

int step_run_install(struct engine *en, const struct step *s, struct err *e)
{
	const struct step_install *x = s->args;
	const struct plan_bundle *b;
	const char *to;
	int r = plan_bundle(en->plan, x->bundle, &b, e);

	if (!r)
		r = engine_text(en, x->to ? x->to : PATH_LIBRARY_EXTENSIONS, &to, e);
	return r ? r : install(en, s, b, to, e);
}

static int run_argv(struct engine *en, const struct step_run *x, const char ***ret,
		    struct err *e)
{
	size_t n = x->sh ? 3 : x->argv.n;
	const char **argv = arena_array(&en->arena, n + 1, sizeof(*argv), e);
	int r = argv ? 0 : -(int)e->code;

	if (!r && x->sh) {
		argv[0] = "/bin/sh";
		argv[1] = "-c";
		r = engine_text(en, x->sh, &argv[2], e);
	}
	for (size_t i = 0; i < x->argv.n && !r; i++)
		r = engine_text(en, x->argv.items[i], &argv[i], e);
	*ret = argv;
	return r;
}

static int run_checks(struct engine *en, const struct step_run *x,
		      struct machine_result *res, struct err *e)
{
	char want[32];
	int r;

	snprintf(want, sizeof(want), "%" PRIu64, x->status);
	if (res->signal)
		r = engine_check(en, "run.status", false, want, e, "signal %d",
				 res->signal);
	else
		r = engine_check(en, "run.status", (uint64_t)res->status == x->status,
				 want, e, "%d%s%s", res->status, res->err.len ? ": " : "",
				 buf_str(&res->err));
	if (!r && x->out)
		r = engine_match(en, "run.stdout", x->out, buf_str(&res->out), e);
	if (!r && x->err)
		r = engine_match(en, "run.stderr", x->err, buf_str(&res->err), e);
	return r;
}

int step_run_run(struct engine *en, const struct step *s, struct err *e)
{
	const struct step_run *x = s->args;
	struct machine_exec exec = {.uid = (unsigned)x->uid,
				    .timeout_ms = engine_timeout_ms(en, s)};
	struct machine_result res = {.status = 0};
	const char **argv, *input;
	int r = run_argv(en, x, &argv, e);

	if (!r)
		r = engine_text(en, x->input, &input, e);
	if (r)
		return r;
	exec.argv = argv;
	exec.input = input;
	exec.input_len = input ? strlen(input) : 0;
	r = engine_exec(en, &exec, &res, e);
	if (!r && !res.gone)
		r = run_checks(en, x, &res, e);
	machine_result_release(&res);
	return r;
}

int step_run_touch(struct engine *en, const struct step *s, struct err *e)
{
	const struct step_path *x = s->args;
	const char *argv[] = {"/usr/bin/touch", NULL, NULL, NULL};
	int i = 1, r;

	if (!x->create)
		argv[i++] = "-c";
	r = engine_text(en, x->path, &argv[i], e);
	return r ? r
		 : engine_command(en, "touch", argv, NULL, 0, engine_timeout_ms(en, s),
				  NULL, e);
}

int step_run_remove(struct engine *en, const struct step *s, struct err *e)
{
	const struct step_path *x = s->args;
	const char *argv[] = {"/bin/rm", "-rf", NULL, NULL};
	int r = engine_text(en, x->path, &argv[2], e);

	return r ? r
		 : engine_command(en, "remove", argv, NULL, 0, engine_timeout_ms(en, s),
				  NULL, e);
}

int step_run_write(struct engine *en, const struct step *s, struct err *e)
{
	static const char script[] = "/bin/cat >\"$1\" && /bin/chmod \"$2\" \"$1\"";
	const struct step_write *x = s->args;
	char mode[16];
	const char *argv[] = {"/bin/sh", "-c", script, "write", NULL, mode, NULL};
	const char *content;
	int r = engine_text(en, x->path, &argv[4], e);

	snprintf(mode, sizeof(mode), "%04o", (unsigned)x->mode);
	if (!r)
		r = engine_text(en, x->content, &content, e);
	return r ? r
		 : engine_command(en, "write_file", argv, content, strlen(content),
				  engine_timeout_ms(en, s), NULL, e);
}

/*
 * Written by dd(1) in the guest, because only one party may change the container. The
 * time of the file stays: nothing but its content tells that it changed.
 * $1 path, $2 offset, $3 bytes for printf or empty, $4 new size or empty.
 */
static const char corrupt_script[] =
	"set -e\n"
	"t=/private/var/tmp/.stamp.$$\n"
	": >\"$t\"\n"
	"/usr/bin/touch -r \"$1\" \"$t\"\n"
	"at=$2\n"
	"case $at in -*) at=$(($(/usr/bin/stat -c %s \"$1\") $at)) ;; esac\n"
	"if [ -n \"$4\" ]; then\n"
	"	/bin/dd if=/dev/null of=\"$1\" bs=1 seek=\"$4\" count=0 2>/dev/null\n"
	"else\n"
	"	printf \"$3\" | /bin/dd of=\"$1\" bs=1 seek=\"$at\" conv=notrunc "
	"2>/dev/null\n"
	"fi\n"
	"/usr/bin/touch -r \"$t\" \"$1\"\n"
	"/bin/rm -f \"$t\"\n";

int step_run_corrupt(struct engine *en, const struct step *s, struct err *e)
{
	const struct step_corrupt *x = s->args;
	char at[32], bytes[4 * 256 + 1] = "", size[32] = "";
	const char *argv[] = {"/bin/sh", "-c",	corrupt_script, "corrupt", NULL,
			      at,	 bytes, size,		NULL};
	int r = engine_text(en, x->path, &argv[4], e);

	snprintf(at, sizeof(at), "%s%" PRIu64, x->from_end ? "-" : "", x->at);
	for (size_t i = 0; x->bytes && x->bytes[i]; i += 2)
		snprintf(bytes + 2 * i, 5, "\\x%.2s", x->bytes + i);
	if (x->truncate >= 0)
		snprintf(size, sizeof(size), "%" PRId64, x->truncate);
	return r ? r
		 : engine_command(en, "corrupt", argv, NULL, 0, engine_timeout_ms(en, s),
				  NULL, e);
}

static int unpack_update(struct engine *en, const struct step *s, const struct buf *tar,
			 struct err *e)
{
	static const char script[] = "/usr/bin/tar -xpf - -C \"/Volumes/$1\"";
	const char *const argv[] = {
		"/bin/sh", "-c", script, "upgrade", en->plan->s.volumes.system_name,
		NULL};

	return engine_command(en, "upgrade.unpack", argv, tar->data, tar->len,
			      engine_timeout_ms(en, s), NULL, e);
}

/*
 * An installer works from Recovery, where the System volume is writable. It brings its
 * own prelinked kernel, so its restart does not wait for kextd to build another.
 */
int step_run_upgrade(struct engine *en, const struct step *s, struct err *e)
{
	const struct step_upgrade *x = s->args;
	char reason[MACHINE_REASON_MAX] = "";
	struct buf tar = BUF_INIT;
	bool up = false;
	int r = en->machine->ops->update_archive(en->machine->m, x->release, &tar, e);

	if (!r)
		r = engine_boot(en, MODE_RECOVERY, NULL, engine_timeout_ms(en, s), &up, reason,
				e);
	if (!r && !up) {
		en->lost = true;
		r = engine_check(en, "boot.up", false, "Recovery boots", e, "refused: %s",
				 reason);
	} else if (!r) {
		r = unpack_update(en, s, &tar, e);
		en->release = x->release;
		if (!r && en->on)
			r = engine_shutdown(en, ENGINE_HALT_QUICK, engine_timeout_ms(en, s),
					    e);
	}
	buf_release(&tar);
	return r;
}

/* What Recovery's installer leaves, without the hour that it takes. */
int step_run_reinstall(struct engine *en, const struct step *s, struct err *e)
{
	const struct step_reinstall *x = s->args;
	const struct release *to = x->release ? x->release : en->release;
	int r;

	engine_drop_files(en);
	r = en->machine->ops->reinstall(en->machine->m, to, engine_mac_clock(en), e);
	if (!r)
		en->release = to;
	return r;
}
