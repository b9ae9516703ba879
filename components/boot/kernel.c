/* SPDX-License-Identifier: MIT */
#include "components/boot/kernel.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "components/boot/channel.h"
#include "components/boot/cpus.h"
#include "components/boot/secure_enclave.h"
#include "sim/carrier/boot_protocol.h"
#include "sim/platform/csr.h"
#include "sim/platform/paths.h"

#define NS_PER_US 1000

/* ---- ends ---- */

int kernel_panic(struct boot *b, const char *id, struct err *e, const char *form, ...)
{
	const struct boot_kext *k = kernelcache_kext(&b->kernel, id);
	char text[512];
	va_list ap;

	va_start(ap, form);
	vsnprintf(text, sizeof(text), form, ap);
	va_end(ap);
	klog_flush(&b->log);
	channel_say(BOOT_FD, "panic(cpu 0 caller 0x%016llx): %s",
		    (unsigned long long)(k ? k->load_addr : 0), text);
	b->end = END_PANIC;
	return err_set(e, E_CORRUPT, "panic: %s", text);
}

int kernel_restart(struct boot *b, const char *why, struct err *e)
{
	int r = nvram_store(&b->nvram, b->nvram_fd, e);

	if (r)
		return r;
	b->end = END_RESTART;
	return err_set(e, E_CANCELED, "%s", why);
}

/* ---- the first lines ---- */

/* What csrctl(2) will answer, from where this machine keeps it. */
static void read_csr(struct boot *b)
{
	const struct local_policy *p = &b->chain.policy;
	const struct nvram_var *var = nvram_get_apple(&b->nvram, NVRAM_CSR_CONFIG);
	uint32_t valid = b->release->csr_flags;
	bool recovery = b->choice.recovery;
	struct csr_boot csr;

	if (b->machine->csr_in_local_policy)
		csr_boot_init_policy(&csr, valid, lp_number(p, LP_SIP0),
				     lp_true(p, LP_SIP1), recovery);
	else
		csr_boot_init(&csr, valid, var ? var->value : NULL, var ? var->len : 0,
			      recovery);
	b->csr = csr_effective(&csr);
}

static int begin(struct boot *b, struct err *e)
{
	int r = uuid_new_text(b->session, e);

	if (r)
		return r;
	b->log.ahead_ns = b->machine->clock_ahead_us * NS_PER_US;
	read_csr(b);
	secure_enclave_start(b);
	klog_mark(&b->log, "=== system boot: %s", b->session);
	klog(&b->log, "", "kprintf initialized");
	klog(&b->log, "", "%s", b->kernel.version);
	if (b->machine->boots_by_iboot)
		klog(&b->log, "", "iBoot version: iBoot-%s", b->release->iboot);
	snprintf(b->detail, sizeof(b->detail), "%s", b->kernel.version);
	return 0;
}

/*
 * What is sealed, and whether it may be changed in this session. Read here, where the disk
 * is still ours.
 */
static int read_seals(struct boot *b, struct err *e)
{
	b->live.log = kernel_log_apfs;
	b->live.ctx = b;
	b->live.may_write = csr_allows(b->csr, CSR_ALLOW_UNAUTHENTICATED_ROOT);
	b->volumes.mount_sealed = live_mount;
	b->volumes.mount_ctx = &b->live;
	return live_read(&b->live, &b->volumes, e);
}

void kernel_log_apfs(void *ctx, const char *line)
{
	klog(&((struct boot *)ctx)->log, "apfs", "%s", line);
}

static int start_security(struct boot *b, struct err *e)
{
	return kernel_start_kexts(b, KEXTS_OF_SECURITY, e);
}

static int start_system(struct boot *b, struct err *e)
{
	return kernel_start_kexts(b, KEXTS_OF_SYSTEM, e);
}

/* ---- the other CPUs ---- */

static void on_cpu(void *ctx, const struct cpu_event *ev)
{
	struct boot *b = ctx;

	if (ev->kind == CPU_STARTS)
		klog(&b->log, "", "cpu_start() cpu: %u", ev->cpu);
	channel_event(BOOT_FD, "boot.cpu",
		      json_pack("{s:s,s:i,s:i,s:i,s:I}", "what",
				ev->kind == CPU_STARTS ? "starts"
				: ev->kind == CPU_UP   ? "up"
						       : "locked",
				"cpu", (int)ev->cpu, "cluster", (int)ev->cluster, "type",
				(int)machine_cluster_type_number(ev->type), "mono_ns",
				(json_int_t)ev->ns));
}

static int start_cpus(struct boot *b, struct err *e)
{
	struct cpus_report report = {.wanted = 0};
	const struct cpus_options o = {
		.machine = b->machine,
		.lock_ctrr = !lp_true(&b->chain.policy, LP_SIP2),
		.text_lower = b->kernel.text_lower,
		.text_upper = b->kernel.text_upper,
		.event = on_cpu,
		.ctx = b,
	};
	int r = cpus_start(&o, &report, e);

	if (r)
		return r;
	channel_event(BOOT_FD, "boot.cpus",
		      json_pack("{s:i,s:i,s:s}", "wanted", (int)report.wanted, "started",
				(int)report.started, "why", report.why));
	snprintf(b->detail, sizeof(b->detail), "%u of %u%s%s", report.started,
		 report.wanted, report.why[0] ? ": " : "", report.why);
	return 0;
}

const struct boot_stage kernel_stages[] = {
	{"kernel-start", begin},
	{"security-policies", start_security},
	{"cpus", start_cpus},
	{"drivers", start_system},
	{"seals", read_seals},
	{"root", root_mount},
	{"mounts", mounts_system},
	{"policy", secure_enclave_settle},
	{"sip", boot_prepare_userspace},
	{NULL, NULL},
};

const struct boot_stage kernel_recovery_stages[] = {
	{"kernel-start", begin},
	{"security-policies", start_security},
	{"cpus", start_cpus},
	{"drivers", start_system},
	{"seals", read_seals},
	{"mounts", mounts_recovery},
	{"sip", boot_prepare_userspace},
	{NULL, NULL},
};
