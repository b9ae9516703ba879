/* SPDX-License-Identifier: MIT */
/*
 * The sockets of /dev/xnu: SOCK_SEQPACKET, one JSON object per packet, one reply
 * per request (docs/architecture.md). They stand for Mach ports: a closed
 * connection tells the server that its client died.
 *
 * A reply holds "errno", 0 or a number of <errno.h>, and for an error may hold "error",
 * what happened in words.
 */
#ifndef COMPONENTS_COMMON_PACKET_H
#define COMPONENTS_COMMON_PACKET_H

#include <jansson.h>

#include "sim/base/err.h"

#define PACKET_MAX     65536 /* bytes; a longer packet is an error */
#define PACKET_FOREVER (-1)  /* a timeout: wait without end, as a Mach call does */

/* Make the socket @path, replacing a stale one, and listen. @ret_fd is CLOEXEC and
 * nonblocking; the caller closes it. */
int packet_listen(const char *path, int *ret_fd, struct err *e) MUST_CHECK;

/* E_NOTFOUND when there is no such socket or nobody listens on it. */
int packet_connect(const char *path, int *ret_fd, struct err *e) MUST_CHECK;

/* E_IO when the peer is gone; E_BUSY when it does not read what it was sent. */
int packet_send(int fd, const json_t *msg, struct err *e) MUST_CHECK;

/*
 * Receive one object; the caller owns *@ret. E_NOTFOUND when the peer closed,
 * E_TIMEOUT after @timeout_ms, E_CORRUPT for anything but one JSON object.
 */
int packet_recv(int fd, int timeout_ms, json_t **ret, struct err *e) MUST_CHECK;

/*
 * Send @req over @fd and receive the reply. 0 whatever errno the reply holds; the
 * caller owns *@reply. Errors as above, and E_CORRUPT for a reply without errno.
 */
int packet_call(int fd, const json_t *req, int timeout_ms, json_t **reply,
		struct err *e) MUST_CHECK;

/*
 * The same with a file, as Mach sends memory out of line: packet_call_file passes @file
 * along with @req and keeps its own; packet_recv_file gives *@ret_file to the caller, who
 * closes it, or -1 when none came. Who receives otherwise never sees a file.
 */
int packet_call_file(int fd, const json_t *req, int file, int timeout_ms, json_t **reply,
		     struct err *e) MUST_CHECK;
int packet_recv_file(int fd, int timeout_ms, json_t **ret, int *ret_file,
		     struct err *e) MUST_CHECK;

/* errno of a reply that packet_call gave. */
int packet_errno(const json_t *reply);

/* A new reply: {"errno":N} and, unless @error is NULL, "error". NULL out of memory. */
json_t *packet_reply(int error_number, const char *error);

/* The user at the other end of a connected socket; (uid_t)-1 if it cannot be told. */
unsigned packet_peer_uid(int fd);
/* Its process, as this PID namespace numbers it; 0 if it cannot be told. */
int packet_peer_pid(int fd);

#endif
