/* SPDX-License-Identifier: MIT */
/* What boot says to init (sim/carrier/boot_protocol.h). */
#ifndef COMPONENTS_BOOT_CHANNEL_H
#define COMPONENTS_BOOT_CHANNEL_H

#include <jansson.h>

#include "components/boot/klog.h"
#include "sim/base/err.h"

/*
 * Send and release @msg, of the given "type"; @pass_fd goes with it unless it is -1.
 * Without init there is nothing left to do: the program ends.
 */
void channel_send(int fd, const char *type, json_t *msg, int pass_fd);

/* {"event":@name, ...members of @more}; @more is released and may be NULL. */
void channel_event(int fd, const char *name, json_t *more);
/* The event boot.stage; @ns: how long it took. */
void channel_stage(int fd, const char *stage, const char *detail, int64_t ns);
/* A record of the unified log: the event log, and a line of the console. A klog sink. */
void channel_log(void *unused, const struct klog_record *r);
/* A line of the Mac's console. */
void channel_say(int fd, const char *form, ...) PRINTF_LIKE(2, 3);

/* The next packet, owned by the caller; NULL when init is gone or makes no sense. */
json_t *channel_receive(int fd);

#endif
