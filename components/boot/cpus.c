/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "components/boot/cpus.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/base/clock.h"

#define CPU_DIR "/sys/devices/system/cpu"
#define PAGE	((size_t)4096)

/* xnu's ctrr_cluster_states. */
enum lock_state { CTRR_UNLOCKED, CTRR_LOCKING, CTRR_LOCKED };

struct cluster {
	enum lock_state state;
	struct ctrr *registers; /* a page of its own */
};

struct start {
	const struct cpus_options *o;
	struct cpus_report *report;
	pthread_mutex_t mutex;	/* for all that follows, and for calls of o->event */
	pthread_cond_t changed; /* the state of a cluster */
	struct cluster clusters[MACHINE_CLUSTERS_MAX];
};

/* One core, and the thread that is the code which runs on it first. */
struct core {
	struct start *s;
	unsigned cpu, cluster;
	bool locks; /* it is the first of its cluster */
	bool runs, up;
	pthread_t thread;
};

static bool has_ctrr(const struct start *s)
{
	return s->o->lock_ctrr && s->o->machine->locks_ctrr;
}

static void tell(struct start *s, const struct core *c, enum cpu_event_kind kind)
{
	const struct cpu_event ev = {
		.kind = kind,
		.cpu = c->cpu,
		.cluster = c->cluster,
		.type = s->o->machine->cluster[c->cluster].type,
		.ns = clock_ns(),
	};

	if (!s->o->event)
		return;
	pthread_mutex_lock(&s->mutex);
	s->o->event(s->o->ctx, &ev);
	pthread_mutex_unlock(&s->mutex);
}

static void set_state(struct start *s, unsigned cluster, enum lock_state state)
{
	pthread_mutex_lock(&s->mutex);
	s->clusters[cluster].state = state;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->mutex);
}

/* ---- on the core ---- */

static void lock_cluster(struct start *s, const struct core *c)
{
	struct ctrr *registers = s->clusters[c->cluster].registers;

	if (s->o->before_lock)
		s->o->before_lock(s->o->ctx, c->cpu);
	*registers = (struct ctrr){
		.lower = s->o->text_lower,
		.upper = s->o->text_upper,
		.locked_by = c->cpu,
	};
	/* From here on a write to them is a fault, whoever makes it. */
	if (mprotect(registers, PAGE, PROT_READ))
		abort();
	s->report->ctrr[c->cluster] = registers;
	tell(s, c, CPU_LOCKED);
	set_state(s, c->cluster, CTRR_LOCKED);
}

static void *first_code(void *arg)
{
	struct core *c = arg;

	/* The thread was made for this CPU alone. */
	c->up = sched_getcpu() == (int)c->cpu;
	if (c->up)
		tell(c->s, c, CPU_UP);
	if (c->locks && c->up)
		lock_cluster(c->s, c);
	else if (c->locks)
		set_state(c->s, c->cluster, CTRR_UNLOCKED);
	return NULL;
}

/* ---- on the boot core ---- */

/* The first of a cluster goes ahead; others wait until the cluster is locked. */
static void await_cluster(struct core *c)
{
	struct cluster *k = &c->s->clusters[c->cluster];

	pthread_mutex_lock(&c->s->mutex);
	while (k->state == CTRR_LOCKING)
		pthread_cond_wait(&c->s->changed, &c->s->mutex);
	if (k->state == CTRR_UNLOCKED && has_ctrr(c->s)) {
		k->state = CTRR_LOCKING;
		c->locks = true;
	}
	pthread_mutex_unlock(&c->s->mutex);
}

static int plug_in(unsigned cpu)
{
	char path[64];
	int fd, r = 0;

	snprintf(path, sizeof(path), CPU_DIR "/cpu%u/online", cpu);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	if (write(fd, "1", 1) != 1)
		r = errno;
	close(fd);
	return r;
}

static int run_on(struct core *c)
{
	pthread_attr_t attr;
	cpu_set_t set;
	int r;

	CPU_ZERO(&set);
	CPU_SET(c->cpu, &set);
	r = pthread_attr_init(&attr);
	if (r)
		return r;
	r = pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	if (!r)
		r = pthread_create(&c->thread, &attr, first_code, c);
	pthread_attr_destroy(&attr);
	c->runs = !r;
	return r;
}

static void start_core(struct core *c)
{
	int r = 0;

	await_cluster(c);
	if (c->cpu) {
		tell(c->s, c, CPU_STARTS);
		r = plug_in(c->cpu);
	}
	if (!r)
		r = run_on(c);
	if (!r)
		return;
	if (c->locks) /* the next one of the cluster is its first */
		set_state(c->s, c->cluster, CTRR_UNLOCKED);
	if (!c->s->report->why[0])
		snprintf(c->s->report->why, sizeof(c->s->report->why),
			 "CPU %u did not come up: %s", c->cpu, strerror(r));
}

/* How many the VM has. They are numbered without gaps. */
static unsigned n_present(void)
{
	unsigned n = 0;
	char path[64];

	do
		snprintf(path, sizeof(path), CPU_DIR "/cpu%u", n++);
	while (!access(path, F_OK));
	return n - 1;
}

static unsigned cluster_of(const struct machine_model *m, unsigned cpu)
{
	unsigned i = 0;

	while (i + 1 < m->n_clusters &&
	       cpu >= (unsigned)m->cluster[i].first_cpu + m->cluster[i].n_cpus)
		i++;
	return i;
}

static void start_all(struct start *s, struct core *cores, unsigned n)
{
	for (unsigned cpu = 0; cpu < n; cpu++) {
		cores[cpu] = (struct core){
			.s = s,
			.cpu = cpu,
			.cluster = cluster_of(s->o->machine, cpu),
		};
		start_core(&cores[cpu]);
	}
	for (unsigned cpu = 0; cpu < n; cpu++) {
		if (cores[cpu].runs)
			pthread_join(cores[cpu].thread, NULL);
		s->report->started += cores[cpu].up;
	}
}

static int make_registers(struct start *s, struct err *e)
{
	const unsigned n = s->o->machine->n_clusters;
	uint8_t *pages = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED)
		return err_sys(e, "registers of the CPUs");
	for (unsigned i = 0; i < n; i++)
		s->clusters[i].registers = (void *)(pages + i * PAGE);
	return 0;
}

int cpus_start(const struct cpus_options *o, struct cpus_report *ret, struct err *e)
{
	struct start s = {
		.o = o,
		.report = ret,
		.mutex = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER,
	};
	unsigned present = n_present(), n;
	struct core *cores;
	int r;

	*ret = (struct cpus_report){.wanted = machine_n_cpus(o->machine)};
	if (!present)
		return err_set(e, E_INFRA, "no " CPU_DIR);
	n = present < ret->wanted ? present : ret->wanted;
	if (n < ret->wanted)
		snprintf(ret->why, sizeof(ret->why), "the virtual machine has %u",
			 present);
	cores = calloc(n, sizeof(*cores));
	if (!cores)
		return err_set(e, E_NOMEM, "out of memory");
	r = make_registers(&s, e);
	if (!r)
		start_all(&s, cores, n);
	free(cores);
	return r;
}
