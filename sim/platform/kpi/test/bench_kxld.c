/* SPDX-License-Identifier: MIT */
/*
 * bench-kxld N EXECUTABLE...: how long linking takes. A prelinked kernel is made of the
 * stand-in kernel, the stand-ins of families below build/system/10.15, and N kexts that
 * use the KPIs and all families; their executables are those given, in turn. Says the
 * time of the link and the memory that it took.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "sim/base/fsio.h"
#include "sim/formats/prelink/build.h"
#include "sim/platform/kpi/kpi.h"

#define EXECUTABLE_MAX (64u << 20)

static const char *const kpis[] = {"bsd", "iokit", "libkern", "mach", "unsupported"};
static const char *const families[] = {"IOPCIFamily", "IONetworkingFamily", "IOHIDFamily",
				       "IOUSBHostFamily", "IOStorageFamily"};
#define N_KPIS	   (sizeof(kpis) / sizeof(kpis[0]))
#define N_FAMILIES (sizeof(families) / sizeof(families[0]))
#define N_LIBS	   (N_KPIS + N_FAMILIES)

struct bench {
	struct buf kernel, lib[N_LIBS], *exe;
	size_t dep[N_LIBS];
	struct kext_input *kext;
	char (*id)[64];
	size_t n, n_exes;
};

static plist_t info(const char *id, bool interface)
{
	plist_t d = plist_new_dict();

	plist_dict_set_item(d, "CFBundleIdentifier", plist_new_string(id));
	if (interface)
		plist_dict_set_item(d, "OSKernelResource", plist_new_bool(1));
	return d;
}

static void add(struct bench *b, const struct buf *exe, size_t n_deps, const char *prefix,
		const char *name)
{
	char *id = b->id[b->n];

	snprintf(id, sizeof(b->id[0]), "%s.%s", prefix, name);
	b->kext[b->n++] = (struct kext_input){
		.info = info(id, !n_deps),
		.exec = exe->data,
		.exec_len = exe->len,
		.bundle_path = id,
		.exec_rel_path = "X",
		.deps = b->dep,
		.n_deps = n_deps,
	};
}

static int read_libraries(struct bench *b, struct err *e)
{
	const struct release *r = release_by_name("10.15.0");
	int rc = kernel_standin_build(r, &b->kernel, e);

	for (size_t i = 0; !rc && i < N_LIBS; i++) {
		const char *name = i < N_KPIS ? kpis[i] : families[i - N_KPIS];
		char text[256];

		b->dep[i] = i;
		if (i < N_KPIS)
			snprintf(text, sizeof(text), "com.apple.kpi.%s", name);
		else
			snprintf(text, sizeof(text),
				 "build/system/10.15/%s.kext/Contents/MacOS/%s", name,
				 name);
		rc = i < N_KPIS ? kpi_interface_build(r, text, &b->lib[i], e)
				: fsio_read(text, EXECUTABLE_MAX, &b->lib[i], e);
		if (!rc && i < N_KPIS)
			add(b, &b->lib[i], 0, "com.apple.kpi", name);
		else if (!rc)
			add(b, &b->lib[i], N_KPIS, "com.apple.iokit", name);
	}
	return rc;
}

static int prepare(struct bench *b, size_t n, char **path, struct err *e)
{
	int r = 0;

	b->exe = calloc(b->n_exes, sizeof(*b->exe));
	b->kext = calloc(N_LIBS + n, sizeof(*b->kext));
	b->id = calloc(N_LIBS + n, sizeof(*b->id));
	if (!b->exe || !b->kext || !b->id)
		return err_set(e, E_NOMEM, "out of memory");
	for (size_t i = 0; !r && i < b->n_exes; i++)
		r = fsio_read(path[i], EXECUTABLE_MAX, &b->exe[i], e);
	if (!r)
		r = read_libraries(b, e);
	for (size_t i = 0; !r && i < n; i++) {
		char name[32];

		snprintf(name, sizeof(name), "driver%zu", i);
		add(b, &b->exe[i % b->n_exes], N_LIBS, "com.example", name);
	}
	return r;
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* whatever else runs */
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int run(struct bench *b, size_t n, struct err *e)
{
	const struct prelink_request rq = {
		.kernel = b->kernel.data,
		.kernel_len = b->kernel.len,
		.kext = b->kext,
		.n_kexts = b->n,
		.need_all = true,
	};
	struct prelink_result res = {.kaslr = false};
	struct rusage before, after;
	double start, end;
	int r;

	getrusage(RUSAGE_SELF, &before);
	start = now_ms();
	r = prelink_build(&rq, &res, e);
	end = now_ms();
	getrusage(RUSAGE_SELF, &after);
	if (!r)
		printf("%zu %.1f %ld %zu\n", n, end - start,
		       after.ru_maxrss - before.ru_maxrss, res.macho.len);
	prelink_result_release(&res);
	return r;
}

static void release(struct bench *b)
{
	for (size_t i = 0; i < b->n; i++)
		plist_free(b->kext[i].info);
	for (size_t i = 0; i < N_LIBS; i++)
		buf_release(&b->lib[i]);
	for (size_t i = 0; b->exe && i < b->n_exes; i++)
		buf_release(&b->exe[i]);
	buf_release(&b->kernel);
	free(b->exe);
	free(b->kext);
	free(b->id);
}

int main(int argc, char **argv)
{
	struct bench b = {.n = 0};
	struct err e = ERR_INIT;
	size_t n;
	int r;

	if (argc < 3) {
		fputs("usage: bench-kxld N EXECUTABLE...\n"
		      "Prints N, ms of the processor, KiB of memory, bytes of the "
		      "result.\n",
		      stderr);
		return 2;
	}
	n = strtoul(argv[1], NULL, 10);
	b.n_exes = (size_t)argc - 2;
	r = prepare(&b, n, argv + 2, &e);
	if (!r)
		r = run(&b, n, &e);
	if (r)
		fprintf(stderr, "bench-kxld: %s\n", e.msg);
	release(&b);
	return r != 0;
}
