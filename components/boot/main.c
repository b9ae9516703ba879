/* SPDX-License-Identifier: MIT */
/*
 * boot: firmware, booter and kernel of the simulated Mac. It brings the system up to
 * the point where launchd can run, serves the kernel's socket while it does, and
 * unmounts at the end (sim/carrier/boot_protocol.h).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "components/boot/channel.h"
#include "components/boot/kernelcache.h"
#include "components/boot/policy.h"
#include "components/boot/service.h"
#include "components/boot/tree.h"
#include "components/boot/xnu.h"
#include "sim/carrier/boot_protocol.h"
#include "sim/platform/csr.h"
#include "sim/platform/paths.h"

#define RECOVERY_KERNEL_FORM "/%s/prelinkedkernel" /* on the Recovery volume */

struct boot {
	double time_factor;
	int nvram_fd;
	struct nvram nvram;
	struct volumes volumes;
	struct boot_choice choice;
	const struct boot_volume *root; /* the volume that the Mac's / is on */
	char kernel_path[BOOT_PATH_BUF];
	struct kernelcache kernel;
	const struct release *release;
	uint32_t csr; /* effective */
	struct sip *sip;
	struct service service;
};

/* ---- firmware and booter ---- */

static void stage(const char *name, const char *detail)
{
	channel_stage(BOOT_FD, name, detail);
}

static int read_nvram(struct boot *b, struct err *e)
{
	int r;

	b->nvram_fd = open(CARRIER_NVRAM, O_RDWR | O_CLOEXEC);
	if (b->nvram_fd < 0)
		return err_sys(e, "%s", CARRIER_NVRAM);
	r = nvram_load(&b->nvram, b->nvram_fd, e);
	stage("nvram", r ? e->msg : "");
	if (r != -E_CORRUPT)
		return r;
	/* A Mac whose NVRAM is damaged starts with an empty one. */
	err_clear(e);
	return 0;
}

/* Recovery is asked for once, as by holding keys: the next start is a normal one. */
static int obey_recovery_request(struct boot *b, struct err *e)
{
	if (!b->choice.recovery)
		return 0;
	nvram_delete(&b->nvram, NVRAM_APPLE_GUID ":" NVRAM_RECOVERY);
	return nvram_store(&b->nvram, b->nvram_fd, e);
}

static int choose_volume(struct boot *b, struct err *e)
{
	struct boot_choice *c = &b->choice;
	int r = volumes_read(&b->volumes, CARRIER_DISK, e);

	if (!r)
		r = volumes_choose(&b->volumes, &b->nvram, c, e);
	if (!r)
		r = obey_recovery_request(b, e);
	if (r)
		return r;
	b->root = c->recovery ? c->recovery_volume : c->system;
	stage("volume", b->root->name);
	/* The passphrase was given at the EFI login, before the booter ran. */
	for (size_t i = 0; !c->recovery && i < b->volumes.n; i++)
		b->volumes.v[i].locked = false;
	return 0;
}

static int refuse_kernel(const struct boot *b, enum efi_status status, struct err *e)
{
	channel_say(BOOT_FD, "Error loading kernel cache (0x%x)", status);
	return err_ctx(e, "prelinked kernel %s", b->kernel_path);
}

static int load_kernel(struct boot *b, struct err *e)
{
	struct buf file = BUF_INIT;
	int r;

	if (b->choice.recovery)
		snprintf(b->kernel_path, sizeof(b->kernel_path), RECOVERY_KERNEL_FORM,
			 b->choice.system->group);
	else
		snprintf(b->kernel_path, sizeof(b->kernel_path), "%s", PATH_SYSTEM_PLK);
	r = volumes_read_file(CARRIER_DISK, b->root, b->kernel_path, KERNELCACHE_MAX,
			      &file, e);
	if (r) {
		r = refuse_kernel(b, r == -E_NOTFOUND ? EFI_NOT_FOUND : EFI_LOAD_ERROR,
				  e);
	} else {
		r = kernelcache_open(&b->kernel, b->kernel_path, file.data, file.len, e);
		if (r)
			r = refuse_kernel(b, EFI_LOAD_ERROR, e);
	}
	buf_release(&file);
	if (r)
		return r;
	stage("kernel", b->kernel_path);
	channel_event(BOOT_FD, "boot.kernel",
		      json_pack("{s:s,s:s,s:s,s:O}", "path", b->kernel_path, "sha256",
				b->kernel.sha256, "kcid", b->kernel.kcid, "kexts",
				b->kernel.list));
	return 0;
}

static void read_csr(struct boot *b)
{
	const struct nvram_var *var = nvram_get_apple(&b->nvram, NVRAM_CSR_CONFIG);
	struct csr_boot csr;

	csr_boot_init(&csr, var ? var->value : NULL, var ? var->len : 0,
		      b->choice.recovery);
	b->csr = csr_effective(&csr);
}

/* ---- kernel ---- */

static void say_start(const struct boot *b)
{
	channel_say(BOOT_FD, "%s", b->kernel.version);
	channel_say(BOOT_FD, "Starting from prelinked kernel.");
	channel_say(BOOT_FD, "%u prelinked kexts", b->kernel.n_kexts);
	channel_say(BOOT_FD, "BSD root: %s, major 1, minor %u", b->root->device,
		    b->root->slot + 1);
}

static int start_kernel(struct boot *b, struct err *e)
{
	struct xnu_state x = {
		.nvram = &b->nvram,
		.volumes = &b->volumes,
		.kernel = &b->kernel,
		.root = b->root,
		.recovery = b->choice.recovery,
		.csr = b->csr,
		.time_factor = b->time_factor,
		.kernel_version = b->kernel.version,
	};
	struct policy_facts f = {.root_device = b->root->device, .csr = b->csr};
	int r = tree_build(&b->volumes, &b->choice, &b->release, e);

	if (r)
		return r;
	say_start(b);
	stage("mounts", "");
	r = xnu_build(&x, e);
	if (r)
		return r;
	f.release = b->release;
	r = policy_fill(b->sip, &f, e);
	if (r)
		return r;
	stage("sip", "");
	b->service = (struct service){
		.volumes = &b->volumes,
		.sip = b->sip,
		.csr = b->csr,
		.recovery = b->choice.recovery,
	};
	return service_open(&b->service, e);
}

/* ---- with init ---- */

static json_t *expect(const char *type)
{
	json_t *msg = channel_receive(BOOT_FD);
	const char *got = json_string_value(json_object_get(msg, "type"));

	if (!got || strcmp(got, type) != 0) {
		fprintf(stderr, "boot: expected '%s' from init\n", type);
		exit(EXIT_FAILURE);
	}
	return msg;
}

static void launch(struct boot *b)
{
	struct err e = ERR_INIT;
	json_t *child;
	int r;

	stage("launch", "/sbin/launchd");
	channel_send(BOOT_FD, BOOT_LAUNCH,
		     json_pack("{s:s,s:[s],s:[s],s:s}", "root", TREE_ROOT, "argv",
			       "/sbin/launchd", "env",
			       "PATH=/usr/bin:/bin:/usr/sbin:/sbin", "hostname",
			       "Catalina-Mac"),
		     sip_events_fd(b->sip));
	child = expect(BOOT_CHILD);
	b->service.launchd = (pid_t)json_integer_value(json_object_get(child, "pid"));
	r = sip_arm(b->sip,
		    (dev_t)json_integer_value(json_object_get(child, "console_dev")),
		    (ino_t)json_integer_value(json_object_get(child, "console_ino")), &e);
	json_decref(child);
	if (r)
		channel_send(BOOT_FD, BOOT_PANIC, json_pack("{s:s}", "reason", e.msg),
			     -1);
	else
		channel_send(BOOT_FD, BOOT_GO, json_object(), -1);
}

/* Until init says that the Mac has no process any more. */
static void serve(struct boot *b)
{
	struct pollfd set[2 + SERVICE_CLIENTS_MAX];
	size_t n;

	for (;;) {
		set[0] = (struct pollfd){.fd = BOOT_FD, .events = POLLIN};
		n = service_poll_set(&b->service, set + 1);
		if (poll(set, n + 1, -1) < 0)
			continue;
		if (set[0].revents) {
			json_decref(expect(BOOT_SHUTDOWN));
			return;
		}
		service_run(&b->service, set + 1, n);
	}
}

/* Both are tried whatever happens to the other: the disk matters more than NVRAM. */
static int shut_down(struct boot *b, struct err *e)
{
	struct err nvram_err = ERR_INIT;
	int n = nvram_from_dir(&b->nvram, TREE_ROOT XNU_NVRAM_DIR, &nvram_err), r;

	if (!n)
		n = nvram_store(&b->nvram, b->nvram_fd, &nvram_err);
	service_close(&b->service);
	r = tree_unmount_all(&b->volumes, e);
	if (!r && n) {
		*e = nvram_err;
		r = n;
	}
	return r;
}

static int start_up(struct boot *b, struct err *e)
{
	int r = read_nvram(b, e);

	if (!r)
		r = choose_volume(b, e);
	if (r)
		return r;
	read_csr(b);
	r = load_kernel(b, e);
	return r ? r : start_kernel(b, e);
}

static void release(struct boot *b)
{
	kernelcache_release(&b->kernel);
	volumes_release(&b->volumes);
	nvram_release(&b->nvram);
	sip_close(b->sip);
}

int main(void)
{
	static struct boot b;
	struct err e = ERR_INIT, late = ERR_INIT;
	json_t *start;
	int r = sip_open(&b.sip, &e);

	channel_send(BOOT_FD, BOOT_READY, json_object(), -1);
	start = expect(BOOT_START);
	b.time_factor = json_number_value(json_object_get(start, "time_factor"));
	json_decref(start);
	if (r || start_up(&b, &e)) {
		if (tree_unmount_all(&b.volumes, &late))
			fprintf(stderr, "boot: %s\n", late.msg);
		channel_send(BOOT_FD, BOOT_REFUSED, json_pack("{s:s}", "reason", e.msg),
			     -1);
		release(&b);
		return EXIT_FAILURE;
	}
	launch(&b);
	serve(&b);
	if (shut_down(&b, &e))
		channel_send(BOOT_FD, BOOT_DONE, json_pack("{s:s}", "error", e.msg), -1);
	else
		channel_send(BOOT_FD, BOOT_DONE, json_object(), -1);
	release(&b);
	return EXIT_SUCCESS;
}
