/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "harness/machine_vm.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/disk_files.h"
#include "harness/subprocess.h"
#include "images/seal_break.h"
#include "images/seal_fix.h"
#include "images/sparse.h"
#include "sim/base/clock.h"
#include "sim/base/fsio.h"
#include "sim/platform/nvram.h"
#include "sim/platform/paths.h"
#include "sim/vm/vm.h"

#define GUEST_TOOL_MAX	(16u << 20)
#define REFUSED_DOWN_MS 60000u
#define OVERLAY_MS      60000u
/* kextcache holds kernel and kexts of a real Mac, what it links, and what it packs. */
#define OWN_SYSTEM_MIB 1536u

struct machine_vm {
	const struct machine_vm_config *cfg;
	struct carrier carrier;
	char disk[IMAGE_PATH_MAX], nvram[IMAGE_PATH_MAX];
	char chip[IMAGE_PATH_MAX]; /* "": there is none */
	int64_t zero_ns;
	struct vm *vm; /* NULL: off */
	char accel[8];
	long peak_kib;
};

static int make_overlay(struct machine_vm *m, const char *base, struct err *e)
{
	char real[PATH_MAX];
	const char *const argv[] = {"qemu-img", "create", "-q", "-f",	 "qcow2", "-F",
				    "raw",	"-b",	  real, m->disk, NULL};
	struct buf out = BUF_INIT;
	int status = 0, r;

	if (!realpath(base, real))
		return err_sys(e, "base disk '%s'", base);
	r = subprocess_run(argv, OVERLAY_MS, &out, &status, e);
	if (!r && status == 127)
		r = err_set(e, E_INFRA, "qemu-img is not installed (make deps)");
	else if (!r && status)
		r = err_set(e, strstr(buf_str(&out), "No space left") ? E_NOSPC : E_INFRA,
			    "making the run's disk: %s", buf_str(&out));
	buf_release(&out);
	return r;
}

/* A chip of this run's own: what a policy's nonces were moved on to must not be shared. */
static int copy_chip(struct machine_vm *m, const char *from, struct err *e)
{
	int r;

	if (!from[0])
		return 0;
	r = fsio_join(m->chip, sizeof(m->chip), m->cfg->run_dir, "chip.bin", e);
	return r ? r : sparse_copy(from, m->chip, e);
}

static int prepare(struct machine_vm *m, struct err *e)
{
	const struct machine_vm_config *cfg = m->cfg;
	const struct carrier_options co = {.cache_dir = cfg->cache_dir,
					   .guest_dir = cfg->guest_dir};
	struct image_base base;
	int r = fsio_join(m->disk, sizeof(m->disk), cfg->run_dir, "disk.qcow2", e);

	if (!r)
		r = fsio_join(m->nvram, sizeof(m->nvram), cfg->run_dir, "nvram.bin", e);
	if (!r)
		r = carrier_prepare(&co, &m->carrier, e);
	if (!r)
		r = image_base_disk(cfg->images, cfg->disk, &base, e);
	if (!r)
		r = make_overlay(m, base.disk, e);
	if (!r)
		r = image_build_nvram(cfg->disk, m->nvram, e);
	if (!r)
		r = copy_chip(m, base.chip, e);
	return r;
}

int machine_vm_new(const struct machine_vm_config *cfg, struct machine_vm **ret,
		   struct err *e)
{
	struct machine_vm *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return err_set(e, E_NOMEM, "out of memory");
	m->cfg = cfg;
	m->zero_ns = clock_ns();
	r = prepare(m, e);
	if (r)
		machine_vm_free(m);
	else
		*ret = m;
	return r;
}

/* The end of one QEMU: what is worth knowing of it is kept. */
static void drop_vm(struct machine_vm *m)
{
	const struct vm_times *t;

	if (!m->vm)
		return;
	vm_stop(m->vm);
	t = vm_times(m->vm);
	memcpy(m->accel, t->accel, sizeof(m->accel));
	if (t->max_rss_kib > m->peak_kib)
		m->peak_kib = t->max_rss_kib;
	vm_free(m->vm);
	m->vm = NULL;
}

void machine_vm_free(struct machine_vm *m)
{
	if (!m)
		return;
	drop_vm(m);
	free(m);
}

const char *machine_vm_accel(const struct machine_vm *m)
{
	return m->accel;
}

long machine_vm_peak_kib(const struct machine_vm *m)
{
	return m->peak_kib;
}

static void on_console(void *arg, double t, const char *line)
{
	struct machine_vm *m = arg;

	m->cfg->sink.console(m->cfg->sink.ctx, (uint64_t)(t * 1000), line);
}

static void on_event(void *arg, double t, const json_t *event)
{
	struct machine_vm *m = arg;

	m->cfg->sink.event(m->cfg->sink.ctx, (uint64_t)(t * 1000), event);
}

static void on_note(void *arg, const char *text)
{
	struct machine_vm *m = arg;

	if (m->cfg->note)
		m->cfg->note(m->cfg->ctx, text);
}

/* Change NVRAM from outside, as one does with a programmer; only with the power off. */
static int nvram_change(struct machine_vm *m, const char *name, const void *value,
			size_t len, struct err *e)
{
	struct nvram nv;
	int r;

	nvram_init(&nv);
	r = nvram_load_file(&nv, m->nvram, e);
	if (!r)
		r = nvram_set_apple(&nv, name, value, len, e);
	if (!r)
		r = nvram_store_file(&nv, m->nvram, e);
	nvram_release(&nv);
	return r;
}

static int op_set_csr(void *ctx, uint32_t csr, struct err *e)
{
	uint8_t le[4] = {(uint8_t)csr, (uint8_t)(csr >> 8), (uint8_t)(csr >> 16),
			 (uint8_t)(csr >> 24)};

	return nvram_change(ctx, NVRAM_CSR_CONFIG, le, sizeof(le), e);
}

static int op_nvram_get(void *ctx, const char *name, struct buf *out, struct err *e)
{
	struct machine_vm *m = ctx;
	const struct nvram_var *v;
	struct nvram nv;
	int r;

	nvram_init(&nv);
	r = nvram_load_file(&nv, m->nvram, e);
	if (!r) {
		v = strchr(name, ':') ? nvram_get(&nv, name) : nvram_get_apple(&nv, name);
		r = v ? buf_append(out, v->value, v->len, e)
		      : err_set(e, E_NOTFOUND, "NVRAM has no '%s'", name);
	}
	nvram_release(&nv);
	return r;
}

static int start(struct machine_vm *m, struct err *e)
{
	const struct machine_vm_config *c = m->cfg;
	const struct vm_config cfg = {
		.carrier = &m->carrier,
		.cache_dir = c->cache_dir,
		.run_dir = c->run_dir,
		.disks = {{m->disk, "qcow2", false},
			  {m->nvram, "raw", false},
			  {m->chip, "raw", false}},
		.n_disks = m->chip[0] ? 3 : 2,
		.mem_mib = c->disk->system ? OWN_SYSTEM_MIB : 0,
		/* A prelinked kernel of Catalina starts no other processors here. */
		.n_cpus = c->disk->release->kernel_collections ? machine_n_cpus(c->model) : 1,
		.use_stop_fd = c->stop_fd >= 0,
		.stop_fd = c->stop_fd,
		.zero_ns = m->zero_ns,
		.arg = m,
		.on_console = on_console,
		.on_event = on_event,
		.on_note = on_note,
	};

	return vm_start(&cfg, &m->vm, e);
}

static int boot_refused(struct machine_vm *m, const char *why,
			char reason[static MACHINE_REASON_MAX], struct err *e)
{
	enum vm_down how;
	int r;

	snprintf(reason, MACHINE_REASON_MAX, "%s", why);
	r = vm_wait_down(m->vm, REFUSED_DOWN_MS, &how, e);
	drop_vm(m);
	return r;
}

/* Apple silicon has no keys to hold: there it is the power button. */
static bool held_button(const struct machine_vm *m, enum machine_mode mode)
{
	return mode == MODE_RECOVERY && m->cfg->model->apple_silicon;
}

static int op_boot(void *ctx, const struct machine_boot *boot, bool *ret_up,
		   char reason[static MACHINE_REASON_MAX], struct err *e)
{
	struct machine_vm *m = ctx;
	const struct vm_boot b = {.time_ns = boot->clock_ns,
				  .time_factor = boot->time_factor,
				  .machine = m->cfg->model->name,
				  .button = held_button(m, boot->mode) ? "hold" : NULL,
				  .hold = boot->hold,
				  .timeout_ms = boot->timeout_ms};
	char *refused = NULL;
	int r = 0;

	/* Holding Command-R is the same to the firmware as this variable. */
	if (boot->mode == MODE_RECOVERY && !held_button(m, boot->mode))
		r = nvram_change(m, NVRAM_RECOVERY, "unused", 6, e);
	if (!r)
		r = start(m, e);
	if (!r)
		r = vm_boot(m->vm, &b, &refused, e);
	if (!r && refused)
		r = boot_refused(m, refused, reason, e);
	*ret_up = !refused;
	free(refused);
	return r;
}

static int off(struct err *e)
{
	return err_set(e, E_INFRA, "the machine is off");
}

static int take_result(struct vm_result *from, struct machine_result *to, struct err *e)
{
	int r = buf_append(&to->out, from->out.data, from->out.len, e);

	if (!r)
		r = buf_append(&to->err, from->err.data, from->err.len, e);
	to->status = from->status;
	to->signal = from->signal;
	if (!r && from->truncated)
		r = err_set(e, E_OVERFLOW, "the program printed more than can be kept");
	return r;
}

static int op_exec(void *ctx, const struct machine_exec *x, struct machine_result *res,
		   struct err *e)
{
	struct machine_vm *m = ctx;
	const struct vm_exec exec = {.argv = x->argv,
				     .in = x->input,
				     .in_len = x->input_len,
				     .timeout_ms = x->timeout_ms,
				     .uid = x->uid};
	struct vm_result vr = {.status = 0};
	int r = m->vm ? vm_exec(m->vm, &exec, &vr, e) : off(e);

	if (r == -E_BUSY) {
		res->gone = true;
		r = 0;
	} else if (r == -E_NOTFOUND) {
		/* As a shell has it: that a program is missing is the Mac's answer. */
		res->status = 127;
		r = buf_printf(&res->err, NULL, "%s", e->msg);
	} else if (!r) {
		r = take_result(&vr, res, e);
	}
	vm_result_release(&vr);
	return r;
}

static int op_wait_down(void *ctx, unsigned timeout_ms, enum machine_down *ret_how,
			char reason[static MACHINE_REASON_MAX], struct err *e)
{
	struct machine_vm *m = ctx;
	enum vm_down how;
	int r = m->vm ? vm_wait_down(m->vm, timeout_ms, &how, e) : off(e);

	if (r)
		return r;
	snprintf(reason, MACHINE_REASON_MAX, "%s", vm_down_reason(m->vm));
	if (how == VM_CUT && !reason[0])
		snprintf(reason, MACHINE_REASON_MAX, "QEMU ended");
	*ret_how = how == VM_RESTART ? DOWN_RESTART
		   : how == VM_HALT  ? DOWN_HALT
				     : DOWN_PANIC;
	drop_vm(m);
	return 0;
}

static int op_idle(void *ctx, unsigned ms, struct err *e)
{
	struct machine_vm *m = ctx;
	int r = m->vm ? vm_wait(m->vm, ms, NULL, NULL, e) : off(e);

	if (r != -E_TIMEOUT)
		return r;
	err_clear(e); /* that the time is up is what was asked for */
	return 0;
}

static int op_guest_tool(void *ctx, const char *name, struct buf *out, struct err *e)
{
	struct machine_vm *m = ctx;
	char path[IMAGE_PATH_MAX];
	int r = fsio_join(path, sizeof(path), m->cfg->guest_dir, name, e);

	return r ? r : fsio_read(path, GUEST_TOOL_MAX, out, e);
}

static int op_power_cut(void *ctx, struct err *e)
{
	struct machine_vm *m = ctx;

	if (!m->vm)
		return off(e);
	vm_cut_power(m->vm);
	drop_vm(m);
	return 0;
}

static int op_open_disk(void *ctx, struct macfs **ret, struct err *e)
{
	return disk_files(((struct machine_vm *)ctx)->disk, ret, e);
}

static int op_seal(void *ctx, bool verify, struct seal_state *ret, struct err *e)
{
	return disk_seal_read(((struct machine_vm *)ctx)->disk, verify, ret, e);
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static int op_seal_break(void *ctx, const struct seal_break_spec *spec,
			 char said[static MACHINE_SAID_MAX], struct err *e)
{
	struct machine_vm *m = ctx;
	struct seal_break_result done;
	int r = seal_break(m->disk, spec, now_ns(), &done, e);

	if (!r)
		snprintf(said, MACHINE_SAID_MAX, "%s of %s", done.bit.what, done.state);
	return r;
}

static void add_said(void *ctx, const char *line)
{
	char *said = ctx;
	size_t len = strlen(said);

	snprintf(said + len, MACHINE_SAID_MAX - len, "%s%s", len ? "; " : "", line);
}

static int op_seal_fix(void *ctx, bool revert, char said[static MACHINE_SAID_MAX],
		       bool *ret_holds, struct err *e)
{
	struct machine_vm *m = ctx;
	const struct seal_fix how = {
		.revert = revert, .time_ns = now_ns(), .say = add_said, .ctx = said};
	struct seal_fixed done;
	int r;

	said[0] = '\0';
	r = seal_fix(m->disk, &how, &done, e);
	*ret_holds = !r && done.holds;
	return r;
}

static int op_reinstall(void *ctx, const struct release *to, int64_t now_ns,
			struct err *e)
{
	struct machine_vm *m = ctx;
	struct disk_spec spec = *m->cfg->disk;

	spec.release = to;
	return image_reinstall(m->cfg->images, &spec, m->disk, m->chip, now_ns, e);
}

static int op_export(void *ctx, size_t i, const char *path, struct machine_container *ret,
		     struct err *e)
{
	return disk_export_container(((struct machine_vm *)ctx)->disk, i, path, ret, e);
}

static int op_update_archive(void *ctx, const struct release *to, struct buf *out,
			     struct err *e)
{
	struct machine_vm *m = ctx;
	struct disk_spec spec = *m->cfg->disk;

	spec.release = to;
	return image_update_archive(m->cfg->images, &spec, m->cfg->disk->release, out, e);
}

struct machine machine_vm_interface(struct machine_vm *m)
{
	static const struct machine_ops ops = {
		.boot = op_boot,
		.exec = op_exec,
		.wait_down = op_wait_down,
		.idle = op_idle,
		.guest_tool = op_guest_tool,
		.power_cut = op_power_cut,
		.set_csr = op_set_csr,
		.nvram_get = op_nvram_get,
		.open_disk = op_open_disk,
		.seal = op_seal,
		.seal_break = op_seal_break,
		.seal_fix = op_seal_fix,
		.reinstall = op_reinstall,
		.export_container = op_export,
		.update_archive = op_update_archive,
	};

	return (struct machine){&ops, m};
}
