/* SPDX-License-Identifier: MIT */
/* Accelerator, number of CPUs, template or cold boot: how a machine gets to `ready`. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/vm/accel.h"
#include "sim/vm/template.h"
#include "sim/vm/vm_impl.h"

#define COLD_MS    60000
#define RESTORE_MS 10000

static int stop_fd_of(const struct vm *vm)
{
	return vm->cfg.use_stop_fd ? vm->cfg.stop_fd : -1;
}

static int power_on(struct vm *vm, const struct qemu_machine *m, struct err *e)
{
	struct qemu_logs logs = {
		.console = vm->console_log,
		.carrier = vm->carrier_log,
		.messages = vm->messages,
	};
	int r = qemu_start(&vm->q, m, &logs, vm->zero_ns, stop_fd_of(vm), e);

	vm->started = true;
	return r;
}

static void power_off(struct vm *vm)
{
	qemu_release(&vm->q);
	vm->started = false;
}

/* Is a failure one that a cold boot would meet as well? */
static bool hopeless(int r)
{
	return r == -E_CANCELED || r == -E_NOMEM || r == -E_NOTFOUND;
}

static int cold_start(struct vm *vm, const struct qemu_machine *m, struct err *e)
{
	int r = power_on(vm, m, e);

	return r ? r : qemu_wait_ready(&vm->q, pump_after_ms(COLD_MS), e);
}

static int cold_boot(struct vm *vm, const struct qemu_machine *m, struct err *e)
{
	int r = cold_start(vm, m, e);

	for (int i = 1; r == -E_CORRUPT && i < QEMU_CLOCK_TRIES; i++) {
		power_off(vm);
		r = cold_start(vm, m, e);
	}
	if (r == -E_CORRUPT)
		r = -(int)(e->code = E_INFRA);
	if (r && !hopeless(r))
		accel_forget(vm->cfg.cache_dir);
	return r;
}

static int restore(struct vm *vm, const struct qemu_machine *machine, int fd,
		   struct err *e)
{
	struct qemu_machine m = *machine;
	int r;

	m.incoming = fd;
	r = power_on(vm, &m, e);
	return r ? r : qemu_wait_answer(&vm->q, pump_after_ms(RESTORE_MS), e);
}

static int from_template(struct vm *vm, const struct qemu_machine *m, struct err *e)
{
	struct template_options o = {
		.cache_dir = vm->cfg.cache_dir,
		.carrier = vm->cfg.carrier,
		.machine = m,
		.stop_fd = stop_fd_of(vm),
	};
	char path[PATH_MAX];
	int64_t begin = clock_ns();
	bool made;
	int fd, r;

	r = template_open(&o, &fd, &made, path, sizeof(path), e);
	if (r)
		return r;
	if (made) {
		vm->times.make_template = (double)(clock_ns() - begin) / 1e9;
		vm_note(vm, "made a template of the carrier in %.1f s",
			vm->times.make_template);
	}
	r = restore(vm, m, fd, e);
	close(fd);
	if (!r) {
		vm->times.from_template = true;
		return 0;
	}
	power_off(vm);
	if (!hopeless(r))
		/* The next run makes a new one. */
		unlink(path);
	return r;
}

static int choose_accel(struct vm *vm, struct qemu_machine *m, struct err *e)
{
	struct accel a;
	int r;

	if (vm->cfg.accel) {
		snprintf(vm->times.accel, sizeof(vm->times.accel), "%s", vm->cfg.accel);
	} else {
		r = accel_choose(vm->cfg.cache_dir, m, stop_fd_of(vm), &a, e);
		if (r)
			return err_ctx(e, "choosing an accelerator");
		if (a.tried)
			vm_note(vm, "accelerator: %s (%s)", a.name, a.why);
		snprintf(vm->times.accel, sizeof(vm->times.accel), "%s", a.name);
	}
	m->accel = vm->times.accel;
	return 0;
}

unsigned vm_cpus_allowed(unsigned wanted)
{
	cpu_set_t set;
	unsigned own = 1;

	if (!sched_getaffinity(0, sizeof(set), &set))
		own = (unsigned)CPU_COUNT(&set);
	if (!wanted)
		wanted = 1;
	return wanted < own * VM_CPUS_PER_HOST_CPU ? wanted : own * VM_CPUS_PER_HOST_CPU;
}

int vm_bring_up(struct vm *vm, struct err *e)
{
	const struct vm_config *cfg = &vm->cfg;
	struct qemu_machine m = {
		.program = cfg->qemu,
		.kernel = cfg->carrier->kernel,
		.initramfs = cfg->carrier->initramfs,
		.mem_mib = cfg->mem_mib,
		.n_cpus = vm_cpus_allowed(cfg->n_cpus),
		.n_disks = cfg->n_disks,
		.incoming = -1,
	};
	struct err why = ERR_INIT;
	int r;

	memcpy(m.disks, cfg->disks, sizeof(m.disks));
	vm->times.n_cpus = m.n_cpus;
	if (m.n_cpus < cfg->n_cpus)
		vm_note(vm, "the Mac has %u CPUs, this host allows %u", cfg->n_cpus,
			m.n_cpus);
	r = choose_accel(vm, &m, e);
	if (r)
		return r;
	if (cfg->cold)
		return cold_boot(vm, &m, e);
	r = from_template(vm, &m, &why);
	if (hopeless(r))
		return err_set(e, why.code, "%s", why.msg);
	if (!r)
		return 0;
	vm_note(vm, "no template, booting cold: %s", why.msg);
	return cold_boot(vm, &m, e);
}
