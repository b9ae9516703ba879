/* SPDX-License-Identifier: MIT */
/* The start of the CPUs, in the VM that has them. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "components/boot/cpus.h"
#include "components/boot/test/guest.h"
#include "sim/base/clock.h"

#define EVENTS_MAX 128
#define TEXT_LOWER 0xfffffe0007004000
#define LATE_US	   30000

static struct cpu_event events[EVENTS_MAX];
static unsigned n_events;

static void keep_event(void *ctx, const struct cpu_event *ev)
{
	(void)ctx;
	if (n_events < EVENTS_MAX)
		events[n_events++] = *ev;
}

/* A core that takes its time: whoever does not wait for it is ahead of it. */
static void be_late(void *ctx, unsigned cpu)
{
	(void)ctx;
	(void)cpu;
	usleep(LATE_US);
}

/* Index of the first event of that kind for CPU or cluster @n; n_events: none. */
static unsigned find(enum cpu_event_kind kind, bool cluster, unsigned n)
{
	unsigned i = 0;

	while (i < n_events && (events[i].kind != kind ||
				(cluster ? events[i].cluster : events[i].cpu) != n))
		i++;
	return i;
}

static void check_order(const struct machine_model *m, unsigned started)
{
	bool ascending = true, waits = true;
	unsigned last = 0;

	for (unsigned i = 0; i < n_events; i++) {
		const struct cpu_event *ev = &events[i];
		const struct machine_cluster *k = &m->cluster[ev->cluster];

		ascending &= ev->kind != CPU_STARTS || ev->cpu == ++last;
		/* All but the first of a cluster start when it is locked. */
		if (m->locks_ctrr && ev->cpu > k->first_cpu && ev->kind == CPU_STARTS)
			waits &= find(CPU_LOCKED, true, ev->cluster) < i;
	}
	say_result(ascending && last + 1 == started,
		   "cores start in the order of their numbers", "%u", last);
	say_result(waits, "a core waits until its cluster is locked", "%s", "");
}

static void check_locks(const struct machine_model *m, const struct cpus_report *r)
{
	for (unsigned i = 0; i < m->n_clusters; i++) {
		const struct ctrr *c = r->ctrr[i];
		bool expected = m->locks_ctrr && m->cluster[i].first_cpu < r->started;
		bool ok = c && c->locked_by == m->cluster[i].first_cpu &&
			  c->lower == TEXT_LOWER && c->upper == TEXT_LOWER + 0xfff;

		say_result(expected ? ok : !c, "the first core of a cluster locks it",
			   "%u", i);
	}
}

static sigjmp_buf refused;

static void on_fault(int sig)
{
	(void)sig;
	siglongjmp(refused, 1);
}

static void write_registers(const struct cpus_report *r)
{
	struct sigaction act = {.sa_handler = on_fault}, before;
	volatile uint64_t *lower = (uint64_t *)(uintptr_t)&r->ctrr[0]->lower;
	bool refuses = false;

	if (!r->ctrr[0])
		return;
	sigaction(SIGSEGV, &act, &before);
	if (sigsetjmp(refused, 1))
		refuses = true;
	else
		*lower = 0;
	sigaction(SIGSEGV, &before, NULL);
	say_result(refuses && r->ctrr[0]->lower == TEXT_LOWER,
		   "what is locked cannot be written any more", "%s", "");
}

static void tell_times(void)
{
	for (unsigned i = 1; i < n_events; i++)
		if (events[i].kind == CPU_UP && events[i].cpu)
			say_note("up after ms", "cpu %u: %.2f", events[i].cpu,
				 (double)(events[i].ns -
					  events[find(CPU_STARTS, false, events[i].cpu)]
						  .ns) /
					 1e6);
	say_note("all after ms", "%.1f",
		 (double)(events[n_events - 1].ns - events[0].ns) / 1e6);
}

static unsigned online(void)
{
	return (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
}

/* How long programs take: processes, pipes and page faults. */
static double work_ms(void)
{
	int64_t begin = clock_ns();

	for (int i = 0; i < 40; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			volatile char *p = malloc(1 << 20);

			for (size_t k = 0; p && k < 1 << 20; k += 4096)
				p[k] = 1;
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
	return (double)(clock_ns() - begin) / 1e6;
}

void try_cpus(const char *machine)
{
	struct cpus_options o = {
		.machine = machine_by_name(machine),
		.lock_ctrr = true,
		.text_lower = TEXT_LOWER,
		.text_upper = TEXT_LOWER + 0xfff,
		.event = keep_event,
		.before_lock = be_late,
	};
	struct cpus_report r;
	unsigned before = online();

	say_note("work before ms", "%.1f %.1f", work_ms(), work_ms());
	say_result(before == 1, "everything runs on one core before", "%u", before);
	TRY(cpus_start(&o, &r, e), "the cores are started");
	say_result(online() == r.started && !r.why[0] == (r.started == r.wanted),
		   "the kernel has as many as are reported", "%u of %u %s", r.started,
		   r.wanted, r.why);
	check_order(o.machine, r.started);
	check_locks(o.machine, &r);
	write_registers(&r);
	tell_times();
	say_note("work after ms", "%.1f %.1f", work_ms(), work_ms());
}
