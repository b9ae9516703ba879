/* SPDX-License-Identifier: MIT */
/*
 * A machine that plays from a script, for the tests of the engine: its disk is a tree in
 * memory per volume, its prelinked kernels are texts, its programs answer what the test
 * says.
 */
#ifndef HARNESS_TEST_FAKE_H
#define HARNESS_TEST_FAKE_H

#include "harness/engine.h"
#include "sim/formats/fstree/fstree.h"

struct fake_reply {
	const char *match; /* pattern of the arguments, joined by spaces */
	int status;
	const char *out, *err;
	bool goes_down; /* the machine goes down with it */
	int fails;	/* an enum err_code: the operation itself fails */
};

struct fake {
	struct fs_tree system, data;
	struct machine_sink sink;
	const struct fake_reply *replies; /* ends with match NULL */
	const char *const *boot_lines;	  /* printed at each boot; ends with NULL */
	const char *const *down_lines;	  /* printed at each shutdown */
	const char *refuse;		  /* reason why the next boot is refused */
	void (*at_shutdown)(struct fake *f);
	const char *event; /* JSON sent at boot besides boot.kernel */
	const char *lie;   /* sha256 that boot.kernel tells; NULL: the truth */
	uint32_t csr;
	struct seal_state seal;
	size_t more_containers; /* beside the system's */
	bool tagged;
	bool on, restart;
	char log[8192]; /* what was asked of it, a line each */
};

void fake_init(struct fake *f);
void fake_release(struct fake *f);
struct machine fake_machine(struct fake *f);

/* A prelinked kernel of the fake: lines "id version". */
void fake_system_kernel(struct fake *f, const char *text);
void fake_staged_kernel(struct fake *f, const char *text);
/* A file of the Data volume. */
void fake_data_file(struct fake *f, const char *path, const char *text);
int fake_read_kernel(const void *data, size_t len, struct arena *a,
		     struct kernel_info *ret, struct err *e);

#endif
