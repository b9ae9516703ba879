/* SPDX-License-Identifier: MIT */
#include "harness/test/fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/match.h"
#include "images/seal_break.h"
#include "sim/base/idtext.h"
#include "sim/platform/paths.h"

#define DATA_STAGED "/Library/Apple/System/Library/PrelinkedKernels/prelinkedkernel"

static void note(struct fake *f, const char *what, const char *arg)
{
	size_t used = strlen(f->log);

	snprintf(f->log + used, sizeof(f->log) - used, "%s %s\n", what, arg);
}

static void print_lines(struct fake *f, const char *const *lines)
{
	for (; lines && *lines; lines++)
		f->sink.console(f->sink.ctx, 0, *lines);
}

int fake_read_kernel(const void *data, size_t len, struct arena *a,
		     struct kernel_info *ret, struct err *e)
{
	char *text = arena_strndup(a, data ? data : "", len, e), *save = NULL;
	struct kernel_info k = {.exists = true, .kcid = "01", .darwin = "Darwin 19"};
	char sum[SHA256_TEXT_MAX];

	if (!text || sha256_text(text, len, sum, e))
		return -(int)e->code;
	k.sha256 = arena_strdup(a, sum, e);
	k.kexts = arena_array(a, 16, sizeof(*k.kexts), e);
	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *space = strchr(line, ' ');

		if (!space) {
			k.bad = line;
			continue;
		}
		*space = 0;
		k.kexts[k.n_kexts++] = (struct kernel_kext){line, space + 1};
	}
	*ret = k;
	return 0;
}

static struct fs_node *system_plk(struct fake *f)
{
	return fs_tree_find(&f->system, PATH_SYSTEM_PLK);
}

static void send_kernel(struct fake *f)
{
	struct fs_node *n = system_plk(f);
	struct arena a = ARENA_INIT;
	struct kernel_info k = {.sha256 = ""};
	struct err e = ERR_INIT;
	json_t *event, *kexts = json_array();

	if (n)
		(void)!fake_read_kernel(n->data, n->size, &a, &k, &e);
	for (size_t i = 0; i < k.n_kexts; i++)
		json_array_append_new(kexts, json_pack("{s:s,s:s}", "id", k.kexts[i].id,
						       "version", k.kexts[i].version));
	event = json_pack("{s:s,s:s,s:s,s:o}", "event", "boot.kernel", "sha256",
			  f->lie ? f->lie : k.sha256, "kcid", "01", "kexts", kexts);
	f->sink.event(f->sink.ctx, 0, event);
	json_decref(event);
	arena_release(&a);
}

static int fake_boot(void *m, const struct machine_boot *boot, bool *ret_up,
		     char reason[static MACHINE_REASON_MAX], struct err *e)
{
	struct fake *f = m;
	json_t *event;

	(void)e;
	if (boot->hold)
		note(f, "hold", boot->hold);
	note(f, "boot", boot->mode == MODE_RECOVERY ? "recovery" : "normal");
	print_lines(f, f->boot_lines);
	*ret_up = f->on = !f->refuse;
	if (f->refuse) {
		snprintf(reason, MACHINE_REASON_MAX, "%s", f->refuse);
		return 0;
	}
	send_kernel(f);
	event = f->event ? json_loads(f->event, 0, NULL) : NULL;
	if (event)
		f->sink.event(f->sink.ctx, 0, event);
	json_decref(event);
	return 0;
}

static int fake_exec(void *m, const struct machine_exec *x, struct machine_result *r,
		     struct err *e)
{
	struct fake *f = m;
	const struct fake_reply *a = f->replies;
	char line[2048] = "";

	for (size_t i = 0; x->argv[i]; i++)
		snprintf(line + strlen(line), sizeof(line) - strlen(line), "%s%s",
			 i ? " " : "", x->argv[i]);
	note(f, "exec", line);
	if (match_like("/sbin/shutdown *", line) || match_like("/sbin/halt *", line)) {
		f->restart = strstr(line, "-r") != NULL;
		r->gone = true;
		return 0;
	}
	for (; a && a->match; a++)
		if (match_like(a->match, line)) {
			r->status = a->status;
			r->gone = a->goes_down;
			if (a->fails)
				return err_set(e, (enum err_code)a->fails, "as told");
			if (a->out)
				(void)!buf_printf(&r->out, e, "%s", a->out);
			if (a->err)
				(void)!buf_printf(&r->err, e, "%s", a->err);
			return 0;
		}
	return 0;
}

static int fake_wait_down(void *m, unsigned timeout_ms, enum machine_down *ret_how,
			  char reason[static MACHINE_REASON_MAX], struct err *e)
{
	struct fake *f = m;

	(void)timeout_ms;
	(void)e;
	note(f, "down", "");
	print_lines(f, f->down_lines);
	if (f->at_shutdown)
		f->at_shutdown(f);
	f->on = false;
	reason[0] = 0;
	*ret_how = f->restart ? DOWN_RESTART : DOWN_HALT;
	return 0;
}

static int fake_idle(void *m, unsigned ms, struct err *e)
{
	(void)m;
	(void)ms;
	(void)e;
	return 0;
}

static int fake_tool(void *m, const char *name, struct buf *out, struct err *e)
{
	(void)m;
	return buf_printf(out, e, "%s", name);
}

static int fake_cut(void *m, struct err *e)
{
	(void)e;
	note(m, "cut", "");
	return 0;
}

static int fake_csr(void *m, uint32_t csr, struct err *e)
{
	(void)e;
	((struct fake *)m)->csr = csr;
	return 0;
}

static int fake_nvram(void *m, const char *name, struct buf *out, struct err *e)
{
	uint32_t csr = ((struct fake *)m)->csr;

	if (strcmp(name, "csr-active-config"))
		return err_set(e, E_NOTFOUND, "no %s", name);
	return buf_append(out, &csr, 4, e);
}

static const struct fs_node *find(struct fake *f, const char *role, const char *path)
{
	if (!strcmp(role, "System"))
		return fs_tree_find(&f->system, path);
	return strcmp(role, "Data") ? NULL : fs_tree_find(&f->data, path);
}

static int vol_stat(void *ctx, const char *role, const char *path, struct macfs_stat *out,
		    struct err *e)
{
	const struct fs_node *n = find(ctx, role, path);

	if (!n)
		return err_set(e, E_NOTFOUND, "%s:%s", role, path);
	*out = (struct macfs_stat){.mode = n->mode,
				   .uid = n->uid,
				   .gid = n->gid,
				   .size = n->size,
				   .mtime_ns = n->mtime_ns};
	return 0;
}

static int vol_read(void *ctx, const char *role, const char *path, size_t max,
		    struct buf *out, struct err *e)
{
	const struct fs_node *n = find(ctx, role, path);

	(void)max;
	if (!n)
		return err_set(e, E_NOTFOUND, "%s:%s", role, path);
	return n->data ? buf_append(out, n->data, n->size, e) : 0;
}

static void vol_free(void *ctx)
{
	(void)ctx;
}

static int fake_disk(void *m, struct macfs **ret, struct err *e)
{
	static const struct volume_ops ops = {false, vol_stat, vol_read, NULL, vol_free};

	return macfs_new(&ops, m, ret, e);
}

static int fake_seal(void *m, bool verify, struct seal_state *ret, struct err *e)
{
	(void)e;
	*ret = ((const struct fake *)m)->seal;
	if (!verify)
		ret->verify[0] = 0;
	return 0;
}

static int fake_seal_break(void *m, const struct seal_break_spec *spec,
			   char said[static MACHINE_SAID_MAX], struct err *e)
{
	struct fake *f = m;

	(void)e;
	note(f, "break", seal_break_rows[spec->kind].name);
	snprintf(said, MACHINE_SAID_MAX, "%s", spec->path ? spec->path : "");
	strcpy(f->seal.verify, "broken");
	return 0;
}

static int fake_seal_fix(void *m, bool revert, char said[static MACHINE_SAID_MAX],
			 bool *ret_holds, struct err *e)
{
	struct fake *f = m;

	(void)e;
	note(f, "fix", revert ? "revert" : "");
	snprintf(said, MACHINE_SAID_MAX, "fixed");
	/* Content that was changed stays so unless it is taken back. */
	*ret_holds = revert || !strcmp(f->seal.verify, "ok");
	if (*ret_holds)
		strcpy(f->seal.verify, "ok");
	return 0;
}

static int fake_reinstall(void *m, const struct release *to, int64_t now_ns, struct err *e)
{
	struct fake *f = m;

	note(f, "reinstall", to->name);
	strcpy(f->seal.verify, "ok");
	return now_ns > 0 ? 0 : err_set(e, E_INVAL, "no time");
}

static int fake_export(void *m, size_t i, const char *path, struct machine_container *ret,
		       struct err *e)
{
	const struct fake *f = m;
	FILE *out;

	if (i > f->more_containers)
		return err_set(e, E_NOTFOUND, "no more");
	*ret = (struct machine_container){.main = !i, .tagged = f->tagged};
	snprintf(ret->device, sizeof(ret->device), "disk%zu", i + 1);
	out = fopen(path, "wx");
	if (!out)
		return err_sys(e, "%s", path);
	fclose(out);
	return 0;
}

static int fake_update(void *m, const struct release *to, struct buf *out, struct err *e)
{
	note(m, "update", to->name);
	return buf_printf(out, e, "archive");
}

static const struct machine_ops fake_ops = {
	.boot = fake_boot,
	.exec = fake_exec,
	.wait_down = fake_wait_down,
	.idle = fake_idle,
	.guest_tool = fake_tool,
	.power_cut = fake_cut,
	.set_csr = fake_csr,
	.nvram_get = fake_nvram,
	.open_disk = fake_disk,
	.seal = fake_seal,
	.seal_break = fake_seal_break,
	.seal_fix = fake_seal_fix,
	.reinstall = fake_reinstall,
	.export_container = fake_export,
	.update_archive = fake_update,
};

struct machine fake_machine(struct fake *f)
{
	return (struct machine){&fake_ops, f};
}

static void put(struct fs_tree *t, const char *path, const char *text)
{
	(void)!fs_tree_file(t, path, 0644, text, strlen(text), NULL, NULL);
}

void fake_system_kernel(struct fake *f, const char *text)
{
	put(&f->system, PATH_SYSTEM_PLK, text);
}

void fake_staged_kernel(struct fake *f, const char *text)
{
	put(&f->data, DATA_STAGED, text);
}

void fake_data_file(struct fake *f, const char *path, const char *text)
{
	put(&f->data, path, text);
}

void fake_init(struct fake *f)
{
	*f = (struct fake){.on = false};
	(void)!fs_tree_init(&f->system, 0, NULL);
	(void)!fs_tree_init(&f->data, 0, NULL);
	put(&f->system, PATH_FIRMLINKS, "/Library\tLibrary\n/private\tprivate\n");
	(void)!fs_tree_symlink(&f->system, "/var", "private/var", NULL, NULL);
	(void)!fs_tree_mkdir(&f->data, "/private/var/install", 0755, NULL, NULL);
}

void fake_release(struct fake *f)
{
	fs_tree_release(&f->system);
	fs_tree_release(&f->data);
}
