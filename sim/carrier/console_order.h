/* SPDX-License-Identifier: MIT */
/*
 * Which of two streams goes on the screen next: what the Mac's programs wrote into the
 * console pipe, or a line of its kernel. The policy's ring buffer has the order in which
 * both happened (sim/carrier/sip/events.h); the bytes are in the pipe.
 */
#ifndef SIM_CARRIER_CONSOLE_ORDER_H
#define SIM_CARRIER_CONSOLE_ORDER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* As much as one packet of a pipe can hold (pipe(7), O_DIRECT). */
#define CONSOLE_PACKET_MAX 4096

struct console_order {
	/* Next packet of the pipe into @buf: its size, or 0 when there is none now. */
	size_t (*next)(void *arg, void *buf, size_t size);
	void (*print)(void *arg, const void *data, size_t len);
	void *arg;
	uint64_t ahead; /* bytes printed before the event that tells of them */
};

/* A console write of @len bytes comes next. */
void console_order_write(struct console_order *o, uint64_t len);

/* A kernel line comes next; @text has no newline. */
void console_order_line(struct console_order *o, const char *text);

/*
 * The pipe has something although no event tells of it: print one packet. Returns its
 * size, 0 when the pipe is empty.
 */
size_t console_order_unannounced(struct console_order *o);

#endif
