/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/carrier/control.h"
#include "sim/carrier/layout.h"
#include "sim/vm/qemu.h"

#define ARGS_MAX 96

/*
 * - q35 of a fixed version, so that a newer QEMU gives the same machine; it never hung,
 *   where microvm under TCG stops at "could not calculate TSC khz" in half of the boots.
 *   Devices that nobody asks for are left out: the kernel does not look for them then.
 * - no KASLR and no mitigations: under TCG they cost time and protect nobody.
 * - the kernel's messages go to the second serial port, as the first has one writer.
 * - panic=-1 and -no-reboot: a carrier that fails ends QEMU at once.
 */
#define MACHINE      "pc-q35-7.2,usb=off,sata=off,smbus=off,vmport=off,i8042=off"
#define KERNEL_WORDS                                                                     \
	"console=" CARRIER_TTY_LOG " quiet panic=-1 nokaslr mitigations=off "            \
	"random.trust_cpu=on"

/*
 * The CPU by accelerator. What makes a real one fast makes TCG slow: 5-level page tables
 * every TLB miss; "rep movsb" (erms), which it does byte by byte and Linux would copy and
 * clear pages with, all copies by a factor of four; the SHA and AVX2 instructions
 * OpenSSL's SHA-256, by which all that is read of a sealed volume is checked, by three.
 *
 * With several CPUs the kernel is told what it would find out at the cost of half a second
 * for each that is started: how long its delays take (too long does no harm), that INIT
 * needs no pause, and that all of TCG's CPUs count with the same time stamp counter. Its
 * code is that for several CPUs from the beginning, which is not patched at the second.
 */
static const struct {
	const char *accel, *cpu, *smp_words;
} cpus[] = {
	{"tcg", "max,la57=off,erms=off,fsrm=off,sha-ni=off,avx2=off",
	 " lpj=20000000 cpu_init_udelay=0 tsc=reliable noreplace-smp"},
	{"kvm", "host", ""},
};

struct args {
	char **v;
	size_t n;
	bool failed;
};

static void add(struct args *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void add(struct args *a, const char *fmt, ...)
{
	va_list ap;
	int len = -1;

	va_start(ap, fmt);
	if (a->n < ARGS_MAX)
		len = vasprintf(&a->v[a->n], fmt, ap);
	va_end(ap);
	if (len < 0)
		a->failed = true;
	else
		a->n++;
}

/* QEMU wants a comma in an option's value doubled. */
static char *escape_commas(const char *s)
{
	char *out = malloc(2 * strlen(s) + 1), *p = out;

	if (!out)
		return NULL;
	for (; *s; s++) {
		*p++ = *s;
		if (*s == ',')
			*p++ = ',';
	}
	*p = '\0';
	return out;
}

/*
 * All CPUs are there from power-on, but the kernel starts with one: who plays the Mac's
 * kernel starts the others (components/boot/cpus.h), and a template is taken with none of
 * them running.
 */
static void add_cpus(struct args *a, unsigned n)
{
	add(a, "-smp");
	if (n > 1)
		add(a, "%u,sockets=1,cores=%u,threads=1", n, n);
	else
		add(a, "1");
}

static void add_machine(struct args *a, const struct qemu_machine *m)
{
	static const char *const always[] = {
		"-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
	};
	const char *smp_words = "";

	add(a, "%s", m->program ? m->program : QEMU_PROGRAM);
	for (size_t i = 0; i < sizeof(always) / sizeof(*always); i++)
		add(a, "%s", always[i]);
	add(a, "-machine");
	add(a, "%s,accel=%s", MACHINE, m->accel);
	for (size_t i = 0; i < sizeof(cpus) / sizeof(*cpus); i++)
		if (!strcmp(cpus[i].accel, m->accel)) {
			add(a, "-cpu");
			add(a, "%s", cpus[i].cpu);
			smp_words = cpus[i].smp_words;
		}
	add_cpus(a, m->n_cpus);
	add(a, "-m");
	add(a, "%u", m->mem_mib ? m->mem_mib : QEMU_MEM_MIB);
	add(a, "-kernel");
	add(a, "%s", m->kernel);
	add(a, "-initrd");
	add(a, "%s", m->initramfs);
	add(a, "-append");
	if (m->n_cpus > 1)
		add(a, "%s maxcpus=1%s", KERNEL_WORDS, smp_words);
	else
		add(a, "%s", KERNEL_WORDS);
}

static void add_channels(struct args *a, const int fds[QEMU_CHANNELS])
{
	static const char *const names[QEMU_CHANNELS] = {
		[QEMU_CONSOLE] = "console",
		[QEMU_LOG] = "log",
		[QEMU_CONTROL] = "control",
		[QEMU_QMP] = "qmp",
	};

	for (int i = 0; i < QEMU_CHANNELS; i++) {
		add(a, "-chardev");
		add(a, "socket,id=%s,fd=%d", names[i], fds[i]);
	}
	add(a, "-serial");
	add(a, "chardev:console");
	add(a, "-serial");
	add(a, "chardev:log");
	add(a, "-device");
	add(a, "virtio-serial-pci,max_ports=2");
	add(a, "-device");
	add(a, "virtserialport,chardev=control,name=%s", CONTROL_PORT);
	add(a, "-mon");
	add(a, "chardev=qmp,mode=control");
}

/*
 * An error of the host's disk stops the machine instead of reaching the Mac: a verdict on
 * what a full disk left behind would be wrong.
 */
static void add_disk(struct args *a, size_t i, const struct vm_disk *d)
{
	char *path = d->path ? escape_commas(d->path) : NULL;

	if (d->path && !path)
		a->failed = true;
	add(a, "-drive");
	if (path)
		add(a, "if=none,id=disk%zu,file=%s,format=%s,cache=writeback,"
		       "discard=unmap,rerror=stop,werror=stop,read-only=%s",
		    i, path, d->format, d->read_only ? "on" : "off");
	else
		add(a, "if=none,id=disk%zu,driver=null-co,read-zeroes=on,cache=writeback,"
		       "discard=unmap,rerror=stop,werror=stop",
		    i);
	add(a, "-device");
	add(a, "virtio-blk-pci,drive=disk%zu", i);
	free(path);
}

int qemu_args(const struct qemu_machine *m, const int fds[QEMU_CHANNELS], char ***ret,
	      struct err *e)
{
	struct args a = {.v = calloc(ARGS_MAX + 1, sizeof(char *))};

	if (!a.v)
		return err_set(e, E_NOMEM, "out of memory");
	add_machine(&a, m);
	add_channels(&a, fds);
	for (size_t i = 0; i < m->n_disks; i++)
		add_disk(&a, i, &m->disks[i]);
	if (m->incoming >= 0) {
		add(&a, "-incoming");
		add(&a, "fd:%d", m->incoming);
	}
	if (a.failed) {
		qemu_args_free(a.v);
		return err_set(e, E_NOMEM, "out of memory for QEMU's arguments");
	}
	*ret = a.v;
	return 0;
}

void qemu_args_free(char **args)
{
	for (char **p = args; p && *p; p++)
		free(*p);
	free(args);
}
