/* SPDX-License-Identifier: MIT */
/*
 * A client of JSON lines over a stream: requests carry an "id", the reply has the same;
 * everything without an id is an event. Both QMP (QEMU, docs/interop/qmp-spec.txt) and
 * the control channel of the carrier are of this kind. One request at a time: the reply
 * to one that was given up is dropped when it comes late.
 */
#ifndef SIM_VM_RPC_H
#define SIM_VM_RPC_H

#include <jansson.h>

#include "sim/base/buf.h"
#include "sim/carrier/control.h"
#include "sim/vm/pump.h"

struct rpc {
	struct pump_source source; /* give it to a pump; fd is -1 after the end */
	const char *name;          /* for messages: "QMP" */
	size_t line_max;
	void (*on_event)(void *arg, const json_t *event); /* may be NULL */
	void *arg;
	const struct err *abort; /* when its code is set, calls end with it; or NULL */

	struct buf in, out;
	struct control_cut cut;
	size_t out_pos;
	json_int_t last_id, waiting; /* 0: nobody waits */
	json_t *reply;               /* to what is waited for */
	struct err wrong;            /* the peer broke the protocol */
};

/* @fd is taken over; set name, line_max, on_event, arg, abort after this. */
void rpc_init(struct rpc *c, int fd);
void rpc_release(struct rpc *c);

/*
 * Send @req and wait, serving all of @p, which has c->source. *@ret is the reply, to be
 * released. E_INFRA when the peer closes or talks nonsense; E_TIMEOUT; E_CANCELED.
 * @send_fd: a descriptor to pass along (SCM_RIGHTS), -1: none.
 */
int rpc_call(struct rpc *c, struct pump *p, json_t *req, int send_fd, int64_t deadline,
	     json_t **ret, struct err *e) MUST_CHECK;

/* Send @req without waiting; its reply will be dropped. */
int rpc_post(struct rpc *c, json_t *req, struct err *e) MUST_CHECK;

/* Is the stream at its end, with all lines taken? */
static inline bool rpc_ended(const struct rpc *c)
{
	return c->source.fd < 0;
}

#endif
