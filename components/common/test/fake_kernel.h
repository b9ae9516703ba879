/* SPDX-License-Identifier: MIT */
/*
 * A kernel's socket for the tests of tools: a thread that answers each request as the
 * test says, one connection after the other, and keeps what was asked.
 */
#ifndef COMPONENTS_COMMON_TEST_FAKE_KERNEL_H
#define COMPONENTS_COMMON_TEST_FAKE_KERNEL_H

#include <jansson.h>
#include <pthread.h>

#include "sim/base/buf.h"

struct fake_kernel {
	char socket[256];
	/* The reply to @req, owned by the caller: packet_reply(0, NULL) with what belongs in
	 * it. */
	json_t *(*answer)(void *ctx, const char *op, const json_t *req);
	void *ctx;
	int file; /* that came with the request, while it is answered; -1: none */
	struct buf asked; /* requests, a line each, keys sorted */
	int listener;
	pthread_t thread;
};

/* Listens in the test's folder. The fields answer and ctx have been set. */
void fake_kernel_start(struct fake_kernel *k);
/* Ends the thread; what was asked can be read then. */
void fake_kernel_stop(struct fake_kernel *k);
void fake_kernel_release(struct fake_kernel *k);

#endif
