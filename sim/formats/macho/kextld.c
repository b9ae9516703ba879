/* SPDX-License-Identifier: MIT */
/* kextld: link Mach-O objects into a kernel extension (objlink.h). */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/base/fsio.h"
#include "sim/formats/macho/objlink.h"
#include "sim/formats/macho/write.h"

#define OBJECT_MAX (64u << 20)
#define N_ARCHS	   2

struct linker {
	struct objlink_input in[OBJLINK_INPUTS_MAX];
	struct buf content[OBJLINK_INPUTS_MAX];
	size_t n;
	bool split;
};

static int read_objects(struct linker *l, char **path, size_t n, struct err *e)
{
	int r = 0;

	if (n > OBJLINK_INPUTS_MAX)
		return err_set(e, E_OVERFLOW, "more than %d objects", OBJLINK_INPUTS_MAX);
	for (l->n = 0; !r && l->n < n; l->n++) {
		struct buf *b = &l->content[l->n];

		r = fsio_read(path[l->n], OBJECT_MAX, b, e);
		l->in[l->n] = (struct objlink_input){path[l->n], b->data, b->len};
	}
	return r;
}

/* Link the objects of one architecture; appends nothing when there are none. */
static int link_slice(const struct linker *l, const struct macho_arch *arch,
		      struct buf *out, struct err *e)
{
	struct objlink_input in[OBJLINK_INPUTS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (macho_arch_of(l->in[i].data, l->in[i].len) == arch)
			in[n++] = l->in[i];
	return n ? objlink_split(in, n, l->split, out, e) : 0;
}

/* One file for each architecture; together in a fat one when there are several. */
static int link_all(const struct linker *l, struct buf *out, struct err *e)
{
	struct buf slice[N_ARCHS] = {BUF_INIT};
	size_t n = 0;
	int r = 0;

	for (unsigned cpu = 0; !r && cpu < N_ARCHS; cpu++) {
		r = link_slice(l, macho_arch(cpu), &slice[n], e);
		n += slice[n].len != 0;
	}
	if (!r && n == 0) /* objlink knows what to say of them */
		r = objlink_split(l->in, l->n, l->split, out, e);
	else if (!r && n == 1)
		r = buf_append(out, slice[0].data, slice[0].len, e);
	else if (!r)
		r = macho_put_fat(out, slice, n, e);
	for (unsigned i = 0; i < N_ARCHS; i++)
		buf_release(&slice[i]);
	return r;
}

static int link_files(char **path, size_t n, bool split, const char *out_path,
		      struct err *e)
{
	static struct linker l;
	struct buf out = BUF_INIT;
	int r;

	l.split = split;
	r = read_objects(&l, path, n, e);
	if (!r)
		r = link_all(&l, &out, e);
	if (!r)
		r = fsio_write_atomic(out_path, out.data, out.len, 0644, e);
	for (size_t i = 0; i < l.n; i++)
		buf_release(&l.content[i]);
	buf_release(&out);
	return r;
}

static const char help[] =
	"usage: kextld [--split] -o KEXT_EXECUTABLE OBJECT...\n"
	"Link Mach-O objects (clang -target x86_64-apple-macos10.15 or\n"
	"arm64e-apple-macos12, -mkernel -c) into an MH_KEXT_BUNDLE, a fat file when "
	"they\n"
	"are of both architectures. Undefined symbols stay: the kernel's linker binds\n"
	"them. With --split segments can be placed apart, as kernel collections do it.\n";

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'},
		{"split", no_argument, NULL, 's'},
		{NULL, 0, NULL, 0},
	};
	const char *out = NULL;
	struct err e = ERR_INIT;
	bool split = false;
	int c;

	while ((c = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(help, stdout);
			return 0;
		}
		if (c == '?')
			return 2;
		if (c == 's')
			split = true;
		else
			out = optarg;
	}
	if (!out || optind == argc) {
		fputs("usage: kextld [--split] -o KEXT_EXECUTABLE OBJECT...\n", stderr);
		return 2;
	}
	if (link_files(argv + optind, (size_t)(argc - optind), split, out, &e)) {
		fprintf(stderr, "kextld: %s\n", e.msg);
		return 1;
	}
	return 0;
}
