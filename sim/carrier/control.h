/* SPDX-License-Identifier: MIT */
/*
 * The control channel: JSON lines over a virtio-serial port, spoken by init in the
 * guest and by sim/vm on the host (docs/architecture.md, "Control channel").
 */
#ifndef SIM_CARRIER_CONTROL_H
#define SIM_CARRIER_CONTROL_H

#include <stddef.h>

#include "sim/base/buf.h"
#include "sim/base/err.h"

#define CONTROL_PORT "org.kextlab.control"
/* A line of either direction, newline included. */
#define CONTROL_LINE_MAX (48u << 20)
/* Of each of a program's outputs; more is cut and marked "truncated". */
#define CONTROL_OUTPUT_MAX (16u << 20)
/* Of a program's standard input. */
#define CONTROL_STDIN_MAX (32u << 20)

/* Append base64 of @data to @out, without line breaks. */
int control_b64_encode(const void *data, size_t len, struct buf *out, struct err *e)
	MUST_CHECK;

/*
 * Append what @text (@len characters and a NUL) stands for to @out. E_CORRUPT if it is
 * not padded base64.
 */
int control_b64_decode(const char *text, size_t len, struct buf *out, struct err *e)
	MUST_CHECK;

/* Where the cutting of a stream into lines is; all zeros when its buffer is empty. */
struct control_cut {
	size_t pos;  /* of the next line */
	size_t seen; /* up to here there is no newline */
};

/*
 * Cut lines out of a stream. Append what was read to @in, then call this until it
 * returns NULL: each call hands out the next line, without its newline but with a NUL
 * in its place, borrowed until the next append.
 */
char *control_next_line(struct buf *in, struct control_cut *cut, size_t *ret_len);

#endif
