/* SPDX-License-Identifier: MIT */
/* Inside struct vm; for the files vm*.c and start.c alone. */
#ifndef SIM_VM_VM_IMPL_H
#define SIM_VM_VM_IMPL_H

#include <limits.h>

#include "sim/vm/qemu.h"
#include "sim/vm/vm.h"

struct vm {
	struct qemu q;
	struct vm_config cfg; /* after vm_start its strings are gone */
	char console_log[PATH_MAX], carrier_log[PATH_MAX], messages[PATH_MAX];
	int64_t zero_ns;
	bool started;         /* q is to be released */

	enum vm_down how;
	char reason[512];
	bool cut;             /* the guest was told to end without a word */
	int64_t answered_ns;  /* the last reply came */
	int64_t down_ns;      /* the event down came */
	struct vm_times times;
};

/* Tell people. */
void vm_note(struct vm *vm, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* start.c: from the configuration to a carrier that is ready. */
int vm_bring_up(struct vm *vm, struct err *e) MUST_CHECK;

#endif
