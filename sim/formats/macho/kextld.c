/* SPDX-License-Identifier: MIT */
/* kextld: link Mach-O objects into a kernel extension (objlink.h). */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/base/fsio.h"
#include "sim/formats/macho/objlink.h"

#define OBJECT_MAX (64u << 20)

static int link_files(char **path, size_t n, const char *out_path, struct err *e)
{
	struct objlink_input in[OBJLINK_INPUTS_MAX];
	struct buf content[OBJLINK_INPUTS_MAX] = {BUF_INIT};
	struct buf out = BUF_INIT;
	int r = 0;

	if (n > OBJLINK_INPUTS_MAX)
		return err_set(e, E_OVERFLOW, "more than %d objects", OBJLINK_INPUTS_MAX);
	for (size_t i = 0; !r && i < n; i++) {
		r = fsio_read(path[i], OBJECT_MAX, &content[i], e);
		in[i] = (struct objlink_input){path[i], content[i].data, content[i].len};
	}
	if (!r)
		r = objlink(in, n, &out, e);
	if (!r)
		r = fsio_write_atomic(out_path, out.data, out.len, 0644, e);
	for (size_t i = 0; i < n; i++)
		buf_release(&content[i]);
	buf_release(&out);
	return r;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *out = NULL;
	struct err e = ERR_INIT;
	int c;

	while ((c = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
		if (c == 'h') {
			puts("usage: kextld -o KEXT_EXECUTABLE OBJECT...\n"
			     "Link x86_64 Mach-O objects (clang -target "
			     "x86_64-apple-macos10.15\n"
			     "-mkernel -c) into an MH_KEXT_BUNDLE. Undefined symbols "
			     "stay: the\n"
			     "kernel's linker binds them.");
			return 0;
		}
		if (c != 'o')
			return 2;
		out = optarg;
	}
	if (!out || optind == argc) {
		fputs("usage: kextld -o KEXT_EXECUTABLE OBJECT...\n", stderr);
		return 2;
	}
	if (link_files(argv + optind, (size_t)(argc - optind), out, &e)) {
		fprintf(stderr, "kextld: %s\n", e.msg);
		return 1;
	}
	return 0;
}
