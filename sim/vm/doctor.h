/* SPDX-License-Identifier: MIT */
/* Is everything here that running a machine takes? */
#ifndef SIM_VM_DOCTOR_H
#define SIM_VM_DOCTOR_H

#include <stdbool.h>

struct vm_check {
	const char *name;   /* "accelerator" */
	bool ok;
	const char *detail; /* "tcg: kvm did not reach the first line in 5 s" */
	const char *advice; /* "make deps"; NULL when ok */
};

struct vm_doctor_options {
	const char *cache_dir; /* build/cache */
	const char *guest_dir; /* build/guest */
	const char *qemu;      /* NULL: from PATH */
};

/* Call @fn for each check. Returns the number of checks that are not ok. */
int vm_doctor(const struct vm_doctor_options *o,
	      void (*fn)(void *arg, const struct vm_check *c), void *arg);

#endif
