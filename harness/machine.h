/* SPDX-License-Identifier: MIT */
/*
 * The machine a scenario runs on, as the engine sees it. machine_vm.c is the real one
 * (a disk, its NVRAM and QEMU); the tests have one that plays from a script.
 */
#ifndef HARNESS_MACHINE_H
#define HARNESS_MACHINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/disk_seal.h"
#include "harness/macfs.h"
#include "sim/base/buf.h"
#include "sim/base/err.h"

enum machine_mode { MODE_NORMAL, MODE_RECOVERY };

struct machine_boot {
	enum machine_mode mode;
	int64_t clock_ns; /* of the Mac, since 1970 */
	double time_factor;
	const char *hold; /* where to stop for good until power_cut; NULL: nowhere */
	unsigned timeout_ms;
};

struct machine_exec {
	const char *const *argv; /* NULL-terminated */
	const void *input;	 /* standard input; NULL: empty */
	size_t input_len;
	unsigned uid;
	unsigned timeout_ms;
};

struct machine_result {
	int status; /* of exit(2) */
	int signal; /* 0, or what ended it */
	struct buf out, err;
	bool gone; /* the machine went down while the program ran: no status */
};

enum machine_down { DOWN_RESTART, DOWN_HALT, DOWN_PANIC };

#define MACHINE_REASON_MAX 512
#define MACHINE_SAID_MAX   2560

/*
 * Where the machine puts what it sees. @t_ms counts from the start of the run.
 * Called from within the machine's operations only, never from another thread.
 */
struct machine_sink {
	void *ctx;
	void (*console)(void *ctx, uint64_t t_ms, const char *line);
	void (*event)(void *ctx, uint64_t t_ms, const json_t *event); /* borrowed */
};

struct release;
struct seal_break_spec;

/* A container of the disk, as its judges have to know it. */
struct machine_container {
	char device[16]; /* "disk3" */
	bool main;	 /* the system's */
	bool tagged;	 /* a volume names a snapshot to root from */
};

struct machine_ops {
	/*
	 * Power on and boot. *ret_up: launchd runs; else boot refused, @reason says why,
	 * and the machine is off again. E_TIMEOUT, E_INFRA.
	 */
	int (*boot)(void *m, const struct machine_boot *boot, bool *ret_up,
		    char reason[static MACHINE_REASON_MAX], struct err *e);
	/* Run a program of the Mac. Caller initialises and releases @r. E_TIMEOUT. */
	int (*exec)(void *m, const struct machine_exec *x, struct machine_result *r,
		    struct err *e);
	/* Wait until a shutdown under way has ended and the power is off. E_TIMEOUT. */
	int (*wait_down)(void *m, unsigned timeout_ms, enum machine_down *ret_how,
			 char reason[static MACHINE_REASON_MAX], struct err *e);
	/* Let the machine run for @ms; console and events go to the sink. */
	int (*idle)(void *m, unsigned ms, struct err *e);
	/* The bytes of a program of the laboratory for the guest, to be handed over. */
	int (*guest_tool)(void *m, const char *name, struct buf *out, struct err *e);
	/* Pull the plug. */
	int (*power_cut)(void *m, struct err *e);
	/* The rest with the power off. */
	int (*set_csr)(void *m, uint32_t csr, struct err *e);
	/* Append the variable's bytes. E_NOTFOUND. */
	int (*nvram_get)(void *m, const char *name, struct buf *out, struct err *e);
	/* The disk as it is; free with macfs_free before the next boot. */
	int (*open_disk)(void *m, struct macfs **ret, struct err *e);
	/* The seal of the System volume; with @verify all of it is checked. */
	int (*seal)(void *m, bool verify, struct seal_state *ret, struct err *e);
	/* Damage the System volume. @said: what was changed, for people. E_INVAL, E_NOTFOUND.
	 */
	int (*seal_break)(void *m, const struct seal_break_spec *spec,
			  char said[static MACHINE_SAID_MAX], struct err *e);
	/* Fix its seal as images/seal_fix.h does. @said: the same; *ret_holds: it does now.
	 */
	int (*seal_fix)(void *m, bool revert, char said[static MACHINE_SAID_MAX],
			bool *ret_holds, struct err *e);
	/*
	 * Install @to from Recovery, over a release that was sealed (images/disk.h). @now:
	 * the Mac's clock.
	 */
	int (*reinstall)(void *m, const struct release *to, int64_t now_ns, struct err *e);
	/* The bytes of container @i, from 0, as a file that judges can read. E_NOTFOUND. */
	int (*export_container)(void *m, size_t i, const char *path,
				struct machine_container *ret, struct err *e);
	/* The archive that updates this disk to another release (images/disk.h). */
	int (*update_archive)(void *m, const struct release *to, struct buf *out,
			      struct err *e);
};

struct machine {
	const struct machine_ops *ops;
	void *m; /* first argument of every operation */
};

static inline void machine_result_release(struct machine_result *r)
{
	buf_release(&r->out);
	buf_release(&r->err);
}

#endif
