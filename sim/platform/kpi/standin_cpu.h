/* SPDX-License-Identifier: MIT */
/* What of the stand-in kernel depends on the processor. */
#ifndef SIM_PLATFORM_KPI_STANDIN_CPU_H
#define SIM_PLATFORM_KPI_STANDIN_CPU_H

#include "sim/base/buf.h"
#include "sim/formats/macho/arch.h"

#define STANDIN_SLOT 16 /* bytes of a symbol without a size of its own */

struct standin_cpu {
	enum macho_cpu cpu;
	uint64_t text_addr; /* where the kernel's __TEXT begins */
	/* A function that returns 0, and traps should anything run into it or past it. */
	const uint8_t *function; /* STANDIN_SLOT bytes */
	/* LC_UNIXTHREAD with @entry as the program counter. */
	int (*put_thread)(struct buf *out, uint64_t entry, struct err *e);
};

const struct standin_cpu *standin_cpu(enum macho_cpu cpu);

#endif
